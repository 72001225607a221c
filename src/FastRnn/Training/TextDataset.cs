using System.Collections;

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
    public ChunkSequence Chunks(int batchSize, int timeSteps) => new(_tokens, batchSize, timeSteps);
}

/// <summary>Windows over parallel streams of one text. Enumerating allocates nothing: a window is valid until the next one.</summary>
public sealed class ChunkSequence : IEnumerable<SequenceChunk>
{
    private readonly int[] _tokens;
    private readonly int _streamLength;
    private readonly SequenceChunk _full;
    private readonly SequenceChunk _last;

    internal ChunkSequence(int[] tokens, int batchSize, int timeSteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(timeSteps, 1);
        _tokens = tokens;
        _streamLength = (tokens.Length - 1) / batchSize;
        if (_streamLength < 1)
            throw new ArgumentException($"a text of {tokens.Length} characters cannot feed {batchSize} streams: {batchSize + 1} are needed at least");
        timeSteps = Math.Min(timeSteps, _streamLength);
        Count = (int)(((long)_streamLength + timeSteps - 1) / timeSteps);
        TimeSteps = timeSteps;
        _full = new SequenceChunk(timeSteps, batchSize);
        int rest = _streamLength - ((Count - 1) * timeSteps);
        _last = rest == timeSteps ? _full : new SequenceChunk(rest, batchSize);
    }

    /// <summary>Windows in one pass.</summary>
    public int Count { get; }

    /// <summary>Characters predicted in one pass.</summary>
    public int TokensPerPass => _streamLength * _full.Batch;

    /// <summary>Parallel streams.</summary>
    public int BatchSize => _full.Batch;

    /// <summary>Steps of a window; the last may be shorter.</summary>
    public int TimeSteps { get; }

    /// <summary>Window <paramref name="index"/>, in a buffer that the next call reuses.</summary>
    public SequenceChunk this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            SequenceChunk chunk = index == Count - 1 ? _last : _full;
            chunk.StartsStreams = index == 0;
            for (int b = 0; b < chunk.Batch; b++)
            {
                int from = (b * _streamLength) + (index * TimeSteps);
                for (int t = 0; t < chunk.Steps; t++)
                {
                    chunk.Inputs[(t * chunk.Batch) + b] = _tokens[from + t];
                    chunk.Targets[(t * chunk.Batch) + b] = _tokens[from + t + 1];
                }
            }
            return chunk;
        }
    }

    /// <summary>Goes through the windows in order.</summary>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<SequenceChunk> IEnumerable<SequenceChunk>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Position in a <see cref="ChunkSequence"/>.</summary>
    public struct Enumerator(ChunkSequence chunks) : IEnumerator<SequenceChunk>
    {
        private int _index = -1;

        /// <inheritdoc/>
        public SequenceChunk Current { get; private set; } = null!;

        readonly object IEnumerator.Current => Current;

        /// <inheritdoc/>
        public bool MoveNext()
        {
            if (_index + 1 >= chunks.Count)
                return false;
            Current = chunks[++_index];
            return true;
        }

        /// <inheritdoc/>
        public void Reset() => _index = -1;

        /// <inheritdoc/>
        public readonly void Dispose()
        {
        }
    }
}
