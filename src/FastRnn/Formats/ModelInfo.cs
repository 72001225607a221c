using FastRnn.Series;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>What a model file tells about its model beside the weights.</summary>
public sealed record ModelInfo
{
    /// <summary>What the model was trained for, for example <c>char-lm</c>.</summary>
    public string Task { get; init; } = "";

    /// <summary>The symbols that token ids stand for, or null where the inputs are numbers.</summary>
    public Vocabulary? Vocabulary { get; init; }

    /// <summary>The words that token ids stand for, or null where they stand for characters or the inputs are numbers.</summary>
    public WordVocabulary? Words { get; init; }

    /// <summary>The classes that outputs stand for, or null where they stand for something else.</summary>
    public ClassNames? Classes { get; init; }

    /// <summary>How sound becomes the inputs, or null where they are no sound.</summary>
    public AudioSettings? Audio { get; init; }

    /// <summary>What brings series to the scale of the inputs, or null where they are taken as they are.</summary>
    public Standardization? Standardization { get; init; }

    /// <summary>How a series becomes inputs and outputs become forecasts, or null where the model is not one of series.</summary>
    public ForecastSpec? Series { get; init; }

    /// <summary>How the weights came about, or null where nobody said.</summary>
    public TrainingSummary? Training { get; init; }

    /// <summary>
    /// What else a file says of itself – sample rate, gain, loudness, producer – as it stands there. Saving keeps it, but for names that begin with <c>fastrnn.</c>,
    /// which are the format's own, as <c>format</c> is; 65,536 characters at most.
    /// </summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The layers in order. Saving takes them from the model and ignores what stands here.</summary>
    public IReadOnlyList<LayerInfo> Layers { get; init; } = [];

    /// <summary>The version of FastRnn that wrote the file; set by reading.</summary>
    public string LibraryVersion { get; init; } = "";

    /// <summary>The seed that the model was created with; set by reading, saving takes it from the model.</summary>
    public ulong Seed { get; init; }
}

/// <summary>A layer's kind and sizes; sizes that the kind does not have are null.</summary>
public sealed record LayerInfo
{
    /// <summary>
    /// <c>embedding</c>, <c>lstm</c>, <c>gru</c>, <c>rnn</c>, <c>dropout</c>, <c>linear</c>, <c>activation</c>,
    /// <c>log_softmax</c>, <c>softmax</c>, <c>layer_normalization</c>, <c>masking</c>, <c>activity_regularization</c>, <c>bidirectional</c>, <c>go_backwards</c> or <c>residual</c>.
    /// </summary>
    public required string Type { get; init; }

    /// <summary>Number of symbols of an embedding.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>Width of an embedding's vectors, or of the steps that are normalised or masked.</summary>
    public int? Size { get; init; }

    /// <summary>Input features of a recurrent or linear layer.</summary>
    public int? Input { get; init; }

    /// <summary>State size of a recurrent layer.</summary>
    public int? Hidden { get; init; }

    /// <summary>Output features of a linear layer.</summary>
    public int? Output { get; init; }

    /// <summary>
    /// Function of a simple recurrent layer, for example <c>tanh</c>, <c>relu</c> or <c>leaky_relu(0.01)</c>, or of an activation, for example
    /// <c>silu</c> or <c>leaky_relu(0.01)</c>.
    /// </summary>
    public string? Activation { get; init; }

    /// <summary>Share of inputs that dropout zeroes in training, from 0 to below 1.</summary>
    public float? Rate { get; init; }

    /// <summary>True for dropout with one mask a sample for all steps of a window.</summary>
    public bool? Variational { get; init; }

    /// <summary>Share of a recurrent layer's recurrent weights that is zero in training, from 0 to below 1.</summary>
    public float? WeightDrop { get; init; }

    /// <summary>Weight of the mean size in a penalty of activities.</summary>
    public float? L1 { get; init; }

    /// <summary>Weight of the mean square in a penalty of activities.</summary>
    public float? L2 { get; init; }

    /// <summary>Weight of the mean square of changes from step to step in a penalty of activities.</summary>
    public float? Temporal { get; init; }

    /// <summary>What a normalisation adds to the variance.</summary>
    public float? Epsilon { get; init; }

    /// <summary>What all features of a masked step equal.</summary>
    public float? Value { get; init; }

    /// <summary>
    /// How a bidirectional layer merges its outputs: <c>concat</c>, <c>sum</c>, <c>average</c> or <c>multiply</c>; <c>concat</c> for a residual one that keeps its input beside.
    /// </summary>
    public string? Merge { get; init; }

    /// <summary>Whether a layer that reads backwards gives one output for each sample.</summary>
    public bool? LastStep { get; init; }

    /// <summary>The layer that a bidirectional, backward or residual one is made of.</summary>
    public LayerInfo? Inner { get; init; }

    /// <summary>
    /// Whether the reset gate of a GRU acts before the product; see <see cref="Layers.Gru.ResetBefore"/>. This and the options below are null where
    /// they have their default value.
    /// </summary>
    public bool? ResetBefore { get; init; }

    /// <summary>Function of the gates of an LSTM or GRU, for example <c>hard_sigmoid(0.2,0.5)</c>; null for sigmoid.</summary>
    public string? GateActivation { get; init; }

    /// <summary>Function of the candidate of an LSTM or GRU; null for tanh.</summary>
    public string? CandidateActivation { get; init; }

    /// <summary>Function of an LSTM's cell state within its output; null for tanh.</summary>
    public string? OutputActivation { get; init; }

    /// <summary>Whether the gates of an LSTM see the cell; see <see cref="Layers.Lstm.Peepholes"/>.</summary>
    public bool? Peepholes { get; init; }

    /// <summary>Width of an LSTM's projected state; see <see cref="Layers.Lstm.Projection"/>.</summary>
    public int? Projection { get; init; }

    /// <summary>Whether an LSTM's forget gate is 1 − i; see <see cref="Layers.Lstm.CoupledGates"/>.</summary>
    public bool? CoupledGates { get; init; }

    /// <summary>Limit of a cell's pre-activations; see <see cref="Layers.Lstm.GateClip"/>.</summary>
    public float? GateClip { get; init; }

    /// <summary>Limit of an LSTM's cell state; see <see cref="Layers.Lstm.CellClip"/>.</summary>
    public float? CellClip { get; init; }

    /// <summary>Whether a recurrent layer normalises its products; see <see cref="Layers.RecurrentLayer.LayerNorm"/>.</summary>
    public bool? LayerNorm { get; init; }

    /// <summary>See <see cref="Layers.RecurrentLayer.RecurrentDropout"/>.</summary>
    public float? RecurrentDropout { get; init; }

    /// <summary>See <see cref="Layers.RecurrentLayer.Zoneout"/>.</summary>
    public float? Zoneout { get; init; }

    /// <summary>See <see cref="Layers.Lstm.CellZoneout"/>.</summary>
    public float? CellZoneout { get; init; }

    /// <summary>For people, for example <c>lstm(input 64, hidden 256)</c>.</summary>
    public override string ToString()
    {
        var sizes = new (string Name, object? Value)[]
        {
            ("vocabulary", Vocabulary), ("size", Size), ("input", Input), ("hidden", Hidden), ("output", Output), ("activation", Activation), ("rate", Rate),
            ("variational", Variational == true ? "yes" : null), ("l1", L1), ("l2", L2), ("temporal", Temporal), ("epsilon", Epsilon), ("value", Value), ("", Inner), ("merge", Merge),
            ("last step", LastStep == true ? "only" : null),
        };
        IEnumerable<(string Name, object? Value)> options = RecurrentInfo.Options(this).Select(option =>
            (option.Name.Replace('_', ' '), option.Value switch { true => "", false => null, _ => option.Value }));
        var shown = sizes.Concat(options).Where(size => size.Value is not null).Select(size => FormattableString.Invariant($"{size.Name} {size.Value}").Trim());
        return $"{Type}({string.Join(", ", shown)})";
    }
}

/// <summary>How a model was trained. Everything is optional; nothing of it influences loading.</summary>
public sealed record TrainingSummary
{
    /// <summary>The data's name, without its folder.</summary>
    public string? Data { get; init; }

    /// <summary>Full passes over the training data.</summary>
    public int? Epochs { get; init; }

    /// <summary>The epoch, from 1, after which the stored weights were taken.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>Validation loss of the stored weights, in the loss's own unit.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>Optimiser steps until the stored weights.</summary>
    public long? Steps { get; init; }

    /// <summary>The options of the run, as they would be typed.</summary>
    public IReadOnlyDictionary<string, string>? Options { get; init; }
}
