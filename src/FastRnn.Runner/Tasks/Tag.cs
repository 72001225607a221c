using System.CommandLine;
using FastRnn.Data;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary><c>--task tag</c></summary>
internal sealed class TagKind(SharedOptions shared, SequenceOptions sequence) : TaskKind
{
    public override string Name => "tag";

    public override string Summary => "a label for each word of a sentence";

    public override IReadOnlyList<Option> Options =>
    [
        shared.Embedding, shared.ValidationSplit, sequence.ValidationData, sequence.TestData, sequence.TestEvery, sequence.Bidirectional,
        sequence.MinimumCount, sequence.MaximumWords, sequence.LowerCase, sequence.WordDropout, sequence.ClassWeights,
    ];

    public override IReadOnlyList<Option> EvalOptions => [sequence.TopK];

    public override TrainingTask Create(ParseResult parsed, TrainOptions options, Output output)
    {
        SequenceSettings settings = sequence.Read(parsed, shared, options.Model);
        var parts = SequenceParts<TaggedSentence>.Cut(options.Data, settings, options.Seed, Read, sentence => sentence.Path, _ => "");
        ClassNames classes = LabelUse.Classes(options.Data, parts.Train.SelectMany(sentence => sentence.Tags));
        WordVocabulary words = WordVocabulary.FromSentences(
            parts.Train.Select(sentence => sentence.Words), settings.MinimumCount, settings.LowerCase, maximumWords: settings.MaximumWords);
        var encoder = new SequenceEncoder(classes) { Words = words };
        return new Tag(
            options, settings, encoder, parts.Encode(encoder.Encode), parts.Checksum(s => SequenceParts<TaggedSentence>.Bytes(s.Words.Concat(s.Tags))),
            (index, step) => Shown(parts.Measured[index].Words, step));
    }

    public override void Evaluate(ModelUse use, string data)
    {
        SequenceEncoder encoder = LabelUse.Encoder(use);
        LabelledSequence[] sequences = [.. Read(data).Select(encoder.Encode)];
        LabelReport report = LabelReport.Measure(use, encoder.Classes, sequences, atEnd: false);
        LabelUse.Write(use, report, "word", use.Parsed.GetValue(sequence.TopK));
    }

    /// <summary>A tag for each word of a line, whose words are parted by spaces.</summary>
    public override void Predict(ModelUse use, string? data)
    {
        SequenceEncoder encoder = LabelUse.Encoder(use);
        foreach (TextLine line in TextLines.Read(data).TakeWhile(_ => !use.Cancellation.IsCancellationRequested))
        {
            string[] words = line.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), tags = new string[words.Length];
            var sequence = new LabelledSequence(encoder.Words!.Encode(words), new int[words.Length]);
            use.Model.PredictEach([sequence], atEnd: false, (_, logits) => Answer(logits, encoder.Classes, tags));
            if (use.Output.Json)
                use.Output.WriteJson(new TagAnswer(words, tags));
            else
                use.Output.Result.WriteLine(string.Join(' ', tags));
            use.Output.Result.Flush();
        }
    }

    /// <summary>A word between brackets, with the words around it.</summary>
    private static string Shown(IReadOnlyList<string> words, int at)
    {
        const int around = 4;
        IEnumerable<string> before = words.Take(at).TakeLast(around), after = words.Skip(at + 1).Take(around);
        return string.Join(' ', before.Append($"[{words[at]}]").Concat(after));
    }

    private static void Answer(ReadOnlySpan<float> logits, ClassNames classes, string[] tags)
    {
        for (int t = 0; t < tags.Length; t++)
            tags[t] = classes[Logits.Best(logits.Slice(t * classes.Count, classes.Count))];
    }

    private static IReadOnlyList<TaggedSentence> Read(string path)
    {
        RunFiles.RequireFile(path);
        return TaggedTextFile.Read(path);
    }
}

/// <summary>A label for each word of a sentence.</summary>
internal sealed class Tag(
    TrainOptions options, SequenceSettings settings, SequenceEncoder encoder, SequenceParts<LabelledSequence> parts, string checksum,
    Func<int, int, string> describe)
    : SequenceTask(options, settings, encoder, parts, parts.Train.SelectMany(sentence => sentence.TargetClasses.ToArray()), checksum, describe, atEnd: false)
{
    public override string Name => "tag";

    public override string LossUnit => "nats per word";
}
