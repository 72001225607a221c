using FastRnn.Data;
using FastRnn.Formats;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Data;

/// <summary>What files hold becomes what models read.</summary>
public sealed class SequenceEncoderTests
{
    private static readonly ClassNames _classes = new(["a", "b"]);

    [Fact]
    public void Texts_become_words_or_characters_with_a_class()
    {
        var words = new SequenceEncoder(_classes) { Words = new(["<unk>", "hi", "!"]) };
        LabelledSequence sequence = words.Encode(new LabelledText("b", "hi you!", "f", 1));
        Assert.Equal((3, 0), (sequence.Length, sequence.Features));
        Assert.Equal([1], sequence.TargetClasses.ToArray());
        Assert.Equal([1, 0, 2], words.Tokens("hi you!"));
        Assert.Equal([0, 1], new SequenceEncoder(_classes) { Characters = new(["h", "\uFFFD"]) }.Tokens("hi"));
        Assert.Throws<InvalidOperationException>(() => new SequenceEncoder(_classes).Tokens("x"));
    }

    [Fact]
    public void Unknown_tag_is_named_with_the_line_of_its_word()
    {
        var encoder = new SequenceEncoder(_classes) { Words = new(["<unk>"]) };
        Assert.Equal([0, 1], encoder.Encode(new TaggedSentence(["x", "y"], ["a", "b"], "f", 7)).TargetClasses.ToArray());
        var error = Assert.Throws<DataFormatException>(() => encoder.Encode(new TaggedSentence(["x", "y"], ["a", "c"], "f", 7)));
        Assert.Equal("f, line 8: class 'c' did not occur in training, which had 2: a, b", error.Message);
    }

    [Fact]
    public void Series_are_standardised_and_must_have_their_channels()
    {
        SequenceEncoder encoder = SequenceEncoder.FromModel(new ModelInfo { Classes = _classes, Standardization = new([1, 2], [2, 4]) }, 2);
        LabelledSequence sequence = encoder.Encode(new LabelledSeries(null, new float[] { 3, 2, 1, -2 }, 2, "f", 1));
        Assert.Equal([-1], sequence.TargetClasses.ToArray());
        Assert.Equal([1, 0, 0, -1], SequenceBatches.Pad([sequence]).InputValues.ToArray());
        Assert.Equal(
            "f, line 9: 1 channels, expected 2 as in training",
            Assert.Throws<DataFormatException>(() => encoder.Encode(new LabelledSeries("a", new float[2], 1, "f", 9))).Message);
        Assert.Throws<ArgumentException>(() => SequenceEncoder.FromModel(new ModelInfo(), 2));
    }

    [Fact]
    public void Line_without_class_is_a_series()
    {
        LabelledSeries series = TsFile.ParseSeries("1,2:3,4", "standard input", 5);
        Assert.Equal((null, 2, 2), (series.Label, series.Channels, series.Length));
        Assert.Equal(
            "standard input, line 5: channel 2 has 1 values, expected 2",
            Assert.Throws<DataFormatException>(() => TsFile.ParseSeries("1,2:3", "standard input", 5)).Message);
    }
}
