using System.CommandLine;
using System.Globalization;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary><c>--task char-lm</c></summary>
internal sealed class CharLmKind(SharedOptions shared) : TaskKind
{
    private readonly Option<int> _timeSteps = CommonOptions.Number("--time-steps", 50, 1, 1_000_000, "Steps of a window, which gradients go back");

    private readonly Option<int> _streams = CommonOptions.Number("--batch", 1, 1, 1_000_000, "Streams the text is cut into; 1 reads it in one piece");

    public override string Name => "char-lm";

    public override string Summary => "predict the next character of a text";

    public override IReadOnlyList<Option> Options => [shared.Embedding, _timeSteps, shared.ValidationSplit];

    public override TrainingTask Create(ParseResult parsed, TrainOptions options, Output output) =>
        new CharLm(options, parsed.GetValue(shared.Embedding), parsed.GetValue(_timeSteps), parsed.GetValue(shared.ValidationSplit));

    public override IReadOnlyList<Option> EvalOptions => [_streams];

    public override void Evaluate(ModelUse use, string data)
    {
        Vocabulary vocabulary = ModelFiles.CharLmVocabulary(use.Model, use.Info, use.Path);
        RunFiles.RequireFile(data);
        TextDataset text = TextDataset.Open(data, vocabulary);
        int batch = use.Parsed.GetValue(_streams);
        if (text.Length <= batch)
            throw new CliException(ExitCodes.BadInput, $"{data}: {text.Length} characters, {batch + 1} needed for {batch} stream(s)");
        ChunkSequence chunks = text.Chunks(batch, 100);
        var trainer = new Trainer(use.Model, Loss.CrossEntropy, new Sgd(1));
        WeightReport? weights = use.Weights == WeightPrecision.Float32 ? null : Compare(trainer.CompareWeights(chunks, use.Weights, use.Cancellation), use.Weights);
        double loss = weights?.Figures[0].Reduced ?? trainer.Evaluate(chunks, use.Cancellation);
        var result = new EvalResult(loss, Math.Exp(loss), loss / Math.Log(2), chunks.TokensPerPass, weights?.Result, use.Device);
        if (use.Output.Json)
        {
            use.Output.WriteJson(result);
            return;
        }
        use.Output.Result.WriteLine(FormattableString.Invariant(
            $"loss {result.Loss:F4} nats per character, perplexity {result.Perplexity:F3}, {result.BitsPerCharacter:F4} bits per character, {result.Tokens} characters"));
        weights?.Write(use.Output.Result);
    }

    private static WeightReport Compare(WeightComparison change, WeightPrecision weights) => new(
        weights,
        [
            ("loss", change.ReducedLoss, change.Loss), ("perplexity", Math.Exp(change.ReducedLoss), Math.Exp(change.Loss)),
            ("bits_per_character", change.ReducedLoss / Math.Log(2), change.Loss / Math.Log(2)),
        ],
        change.Outputs, "");

    /// <summary>Nats per character of every line, as if it stood alone: the lower, the more like what the model was trained on.</summary>
    public override void Predict(ModelUse use, string? data)
    {
        Vocabulary vocabulary = ModelFiles.CharLmVocabulary(use.Model, use.Info, use.Path);
        var scorer = new LineScore(use.Model, vocabulary);
        foreach (TextLine line in TextLines.Read(data).TakeWhile(_ => !use.Cancellation.IsCancellationRequested))
        {
            LineResult result = scorer.Score(line);
            if (use.Output.Json)
                use.Output.WriteJson(result);
            else
                use.Output.Result.WriteLine(FormattableString.Invariant($"{result.Loss:F4}"));
            use.Output.Result.Flush();
        }
    }
}

/// <summary>A character language model over parallel streams of one text.</summary>
internal sealed class CharLm : TrainingTask
{
    private readonly TrainOptions _options;
    private readonly int _embedding, _timeSteps;
    private readonly double _validationSplit;
    private readonly TextDataset _data;
    private readonly string _checksum;
    private readonly ChunkSequence _training;
    private readonly ChunkSequence? _validation;

    public CharLm(TrainOptions options, int embedding, int timeSteps, double validationSplit)
    {
        (_options, _embedding, _timeSteps, _validationSplit) = (options, embedding, timeSteps, validationSplit);
        RunFiles.RequireFile(options.Data);
        byte[] bytes = File.ReadAllBytes(options.Data); // once: a pipe has nothing more, and a file may change
        _checksum = Sha256.Hex(bytes);
        _data = TextDataset.FromUtf8(bytes, options.Data);
        (_training, _validation) = Cut();
    }

    public override string Name => "char-lm";

    public override string LossUnit => "nats per character";

    public override double GuessingLoss => Math.Log(Math.Max(2, _data.Vocabulary.Count));

    public override string Description =>
        $"{_data.Length:N0} characters, {_data.Vocabulary.Count} symbols, {_training.Count} windows of {_options.Batch}×{_training.TimeSteps}";

    public override Loss Loss => Loss.CrossEntropy;

    public override bool CarriesState => true;

    public override IChunkSequence Training => _training;

    public override IChunkSequence? Validation => _validation;

    public override ModelInfo Info => new() { Task = Name, Vocabulary = _data.Vocabulary };

    public override Layer[] CreateLayers(Func<int, RecurrentLayer> cell) =>
        [new Embedding(_data.Vocabulary.Count, _embedding), .. Stack(_options, _embedding, cell), new Linear(_options.Hidden, _data.Vocabulary.Count)];

    public override void AddFixed(Dictionary<string, string> options)
    {
        options["embedding"] = _embedding.ToString(CultureInfo.InvariantCulture);
        options["time-steps"] = _timeSteps.ToString(CultureInfo.InvariantCulture);
        options["validation-split"] = _validationSplit.ToString(CultureInfo.InvariantCulture);
        options["data-sha256"] = _checksum;
    }

    public override string Meaning(double loss) => FormattableString.Invariant($"perplexity {Math.Exp(loss):F3}");

    /// <summary>What it writes from cautious to bold.</summary>
    public override IReadOnlyList<ReportSection> Report(Sequential best, CancellationToken cancellation) =>
    [
        new SamplesSection("Samples", [Sample(best, 0.5, cancellation), Sample(best, 0.8, cancellation), Sample(best, 1, cancellation)]),
    ];

    private ReportSample Sample(Sequential best, double temperature, CancellationToken cancellation)
    {
        var text = new StringWriter();
        TextSampling.Write(best, _data.Vocabulary, "\n", 400, new Sampler(_options.Seed, temperature), text, cancellation);
        return new(FormattableString.Invariant($"Temperature {temperature:F1}"), text.ToString());
    }

    /// <summary>A sample of what it would write.</summary>
    public override void Show(Sequential best, Output output, CancellationToken cancellation)
    {
        TextSampling.Write(best, _data.Vocabulary, "\n", 300, new Sampler(_options.Seed, 0.8), output.Result, cancellation);
        output.Result.WriteLine();
    }

    private (ChunkSequence Train, ChunkSequence? Validation) Cut()
    {
        try
        {
            if (_validationSplit == 0)
                return (_data.Chunks(_options.Batch, _timeSteps), null);
            (TextDataset train, TextDataset validation) = _data.Split(_validationSplit);
            return (train.Chunks(_options.Batch, _timeSteps), validation.Chunks(_options.Batch, _timeSteps));
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCodes.BadInput, $"{_options.Data}: {e.Message}");
        }
    }
}
