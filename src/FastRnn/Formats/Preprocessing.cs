using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>What turns data into inputs and outputs into answers, between <see cref="ModelInfo"/> and its text in a file.</summary>
internal static class Preprocessing
{
    public static PreprocessingRecord Describe(ModelInfo info) => new()
    {
        Task = info.Task,
        Vocabulary = info.Vocabulary?.Symbols,
        Words = info.Words is { } words ? new WordsRecord { Words = words.Words, LowerCase = words.LowerCase } : null,
        Classes = info.Classes?.Names,
        Audio = info.Audio,
        Standardization = info.Standardization is { } scale
            ? new StandardizationRecord { Means = [.. scale.Means], Deviations = [.. scale.Deviations] }
            : null,
        Series = info.Series,
    };

    /// <summary>All but the vocabulary of characters.</summary>
    /// <exception cref="ModelFormatException">A part breaks its own rules.</exception>
    public static ModelInfo Read(PreprocessingRecord record, string? path) => new()
    {
        Task = record.Task,
        Words = record.Words is { } words ? Valid("vocabulary of words", () => new WordVocabulary(words.Words, words.LowerCase), path) : null,
        Classes = record.Classes is { } classes ? Valid("list of classes", () => new ClassNames(classes), path) : null,
        Audio = record.Audio is { } audio ? Valid("description of sound", () => Validated(audio), path) : null,
        Standardization = record.Standardization is { } scale
            ? Valid("standardization", () => new Standardization(scale.Means, scale.Deviations), path)
            : null,
        Series = record.Series is { } series ? Valid("description of the series", () => Validated(series), path) : null,
    };

    /// <summary>Says which part does not go with the layers of a model, or null.</summary>
    public static string? Refuses(ModelInfo info, IReadOnlyList<LayerInfo> layers)
    {
        int? tokens = layers[0].Vocabulary;
        int inputs = tokens == null ? Architecture.InputWidth(layers[0]) ?? 0 : 0, outputs = Architecture.OutputWidth(layers);
        return (info.Words, info.Classes, info.Audio, info.Standardization) switch
        {
            ({ } words, _, _, _) when info.Vocabulary != null => $"there are {words.Count} words and {info.Vocabulary.Count} characters, one of them is expected",
            ({ } words, _, _, _) when words.Count != tokens => $"there are {words.Count} words, the model reads {(tokens is { } size ? $"{size} tokens" : "values")}",
            (_, { } classes, _, _) when classes.Count != outputs => $"there are {classes.Count} classes, the model has {outputs} outputs",
            (_, _, { } audio, _) when audio.Bands != inputs => $"sound has {audio.Bands} bands, the model reads {inputs} values",
            (_, _, _, { } scale) when scale.Channels != inputs => $"the standardization has {scale.Channels} channels, the model reads {inputs} values",
            _ => info.Series is { } series ? series.Problem() ?? Forecaster.Misfit(tokens == null ? inputs : null, outputs, series) : null,
        };
    }

    /// <summary>Makes something from a file's text.</summary>
    /// <exception cref="ModelFormatException">It refuses what it is to be made of.</exception>
    public static T Valid<T>(string what, Func<T> make, string? path)
    {
        try
        {
            return make();
        }
        catch (ArgumentException e)
        {
            throw new ModelFormatException(
                $"the {what} is not valid: {ModelFormatException.Quote(e.Message, longest: 200)}", SafetensorsHeaderParser.Start, path, e);
        }
    }

    private static ForecastSpec Validated(ForecastSpec series) => series.Problem() is { } problem ? throw new ArgumentException(problem) : series;

    private static AudioSettings Validated(AudioSettings audio)
    {
        audio.Validate();
        return audio;
    }
}
