using FastRnn.Data;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Labels of sequences, one at the end of each or one for each step.</summary>
internal abstract class SequenceTask : TrainingTask
{
    private const int MostVocabularyBytes = 900_000; // of the metadata of a model file, which holds a million
    private const int RoundSteps = 8; // windows of few lengths share memory, and little of a batch is padding
    private readonly TrainOptions _options;
    private readonly SequenceSettings _settings;
    private readonly SequenceEncoder _encoder;
    private readonly bool _atEnd;
    private readonly string _checksum;
    private readonly LabelledSequence[] _test;
    private readonly IChunkSequence _training;
    private readonly SequenceBatches? _validation;
    private readonly Loss _loss;
    private LabelReport? _tested;

    /// <param name="options">Of the run.</param>
    /// <param name="settings">Of the sequences.</param>
    /// <param name="encoder">What the model reads.</param>
    /// <param name="parts">The sequences.</param>
    /// <param name="classes">Every target of the training part.</param>
    /// <param name="checksum">Of the data.</param>
    /// <param name="atEnd">One label at the end.</param>
    protected SequenceTask(
        TrainOptions options, SequenceSettings settings, SequenceEncoder encoder, SequenceParts<LabelledSequence> parts, IEnumerable<int> classes,
        string checksum, bool atEnd)
    {
        (_options, _settings, _encoder, _checksum, _atEnd) = (options, settings, encoder, checksum, atEnd);
        int bytes = encoder.Words?.Words.Sum(word => System.Text.Encoding.UTF8.GetByteCount(word) + 5) ?? 0;
        if (bytes > MostVocabularyBytes)
        {
            throw new CliException(ExitCodes.BadInput, FormattableString.Invariant(
                $"{options.Data}: {encoder.Words!.Count} words take {bytes} bytes, a model file holds {MostVocabularyBytes}; --max-words or --min-count leaves some out"));
        }
        _training = new SequenceBatches(parts.Train, options.Batch, options.Seed, roundStepsTo: RoundSteps);
        if (settings.WordDropout > 0 && (encoder.Words?.UnknownTokens() ?? encoder.Characters?.UnknownTokens()) is { } unknown)
            _training = new SymbolDropout(_training, unknown, settings.WordDropout, options.Seed);
        _validation = parts.Validation.Count == 0 ? null : new SequenceBatches(parts.Validation, options.Batch, options.Seed, roundStepsTo: RoundSteps);
        _test = [.. parts.Test];
        _loss = settings.Balanced ? new CrossEntropy(encoder.Classes.BalancedWeights(classes)) : Loss.CrossEntropy;
        Samples = $"{parts.Train.Count:N0} samples for training, {parts.Validation.Count:N0} for validation, {parts.Test.Count:N0} for the test";
    }

    public override string Description => $"{Samples}, {_encoder.Classes.Count} classes, {Inputs}";

    public override double GuessingLoss => Math.Log(_encoder.Classes.Count);

    public override Loss Loss => _loss;

    public override IChunkSequence Training => _training;

    public override IChunkSequence? Validation => _validation;

    public override bool DropsBetweenLayersOnly => false;

    public override ModelInfo Info => new()
    {
        Task = Name,
        Vocabulary = _encoder.Characters,
        Words = _encoder.Words,
        Classes = _encoder.Classes,
        Standardization = _encoder.Standardization,
    };

    private string Samples { get; }

    private int? Tokens => _encoder.Words?.Count ?? _encoder.Characters?.Count;

    private string Inputs => _encoder switch
    {
        { Words: { } words } => $"{words.Count:N0} words and signs of unknown ones",
        { Characters: { } characters } => $"{characters.Count:N0} characters",
        _ => $"{_encoder.Channels} values a step",
    };

    /// <summary>Dropout acts on all that goes from layer to layer, that of the embedding and to the output included.</summary>
    public override Layer[] CreateLayers(Func<int, RecurrentLayer> cell)
    {
        var layers = new List<Layer>();
        int width = _encoder.Channels;
        if (Tokens is { } tokens)
        {
            layers.Add(new Embedding(tokens, width = _settings.Embedding));
            Drop(layers);
        }
        for (int i = 0; i < _options.Layers; i++)
        {
            bool isLast = i == _options.Layers - 1;
            RecurrentLayer layer = cell(width);
            layers.Add(_settings.Bidirectional ? new Bidirectional(layer, lastStep: _atEnd && isLast) : layer);
            width = _options.Hidden * (_settings.Bidirectional ? 2 : 1);
            Drop(layers);
        }
        layers.Add(new Linear(width, _encoder.Classes.Count));
        return [.. layers];
    }

    public override void AddFixed(Dictionary<string, string> options)
    {
        _settings.AddFixed(options, Tokens != null);
        options["data-sha256"] = _checksum;
    }

    public override IReadOnlyDictionary<string, double> Test(Sequential best, CancellationToken cancellation)
    {
        if (_test.Length == 0)
            return base.Test(best, cancellation);
        _tested = LabelReport.Measure(best, _encoder.Classes, _test, _atEnd, cancellation);
        return new Dictionary<string, double> { ["loss"] = _tested.Loss, ["accuracy"] = _tested.Accuracy, ["macro_f1"] = _tested.MacroF1 };
    }

    public override IReadOnlyList<ReportSection> Report(Sequential best, CancellationToken cancellation) => _tested?.Sections() ?? [];

    private void Drop(List<Layer> layers)
    {
        if (_options.Dropout > 0)
            layers.Add(new Dropout(_options.Dropout));
    }
}
