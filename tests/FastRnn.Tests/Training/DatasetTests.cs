using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Text to tokens to windows.</summary>
public sealed class DatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-dataset").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void SymbolsAreCharactersSortedByCodePoint()
    {
        Vocabulary vocabulary = Vocabulary.FromText("zebra 😀 é\n😀");
        Assert.Equal(["\n", " ", "a", "b", "e", "r", "z", "é", "😀"], vocabulary.Symbols);
        Assert.Equal((9, "😀"), (vocabulary.Count, vocabulary[8]));
        Assert.Equal([8, 1, 6, 0], vocabulary.Encode("😀 z\n"));
    }

    [Fact]
    public void UnknownCharacterIsNamedWithItsPlace()
    {
        var vocabulary = new Vocabulary(["a", "b", "\n", "😀"]);
        var error = Assert.Throws<UnknownSymbolException>(() => vocabulary.Encode("ab\n😀aéb"));
        Assert.Equal("line 2, column 3: character 'é' (U+00E9) is not among the 4 of the vocabulary", error.Message);
        Assert.Equal(("é", 2, 3), (error.Symbol, error.Line, error.Column));
        string path = Write("unknown.txt", "ab\u0007"u8.ToArray());
        error = Assert.Throws<UnknownSymbolException>(() => TextDataset.Open(path, vocabulary));
        Assert.Equal($"{path}: line 1, column 3: character <control> (U+0007) is not among the 4 of the vocabulary", error.Message);
    }

    [Fact]
    public void ImpossibleVocabulariesAreRefused()
    {
        Assert.Throws<ArgumentException>(() => new Vocabulary([]));
        Assert.Contains("symbol 1 is 'bc'", Assert.Throws<ArgumentException>(() => new Vocabulary(["a", "bc"])).Message, StringComparison.Ordinal);
        Assert.Contains("symbol 2, 'a', stands twice", Assert.Throws<ArgumentException>(() => new Vocabulary(["a", "b", "a"])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Vocabulary([""]));
        Assert.Throws<ArgumentException>(() => new Vocabulary(["\ud83d"])); // half an emoji
    }

    [Fact]
    public void FilesAreReadAsUtf8()
    {
        TextDataset plain = TextDataset.Open(Write("plain.txt", "aé😀"u8.ToArray()));
        TextDataset marked = TextDataset.Open(Write("marked.txt", [0xEF, 0xBB, 0xBF, .. "aé😀"u8]));
        Assert.Equal((3, 3), (plain.Length, marked.Length));
        Assert.Equal(plain.Tokens.ToArray(), marked.Tokens.ToArray());
        string broken = Write("broken.txt", [0x61, 0xFF, 0x62]), empty = Write("empty.txt", []), mark = Write("mark.txt", [0xEF, 0xBB, 0xBF]);
        Assert.StartsWith($"{broken}: not UTF-8 text", Assert.Throws<InvalidDataException>(() => TextDataset.Open(broken)).Message, StringComparison.Ordinal);
        Assert.Equal($"{empty}: the file is empty", Assert.Throws<InvalidDataException>(() => TextDataset.Open(empty)).Message);
        Assert.Equal($"{mark}: the file is empty", Assert.Throws<InvalidDataException>(() => TextDataset.Open(mark)).Message);
        Assert.Throws<FileNotFoundException>(() => TextDataset.Open(Path.Combine(_folder, "none.txt")));
    }

    [Fact]
    public void SplitCutsTheLastPartOff()
    {
        TextDataset all = TextDataset.FromText("abcdefghij");
        (TextDataset train, TextDataset validation) = all.Split(0.3);
        Assert.Equal([.. train.Tokens, .. validation.Tokens], all.Tokens.ToArray());
        Assert.Equal((7, 3), (train.Length, validation.Length));
        Assert.Same(all.Vocabulary, validation.Vocabulary);
        foreach (double impossible in new[] { 0, 1, -0.1, double.NaN })
            Assert.Throws<ArgumentOutOfRangeException>(() => all.Split(impossible));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(3, 5)]
    [InlineData(4, 1000)]
    [InlineData(33, 2)]
    public void WindowsCoverEveryStreamOnce(int batch, int steps)
    {
        string text = TrainingRuns.Shuffled(101, seed: batch);
        TextDataset data = TextDataset.FromText(text);
        ChunkSequence chunks = data.Chunks(batch, steps);
        int stream = 100 / batch, time = 0, windows = 0;
        foreach (SequenceChunk chunk in chunks)
        {
            Assert.Equal(windows == 0, chunk.StartsStreams);
            for (int t = 0; t < chunk.Steps; t++)
            {
                for (int b = 0; b < batch; b++)
                {
                    int at = (b * stream) + time + t;
                    Assert.Equal((data.Tokens[at], data.Tokens[at + 1]), (chunk.Inputs[(t * batch) + b], chunk.Targets[(t * batch) + b]));
                }
            }
            Assert.True(chunk.Steps == Math.Min(steps, stream) || windows == chunks.Count - 1);
            time += chunk.Steps;
            windows++;
        }
        Assert.Equal((stream, chunks.Count, stream * batch), (time, windows, chunks.TokensPerPass));
    }

    [Fact]
    public void TextThatIsTooShortSaysWhatIsNeeded()
    {
        TextDataset data = TextDataset.FromText("abcde");
        Assert.Equal(1, data.Chunks(4, 10).Count);
        Assert.Equal(
            "a text of 5 characters cannot feed 5 streams: 6 are needed at least",
            Assert.Throws<ArgumentException>(() => data.Chunks(5, 10)).Message);
        Assert.Equal((1, 4), (data.Chunks(1, int.MaxValue).Count, data.Chunks(1, int.MaxValue).TimeSteps)); // as one window
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Chunks(0, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Chunks(2, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Chunks(2, 2)[1]);
    }

    [Fact]
    public void FlagsOutsideTheWindowAreRefused()
    {
        var chunk = new SequenceChunk(3, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetReset(3, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetInactive(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetInactive(-1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceChunk(0, 2));
    }

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
