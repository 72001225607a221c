namespace FastRnn.Training;

/// <summary>A text as a stream of character tokens.</summary>
public sealed class TextDataset
{
    private readonly int[] _tokens;

    private TextDataset(Vocabulary vocabulary, int[] tokens)
    {
        Vocabulary = vocabulary;
        _tokens = tokens;
    }

    /// <summary>The characters that occur, or that were given.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>Characters.</summary>
    public int Length => _tokens.Length;

    /// <summary>The tokens in order.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>Reads a UTF-8 text file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="vocabulary">Of a model that is to read it; null takes the characters that occur.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is empty or not UTF-8.</exception>
    /// <exception cref="UnknownSymbolException">A character is not in the vocabulary.</exception>
    public static TextDataset Open(string path, Vocabulary? vocabulary = null)
    {
        return FromUtf8(File.ReadAllBytes(path), path, vocabulary);
    }

    /// <summary>Decodes a text that was read already; errors call it <paramref name="path"/>.</summary>
    internal static TextDataset FromUtf8(ReadOnlySpan<byte> bytes, string path, Vocabulary? vocabulary = null)
    {
        string text;
        try
        {
            text = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetString(WithoutMark(bytes));
        }
        catch (System.Text.DecoderFallbackException e)
        {
            bool wide = bytes.Length > 1 && (bytes[0], bytes[1]) is (0xFF, 0xFE) or (0xFE, 0xFF);
            throw new InvalidDataException($"{path}: not UTF-8 text ({(wide ? "it begins as UTF-16 does" : e.Message)})", e);
        }
        if (text.Length == 0)
            throw new InvalidDataException($"{path}: the file is empty");
        try
        {
            return FromText(text, vocabulary);
        }
        catch (UnknownSymbolException e)
        {
            throw new UnknownSymbolException(path, e);
        }
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="UnknownSymbolException">A character is not in the vocabulary.</exception>
    public static TextDataset FromText(string text, Vocabulary? vocabulary = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        vocabulary ??= Vocabulary.FromText(text);
        return new TextDataset(vocabulary, vocabulary.Encode(text));
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        return bytes.StartsWith(mark) ? bytes[mark.Length..] : bytes;
    }

    /// <summary>The first part for training, the last <paramref name="validationFraction"/> for validation.</summary>
    /// <param name="validationFraction">In (0, 1).</param>
    public (TextDataset Train, TextDataset Validation) Split(double validationFraction)
    {
        if (!(validationFraction is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(validationFraction), validationFraction, "a validation fraction lies between 0 and 1");
        int train = (int)(Length * (1 - validationFraction));
        return (new TextDataset(Vocabulary, _tokens[..train]), new TextDataset(Vocabulary, _tokens[train..]));
    }

    /// <summary>
    /// The text as <paramref name="batchSize"/> streams side by side, cut into windows of <paramref name="timeSteps"/>: stream b covers
    /// characters b·S … (b+1)·S with S = ⌊(Length−1)/batchSize⌋, and the target of a character is the next one.
    /// </summary>
    /// <exception cref="ArgumentException">The text is too short for one step of every stream.</exception>
    public ChunkSequence Chunks(int batchSize, int timeSteps) => new(_tokens, batchSize, timeSteps, null);

    /// <summary>
    /// The same streams cut into windows of random lengths around <paramref name="timeSteps"/>, others in every <see cref="ChunkSequence.Epoch"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The text is too short for one step of every stream.</exception>
    public ChunkSequence Chunks(int batchSize, int timeSteps, RandomLengths lengths)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        return new ChunkSequence(_tokens, batchSize, timeSteps, lengths);
    }
}
