using FastRnn.Formats;
using FastRnn.Training;

namespace FastRnn.Data;

/// <summary>Turns what files hold into what a model reads: labels into classes, text into tokens, series into standardised values.</summary>
/// <param name="classes">The classes there are.</param>
public sealed class SequenceEncoder(ClassNames classes)
{
    private const int ShownClasses = 20;

    /// <summary>The classes there are.</summary>
    public ClassNames Classes { get; } = classes;

    /// <summary>The characters of a text, or null.</summary>
    public Vocabulary? Characters { get; init; }

    /// <summary>The words of a text, or null.</summary>
    public WordVocabulary? Words { get; init; }

    /// <summary>Scale of series, or null where they are taken as they are.</summary>
    public Standardization? Standardization { get; init; }

    /// <summary>Channels that series must have; 0: any.</summary>
    public int Channels { get; init; }

    /// <summary>What a trained model reads.</summary>
    /// <param name="info">Of a model with classes.</param>
    /// <param name="inputs">Values that the model reads at a step.</param>
    /// <exception cref="ArgumentException">It has none.</exception>
    public static SequenceEncoder FromModel(ModelInfo info, int inputs)
    {
        ArgumentNullException.ThrowIfNull(info);
        return new SequenceEncoder(info.Classes ?? throw new ArgumentException("the model has no list of classes", nameof(info)))
        {
            Characters = info.Vocabulary,
            Words = info.Words,
            Standardization = info.Standardization,
            Channels = inputs,
        };
    }

    /// <summary>A text with its class at the end.</summary>
    /// <exception cref="DataFormatException">The class is not known.</exception>
    public LabelledSequence Encode(LabelledText sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        return new LabelledSequence(Tokens(sample.Text), (int[])[Class(sample.Label, sample.Path, sample.Line)]);
    }

    /// <summary>Words with a class each.</summary>
    /// <exception cref="DataFormatException">A tag is not known.</exception>
    public LabelledSequence Encode(TaggedSentence sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        int[] targets = [.. sample.Tags.Select((tag, i) => Class(tag, sample.Path, sample.Line + i))];
        return new LabelledSequence(Words!.Encode(sample.Words), targets);
    }

    /// <summary>A series with its class at the end; without a class it does not count in a loss.</summary>
    /// <exception cref="DataFormatException">The class is not known, or the number of channels is another.</exception>
    public LabelledSequence Encode(LabelledSeries sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        if (Channels > 0 && sample.Channels != Channels)
            throw new DataFormatException(sample.Path, $"{sample.Channels} channels, expected {Channels} as in training", sample.Line);
        int target = sample.Label is { } label ? Class(label, sample.Path, sample.Line) : -1;
        ReadOnlyMemory<float> values = Standardization?.Apply(sample.Values.Span) ?? sample.Values;
        return new LabelledSequence(values, sample.Channels, (int[])[target]);
    }

    /// <summary>The tokens of a text: its words, or its characters.</summary>
    public int[] Tokens(string text) => Words is { } words
        ? words.Encode(WordVocabulary.Split(text))
        : (Characters ?? throw new InvalidOperationException("there is neither a vocabulary of words nor of characters")).EncodeOrReplace(text);

    private int Class(string label, string path, long line)
    {
        if (Classes.TryGet(label, out int number))
            return number;
        string known = string.Join(", ", Classes.Names.Take(ShownClasses)) + (Classes.Count > ShownClasses ? ", …" : "");
        throw new DataFormatException(path, $"class '{label}' did not occur in training, which had {Classes.Count}: {known}", line);
    }
}
