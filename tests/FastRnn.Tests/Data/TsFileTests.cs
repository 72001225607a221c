using FastRnn.Data;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Data;

/// <summary>Files of the archives of time series classification.</summary>
public sealed class TsFileTests() : FileTest("set.ts")
{
    private const string Header = "#comment\n% another\n@problemName x\n@timeStamps false\n@classLabel true a b\n@data\n";

    [Fact]
    public void Series_have_channels_steps_class_and_place()
    {
        TsFile file = Read("@DATA", "#c\n\n1,2 , 3:4,5,6e1:a\n-1:.5: b \n");
        Assert.Equal(["a", "b"], file.Classes);
        Assert.Equal(2, file.Channels);
        Assert.Equal(["a 3 9", "b 1 10"], file.Series.Select(series => $"{series.Label} {series.Length} {series.Line}"));
        Assert.Equal([1, 4, 2, 5, 3, 60], file.Series[0].Values.ToArray());
        Assert.Equal([-1, 0.5f], file.Series[1].Values.ToArray());
    }

    [Fact]
    public void Series_without_classes_end_in_a_channel()
    {
        TsFile file = Read("@classLabel true a b", "@classLabel false", "1:2\n");
        Assert.Empty(file.Classes);
        Assert.Equal(2, file.Channels);
        Assert.Null(Assert.Single(file.Series).Label);
    }

    [Fact]
    public void Japanese_vowels_are_read_whole()
    {
        TsFile file = TsFile.Read(Path.Combine(Repository.Root, "tests", "data", "japanese-vowels", "JapaneseVowels_TRAIN.ts"));
        Assert.Equal((270, 12, 9), (file.Series.Count, file.Channels, file.Classes.Count));
        Assert.Equal((7, 26), (file.Series.Min(series => series.Length), file.Series.Max(series => series.Length)));
        Assert.Equal([1.860936f, -0.207383f, 0.261557f], file.Series[0].Values[..3].ToArray());
    }

    [Theory]
    [InlineData("1:a\n1:2:a\n", "line 8: 2 channels, expected 1")]
    [InlineData("a\n", "line 7: 0 channels, expected 1")]
    [InlineData("1,2:3:a\n", "line 7: channel 2 has 1 values, expected 2")]
    [InlineData("1,2:3,x:a\n", "line 7: value 2 of channel 2 is 'x', expected a finite number")]
    [InlineData("1,,2:a\n", "line 7: value 2 of channel 1 is '', expected a finite number")]
    [InlineData("1,NaN:a\n", "line 7: value 2 of channel 1 is 'NaN', expected a finite number")]
    [InlineData("1e99:a\n", "line 7: value 1 of channel 1 is '1e99', expected a finite number")]
    [InlineData("-Infinity:a\n", "line 7: value 1 of channel 1 is '-Infinity', expected a finite number")]
    [InlineData("?:a\n", "line 7: value 1 of channel 1 is '?', expected a finite number; missing values are not read")]
    [InlineData("1:c\n", "line 7: class 'c' at the end of the line is not one of @classLabel: a, b")]
    [InlineData("", ": there is no series after @data")]
    public void Series_that_cannot_be_used_are_refused(string data, string problem) => Refused(Header + data, problem);

    [Theory]
    [InlineData("", ": the file is empty")]
    [InlineData("#c\n@classLabel true a b\n", ": there is no line @data")]
    [InlineData("1,2:a\n@data\n", "line 1: a line before @data begins with @ or #")]
    [InlineData("@timeStamps true\n", "line 1: series with time stamps are not read, only evenly spaced values")]
    [InlineData("@targetLabel true\n", "line 1: the series have target values, not classes")]
    [InlineData("@classLabel\n", "line 1: @classLabel is followed by true or false")]
    [InlineData("@classLabel true\n", "line 1: @classLabel true names no class")]
    [InlineData("@classLabel true a b a\n", "line 1: @classLabel names a class twice")]
    [InlineData("@dimensions x\n", "line 1: @dimensions is followed by a number of at least 1")]
    [InlineData("@seriesLength 0\n", "line 1: @seriesLength is followed by a number of at least 1")]
    [InlineData("@dimensions 2\n@classLabel true a b\n@data\n1:a\n", "line 4: 1 channels, expected 2")]
    [InlineData("@univariate true\n@classLabel true a b\n@data\n1:1:a\n", "line 4: 2 channels, expected 1")]
    [InlineData("@seriesLength 2\n@classLabel true a b\n@data\n1:a\n", "line 4: channel 1 has 1 values, expected 2")]
    [InlineData("@seriesLength 1073741824\n@dimensions 2\n@classLabel true a b\n@data\n1:1:a\n", "line 5: channel 1 has 1 values, expected 1073741824")]
    public void Headers_that_cannot_be_used_are_refused(string text, string problem) => Refused(text, problem);

    private TsFile Read(string replace, string by, string data)
    {
        File.WriteAllText(Target, Header.Replace(replace, by, StringComparison.Ordinal) + data);
        return TsFile.Read(Target);
    }

    private TsFile Read(string data, string more) => Read("@data", data, more);

    private void Refused(string text, string problem)
    {
        File.WriteAllText(Target, text);
        string message = Assert.Throws<DataFormatException>(() => TsFile.Read(Target)).Message;
        Assert.StartsWith(Target, message, StringComparison.Ordinal);
        Assert.EndsWith(problem, message, StringComparison.Ordinal);
    }
}
