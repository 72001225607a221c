using System.IO.Compression;
using System.Text;
using FastRnn.Data;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Data;

/// <summary>Labelled and tagged text.</summary>
public sealed class TextFileTests() : FileTest("data.tsv")
{
    [Fact]
    public void Labelled_text_has_label_text_and_place()
    {
        File.WriteAllText(Target, "\uFEFFa\tone  two\tignored\tcolumns\r\n\r\nb c\t é \n");
        Assert.Equal([new("a", "one  two", Target, 1), new LabelledText("b c", "é", Target, 3)], LabelledTextFile.Read(Target));
    }

    [Fact]
    public void Folder_has_a_file_for_each_class()
    {
        File.WriteAllText(Path.Combine(_folder, "b.txt"), "x\n\ny y\n");
        File.WriteAllText(Path.Combine(_folder, "a.txt"), "z");
        File.WriteAllText(Path.Combine(_folder, "README.md"), "no class");
        Assert.Equal(["a z 1", "b x 1", "b y y 3"], LabelledTextFile.Read(_folder).Select(sample => $"{sample.Label} {sample.Text} {sample.Line}"));
    }

    [Fact]
    public void Data_of_this_repository_are_read_whole()
    {
        string data = Path.Combine(Repository.Root, "tests", "data");
        Assert.Equal(20_050, LabelledTextFile.Read(Path.Combine(data, "names")).Count);
        Assert.Equal(700, LabelledTextFile.Read(Path.Combine(data, "snips", "validate.tsv")).Count);
        IReadOnlyList<TaggedSentence> sentences = TaggedTextFile.Read(Path.Combine(data, "ud-english-ewt", "test.tsv.gz"));
        Assert.Equal((2_077, 25_094), (sentences.Count, sentences.Sum(sentence => sentence.Words.Count)));
        Assert.Equal(17, sentences.SelectMany(sentence => sentence.Tags).Distinct().Count());
    }

    [Fact]
    public void Tagged_text_has_sentences_between_empty_lines()
    {
        File.WriteAllText(Target, "\n\nThe\tDET\tDT\ncat\tNOUN\n  \n\n!\tPUNCT");
        IReadOnlyList<TaggedSentence> sentences = TaggedTextFile.Read(Target);
        Assert.Equal(["The/DET cat/NOUN 3", "!/PUNCT 7"], sentences.Select(s => $"{string.Join(' ', s.Words.Zip(s.Tags, (word, tag) => $"{word}/{tag}"))} {s.Line}"));
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("\uFEFF", "the file is empty")]
    [InlineData("\n \n", "there is no sample, all lines are empty")]
    [InlineData("a\tb\nlabel only\n", ", line 2: there is no tab: expected label, tab, text")]
    [InlineData("a\tb\n\tb\n", ", line 2: the label before the tab is empty")]
    [InlineData("a\tb\n\na\t \tc", ", line 3: the text after the tab is empty")]
    public void Labelled_text_that_cannot_be_used_is_refused(string text, string problem) => Refused(text, problem, () => LabelledTextFile.Read(Target));

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("\n\n", "there is no sentence, all lines are empty")]
    [InlineData("a\tX\n\nb\n", ", line 3: there is no tab: expected word, tab, tag")]
    [InlineData("a\tX\n\tY\n", ", line 2: the word before the tab is empty")]
    [InlineData("a\tX\nb\t\tc\n", ", line 2: the tag after the tab is empty")]
    public void Tagged_text_that_cannot_be_used_is_refused(string text, string problem) => Refused(text, problem, () => TaggedTextFile.Read(Target));

    [Fact]
    public void Line_that_is_not_utf8_is_named()
    {
        File.WriteAllBytes(Target, [.. "a\tb\nc\t"u8, 0xFF, (byte)'\n']);
        var error = Assert.Throws<DataFormatException>(() => LabelledTextFile.Read(Target));
        Assert.StartsWith($"{Target}, line 2: not UTF-8 text", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.Line);
    }

    [Fact]
    public void Packed_files_are_unpacked_and_damaged_ones_refused()
    {
        string packed = Target + ".gz";
        using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes("a\tX\n"));
        Assert.Equal("X", Assert.Single(Assert.Single(TaggedTextFile.Read(packed)).Tags));
        File.WriteAllText(packed, "a\tX\n");
        Assert.Equal($"{packed}: not a gzip file, or a damaged one", Assert.Throws<DataFormatException>(() => TaggedTextFile.Read(packed)).Message);
    }

    [Fact]
    public void Folder_without_samples_is_refused()
    {
        Assert.Contains("holds no .txt file", Assert.Throws<DataFormatException>(() => LabelledTextFile.Read(_folder)).Message, StringComparison.Ordinal);
        string empty = Path.Combine(_folder, "a.txt");
        File.WriteAllText(empty, "\n");
        Assert.Equal($"{empty}: there is no sample, all lines are empty", Assert.Throws<DataFormatException>(() => LabelledTextFile.Read(_folder)).Message);
        Assert.Throws<FileNotFoundException>(() => LabelledTextFile.Read(Target));
    }

    private void Refused(string text, string problem, Action read)
    {
        File.WriteAllText(Target, text);
        string message = Assert.Throws<DataFormatException>(read).Message;
        Assert.StartsWith(Target, message, StringComparison.Ordinal);
        Assert.EndsWith(problem, message, StringComparison.Ordinal);
    }
}
