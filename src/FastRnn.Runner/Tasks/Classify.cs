using System.CommandLine;
using System.Runtime.InteropServices;
using FastRnn.Data;
using FastRnn.Data.Audio;
using FastRnn.Formats;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary><c>--task classify</c></summary>
internal sealed class ClassifyKind(SharedOptions shared, SequenceOptions sequence) : TaskKind
{
    private readonly ClassifyFormat _format = new();

    public override string Name => "classify";

    public override string Summary => "a label for a text, a series or a sound";

    public override IReadOnlyList<Option> Options =>
    [
        .. _format.Options, shared.Embedding, shared.ValidationSplit, sequence.ValidationData, sequence.TestData, sequence.TestEvery, sequence.Bidirectional,
        sequence.Level, sequence.MinimumCount, sequence.MaximumWords, sequence.LowerCase, sequence.WordDropout, sequence.ClassWeights,
    ];

    public override IReadOnlyList<Option> EvalOptions => [sequence.TopK];

    public override TrainingTask Create(ParseResult parsed, TrainOptions options, Output output)
    {
        SequenceSettings settings = sequence.Read(parsed, shared, options.Model);
        string format = _format.Of(parsed, options.Data);
        if (format == "text")
            return CreateText(options, settings);
        sequence.RefuseTextOptions(parsed, shared, format);
        AudioSettings? audio = format == "wav" ? _format.Audio(parsed, WaveFolder.SampleRate(options.Data)) : null;
        return CreateSeries(options, settings, audio);
    }

    public override void Evaluate(ModelUse use, string data)
    {
        SequenceEncoder encoder = LabelUse.Encoder(use);
        RequirePath(data);
        LabelledSequence[] sequences = use.Model.TakesTokens
            ? [.. LabelledTextFile.Read(data).Select(encoder.Encode)]
            : [.. ReadSeries(data, use.Info.Audio).Select(series => encoder.Encode(WithClass(series)))];
        LabelReport report = LabelReport.Measure(use, encoder.Classes, sequences, atEnd: true);
        LabelUse.Write(use, report, "sample", use.Parsed.GetValue(sequence.TopK));
    }

    /// <summary>A class and its probability for each line, for each series of a .ts file, or for each sound.</summary>
    public override void Predict(ModelUse use, string? data)
    {
        SequenceEncoder encoder = LabelUse.Encoder(use);
        foreach ((string? source, LabelledSequence? sample) in Questions(use, encoder, data).TakeWhile(_ => !use.Cancellation.IsCancellationRequested))
        {
            (string? label, double? probability) = (null, null);
            if (sample != null)
                use.Model.PredictEach([sample], atEnd: true, (_, logits) => (label, probability) = Answer(logits, encoder.Classes));
            if (use.Output.Json)
                use.Output.WriteJson(new LabelAnswer(source, label, probability));
            else
                use.Output.Result.WriteLine(label == null ? "" : FormattableString.Invariant($"{label}\t{probability:F4}"));
            use.Output.Result.Flush();
        }
    }

    private static (string Label, double Probability) Answer(ReadOnlySpan<float> logits, ClassNames classes)
    {
        int best = Logits.Best(logits);
        return (classes[best], Math.Exp(logits[best] - Logits.LogSum(logits)));
    }

    /// <summary>What is asked, with its text or file for JSON; no sequence for an empty line.</summary>
    private static IEnumerable<(string? Source, LabelledSequence? Sample)> Questions(ModelUse use, SequenceEncoder encoder, string? data)
    {
        if (use.Model.TakesTokens)
            return TextLines.Read(data).Select(line => ((string?)line.Text, line.Text.Trim() is { Length: > 0 } text ? Question(encoder.Tokens(text)) : null));
        if (data != null && (use.Info.Audio != null || ClassifyFormat.IsTs(data)))
        {
            RequirePath(data);
            IEnumerable<LabelledSeries> series = use.Info.Audio is not { } audio ? ReadSeries(data, null)
                : File.Exists(data) ? [WaveFolder.ReadFile(data, audio)] : WaveFolder.ReadUnlabelled(data, audio);
            return series.Select(one => (one.Line == 0 ? one.Path : null, (LabelledSequence?)encoder.Encode(one with { Label = null })));
        }
        if (use.Info.Audio != null)
            throw new CliException(ExitCodes.Usage, "a model of sound reads --data, a .wav file or a folder of them");
        return TextLines.Read(data).Select(line => ((string?)null, line.Text.Trim() is { Length: > 0 } text
            ? encoder.Encode(TsFile.ParseSeries(text, line.Source, line.Number))
            : null));
    }

    private static LabelledSequence Question(int[] tokens) => new(tokens, (int[])[-1]);

    private static Classify CreateText(TrainOptions options, SequenceSettings settings)
    {
        var parts = SequenceParts<LabelledText>.Cut(options.Data, settings, options.Seed, Read, sample => sample.Path, sample => sample.Label);
        ClassNames classes = LabelUse.Classes(options.Data, parts.Train.Select(sample => sample.Label));
        IEnumerable<string> texts = parts.Train.Select(sample => sample.Text);
        var encoder = new SequenceEncoder(classes)
        {
            Characters = settings.Characters ? Vocabulary.FromTexts(texts, settings.MinimumCount) : null,
            Words = settings.Characters ? null : WordVocabulary.FromSentences(
                texts.Select(WordVocabulary.Split), settings.MinimumCount, settings.LowerCase, maximumWords: settings.MaximumWords),
        };
        return new Classify(
            options, settings, encoder, null, parts.Encode(encoder.Encode), parts.Checksum(s => SequenceParts<LabelledText>.Bytes(s.Label, s.Text)),
            index => parts.Measured[index].Text);

        static IReadOnlyList<LabelledText> Read(string path)
        {
            RequirePath(path);
            return LabelledTextFile.Read(path);
        }
    }

    private static Classify CreateSeries(TrainOptions options, SequenceSettings settings, AudioSettings? audio)
    {
        var parts = SequenceParts<LabelledSeries>.Cut(options.Data, settings, options.Seed, Read, series => series.Path, series => series.Label!);
        int channels = parts.Train[0].Channels;
        if (parts.Train.FirstOrDefault(series => series.Channels != channels) is { } other)
            throw new DataFormatException(other.Path, $"{other.Channels} channels, expected {channels} as in the first series", other.Line);
        var encoder = new SequenceEncoder(LabelUse.Classes(options.Data, parts.Train.Select(series => series.Label!)))
        {
            Channels = channels,
            Standardization = Standardization.Fit([.. parts.Train.Select(series => series.Values)], channels),
        };
        return new Classify(options, settings, encoder, audio, parts.Encode(encoder.Encode), parts.Checksum(Bytes), index => Place(parts.Measured[index]));

        IReadOnlyList<LabelledSeries> Read(string path)
        {
            RequirePath(path);
            return [.. ReadSeries(path, audio).Select(WithClass)];
        }

        static string Place(LabelledSeries series) => Path.GetFileName(series.Path) + (series.Line > 0 ? $", line {series.Line}" : "");

        static ReadOnlyMemory<byte> Bytes(LabelledSeries series) =>
            new([.. SequenceParts<LabelledSeries>.Bytes(series.Label!).Span, .. MemoryMarshal.AsBytes(series.Values.Span)]);
    }

    private static IReadOnlyList<LabelledSeries> ReadSeries(string path, AudioSettings? audio)
    {
        if (audio != null)
            return WaveFolder.Read(path, audio);
        RunFiles.RequireFile(path);
        return TsFile.Read(path).Series;
    }

    private static LabelledSeries WithClass(LabelledSeries series) =>
        series.Label != null ? series : throw new DataFormatException(series.Path, "the series has no class: @classLabel says false", series.Line);

    private static void RequirePath(string path)
    {
        if (!Directory.Exists(path))
            RunFiles.RequireFile(path);
    }
}

/// <summary>A label at the end of each sequence.</summary>
internal sealed class Classify(
    TrainOptions options, SequenceSettings settings, SequenceEncoder encoder, AudioSettings? audio, SequenceParts<LabelledSequence> parts, string checksum,
    Func<int, string> describe)
    : SequenceTask(
        options, settings, encoder, parts, parts.Train.Select(sample => sample.TargetClasses[0]), checksum, (index, _) => describe(index), atEnd: true)
{
    public override string Name => "classify";

    public override string LossUnit => "nats per sample";

    public override ModelInfo Info => base.Info with { Audio = audio };

    public override void AddFixed(Dictionary<string, string> options)
    {
        base.AddFixed(options);
        if (audio != null)
            options["audio"] = FormattableString.Invariant($"{audio.SampleRate} Hz, window {audio.Window}, hop {audio.Hop}, {audio.Bands} bands");
    }
}
