using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Words, classes, sound and standardisation in model files.</summary>
public sealed class SequenceMetadataTests() : FileTest("model.safetensors")
{
    private static readonly WordVocabulary _words = new(["<unk>", "é\"", "𐐀"], lowerCase: true);
    private static readonly ClassNames _classes = new(["b", "a"]);

    [Fact]
    public void Words_and_classes_come_back()
    {
        using Sequential model = Tagger();
        ModelInfo read = Reload(model, new ModelInfo { Task = "tag", Words = _words, Classes = _classes });
        Assert.Equal(_words.Words, read.Words!.Words);
        Assert.True(read.Words.LowerCase);
        Assert.Equal(_classes.Names, read.Classes!.Names);
        Assert.Null(read.Vocabulary);
        Assert.Null(read.Audio);
        Assert.Null(read.Standardization);
    }

    [Fact]
    public void Sound_and_standardisation_come_back()
    {
        var audio = new AudioSettings { SampleRate = 8000, Window = 200, Hop = 80, Bands = 3 };
        using Sequential model = Classifier();
        ModelInfo read = Reload(model, new ModelInfo { Audio = audio, Standardization = new([1, 0, -0.1f], [1e-30f, 2, 3]) });
        Assert.Equal(audio, read.Audio);
        Assert.Equal([1, 0, -0.1f], read.Standardization!.Means);
        Assert.Equal([1e-30f, 2, 3], read.Standardization.Deviations);
    }

    [Fact]
    public void Information_that_does_not_fit_the_model_is_not_saved()
    {
        using Sequential tagger = Tagger(), classifier = Classifier();
        Refused(tagger, new ModelInfo { Words = new(["<unk>"]) }, "there are 1 words, the model reads 3 tokens");
        Refused(classifier, new ModelInfo { Words = _words }, "there are 3 words, the model reads values");
        Refused(tagger, new ModelInfo { Words = _words, Vocabulary = new(["a", "b", "c"]) }, "there are 3 words and 3 characters, one of them is expected");
        Refused(tagger, new ModelInfo { Classes = new(["a", "b", "c"]) }, "there are 3 classes, the model has 2 outputs");
        Refused(classifier, new ModelInfo { Audio = AudioSettings.FromMilliseconds(8000) }, "sound has 40 bands, the model reads 3 values");
        Refused(classifier, new ModelInfo { Standardization = new([0], [1]) }, "the standardization has 1 channels, the model reads 3 values");

        static void Refused(Sequential model, ModelInfo info, string problem) =>
            Assert.StartsWith(problem, Assert.Throws<ArgumentException>(() => ModelFile.Describe(model, info)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("words", "{\"words\":[\"<unk>\",\"a\"]}", "there are 2 words, the model reads 3 tokens")]
    [InlineData("words", "{\"words\":[\"<unk>\",\"a\",\"a\"]}", "the vocabulary of words is not valid: 'word 2, \\u0027a\\u0027, stands twice")]
    [InlineData("words", "{\"words\":[\"a\",\"b\",\"c\"]}", "the vocabulary of words is not valid")]
    [InlineData("words", "{\"words\":[\"<unk>\",\"a\",null]}", "the vocabulary of words is not valid")]
    [InlineData("words", "{\"words\":null}", "fastrnn.preprocessing is not valid")]
    [InlineData("words", "{}", "fastrnn.preprocessing is not valid")]
    [InlineData("words", "{\"words\":[\"<unk>\",\"a\",\"b\"],\"more\":1}", "fastrnn.preprocessing is not valid")]
    [InlineData("words", "{\"words\":[\"<unk>\",\"a\",\"\\ud800\"]}", "fastrnn.preprocessing is not valid")]
    [InlineData("classes", "[\"a\"]", "the list of classes is not valid")]
    [InlineData("classes", "[\"a\",\"a\"]", "the list of classes is not valid")]
    [InlineData("classes", "[\"a\",null]", "the list of classes is not valid")]
    [InlineData("classes", "[\"a\",\"b\",\"c\"]", "there are 3 classes, the model has 2 outputs")]
    [InlineData("classes", "\"a\"", "fastrnn.preprocessing is not valid")]
    [InlineData("audio", "{\"sample_rate\":8000,\"window\":200,\"hop\":80,\"bands\":3}", "sound has 3 bands, the model reads 0 values")]
    [InlineData("audio", "{\"sample_rate\":8000,\"window\":2000000000,\"hop\":80,\"bands\":3}", "the description of sound is not valid")]
    [InlineData("audio", "{\"sample_rate\":8000,\"window\":200,\"hop\":0,\"bands\":3}", "the description of sound is not valid")]
    [InlineData("audio", "{\"sample_rate\":8000,\"window\":200,\"hop\":80}", "fastrnn.preprocessing is not valid")]
    [InlineData("standardization", "{\"means\":[0],\"deviations\":[1]}", "the standardization has 1 channels, the model reads 0 values")]
    [InlineData("standardization", "{\"means\":[0],\"deviations\":[0]}", "the standardization is not valid")]
    [InlineData("standardization", "{\"means\":[1e999],\"deviations\":[1]}", "the standardization is not valid")]
    [InlineData("standardization", "{\"means\":[],\"deviations\":[]}", "the standardization is not valid")]
    public void Hostile_value_is_refused_for_the_stated_reason(string field, string json, string reason)
    {
        using Sequential model = Tagger();
        SafetensorsFile file = ModelFile.Describe(model, new ModelInfo { Task = "tag" });
        file.Metadata["fastrnn.preprocessing"] = $"{{\"task\":\"tag\",\"{field}\":{json}}}";
        SafetensorsWriter.Write(Target, file);
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Load(Target, _backend));
        Assert.Contains(reason.Replace("\\u0027", "'", StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
        Assert.StartsWith(Target, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private ModelInfo Reload(Sequential model, ModelInfo info)
    {
        ModelFile.Save(model, info, Target);
        (Sequential loaded, ModelInfo read) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            string again = Path.Combine(_folder, "again");
            ModelFile.Save(loaded, read, again);
            Assert.Equal(File.ReadAllBytes(Target), File.ReadAllBytes(again));
            return read;
        }
    }

    private Sequential Tagger() => new(_backend, 1, new Embedding(3, 2), new Bidirectional(new Lstm(2, 2)), new Linear(4, 2));

    private Sequential Classifier() => new(_backend, 1, new Gru(3, 2), new Dropout(0.1f), new Linear(2, 2));
}
