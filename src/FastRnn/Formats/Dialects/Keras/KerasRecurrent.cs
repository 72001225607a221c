using FastRnn.Backends;
using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Recurrent layers of a Keras model: cells, directions, and what the versions of Keras leave unsaid.</summary>
internal sealed class KerasRecurrent(
    ModelDraft draft, KerasVersion version, KerasFunctions functions, KerasWeights weights, Func<string, ModelFormatException> error)
{
    private static readonly (string Keras, string Own)[] _merges = [("concat", "concat"), ("sum", "sum"), ("ave", "average"), ("mul", "multiply")];

    /// <summary>A layer of one direction.</summary>
    /// <param name="layer">Of the model.</param>
    /// <param name="arrays">Its weights.</param>
    /// <param name="prefix">Of its parameters' names.</param>
    /// <param name="backwards">Whether time runs backwards in what comes in; set to whether it does in what goes out.</param>
    /// <param name="sequence">Whether it gives every step.</param>
    public LayerInfo Read(KerasLayer layer, List<HdfTensor> arrays, string prefix, ref bool backwards, out bool sequence)
    {
        sequence = Flag(layer, "return_sequences");
        bool reads = Flag(layer, "go_backwards") != backwards;
        (LayerInfo cell, KerasLayout layout) = Cell(layer, arrays);
        weights.AddRecurrent(prefix, "", cell, layout, [.. arrays]);
        // Keras leaves the steps in the order of reading, so that the layers that follow read them backwards, too.
        backwards = reads && sequence;
        if (reads)
            return new() { Type = "go_backwards", Inner = cell, LastStep = !sequence };
        if (!sequence)
            draft.Notes.Add($"{layer.ClassName} {ModelFormatException.Quote(layer.Name)} gives its last step in Keras, every step here: the last is the same");
        return cell;
    }

    /// <summary>A layer of both directions.</summary>
    public LayerInfo ReadBoth(KerasLayer layer, List<HdfTensor> arrays, string prefix, out bool sequence)
    {
        string merge = layer.Config.Known("merge_mode") is { } mode ? (mode.Kind == System.Text.Json.JsonTokenType.String ? mode.Text : "None") : "concat";
        int known = Array.FindIndex(_merges, pair => pair.Keras == merge);
        if (known < 0)
            throw Error(layer, $"merges by {ModelFormatException.Quote(merge)}; concat, sum, mul and ave are read");
        KerasLayer forward = Inner(layer, "layer");
        if (Flag(forward, "go_backwards"))
            throw Error(layer, "has a first layer that reads backwards, which is not read");
        sequence = Flag(forward, "return_sequences");
        if (arrays.Count % 2 != 0)
            throw Error(layer, $"has {arrays.Count} arrays, which are not the same for both directions");
        List<HdfTensor> first = arrays[..(arrays.Count / 2)], second = arrays[(arrays.Count / 2)..];
        (LayerInfo cell, KerasLayout layout) = Cell(forward, first);
        KerasLayer backward = layer.Config.Optional("backward_layer") == null ? forward : Inner(layer, "backward_layer");
        if (backward != forward && (!Flag(backward, "go_backwards") || Flag(backward, "return_sequences") != sequence))
            throw Error(layer, "has a second layer that does not read backwards, or gives other steps");
        (LayerInfo other, KerasLayout otherLayout) = Cell(backward, second);
        if (other != cell)
            throw Error(layer, $"has directions that differ: {cell} and {other}");
        weights.AddRecurrent(prefix, "", cell, layout, [.. first]);
        weights.AddRecurrent(prefix, "_reverse", cell, otherLayout, [.. second]);
        return new() { Type = "bidirectional", Inner = cell, Merge = _merges[known].Own, LastStep = !sequence };
    }

    private KerasLayer Inner(KerasLayer layer, string field)
    {
        JsonValue inner = layer.Config.Required(field);
        string kind = inner.Required("class_name").String();
        if (kind is not ("LSTM" or "GRU" or "SimpleRNN" or "CuDNNLSTM" or "CuDNNGRU"))
            throw Error(layer, $"is made of {ModelFormatException.Quote(kind)}; LSTM, GRU, SimpleRNN, CuDNNLSTM and CuDNNGRU are read");
        return new(kind, layer.Name, inner.Required("config"));
    }

    private (LayerInfo Cell, KerasLayout Layout) Cell(KerasLayer layer, List<HdfTensor> arrays)
    {
        JsonValue config = layer.Config;
        int units = (config.Optional("units") ?? config.Required("output_dim")).Int32();
        if (units is < 1 or > Architecture.MaxHidden)
            throw Error(layer, $"has {units} units; 1 to {Architecture.MaxHidden} are read");
        if (Flag(layer, "return_state"))
            throw Error(layer, "returns its state beside its output, which is not read");
        bool cudnn = layer.ClassName.StartsWith("CuDNN", StringComparison.Ordinal);
        string kind = layer.ClassName switch { "LSTM" or "CuDNNLSTM" => "lstm", "GRU" or "CuDNNGRU" => "gru", _ => "rnn" };
        bool bias = cudnn || (config.Optional("use_bias")?.Boolean() ?? true);
        int gates = kind == "lstm" ? 4 : kind == "gru" ? 3 : 1;
        (KerasLayout layout, int input) = weights.Recurrent(layer.Name, gates, units, bias, [.. arrays]);
        var cell = new LayerInfo { Type = kind, Input = input, Hidden = units };
        if (config.Optional("recurrent_dropout")?.Single() is > 0 || config.Optional("dropout")?.Single() is > 0)
            draft.Notes.Add($"{layer.ClassName} {ModelFormatException.Quote(layer.Name)} has dropout of its own, which is left out: it acts in training only");
        CellActivation function = cudnn ? CellActivation.Tanh : Function(layer, "activation", "tanh");
        if (kind == "rnn")
            return (cell with { Activation = function.ToString() }, layout);
        CellActivation gate = cudnn ? CellActivation.Sigmoid : Gate(layer);
        cell = cell with
        {
            GateActivation = gate == CellActivation.Sigmoid ? null : gate.ToString(),
            CandidateActivation = function == CellActivation.Tanh ? null : function.ToString(),
            OutputActivation = kind == "gru" || function == CellActivation.Tanh ? null : function.ToString(),
        };
        if (kind == "gru")
            cell = cell with { ResetBefore = (cudnn || ResetAfter(layer, bias, layout)) ? null : true };
        return (cell, layout);
    }

    private bool ResetAfter(KerasLayer layer, bool bias, KerasLayout layout)
    {
        bool two = layout is KerasLayout.TwoBiases or KerasLayout.CuDnn;
        // An explicit null, as of some converters, says as little as nothing.
        bool? after = layer.Config.Optional("reset_after")?.Boolean() ?? version.ResetAfter ?? (bias ? two : null);
        if (after == null)
            throw Error(layer, $"does not say reset_after, and version {ModelFormatException.Quote(version.Text)} does not tell");
        if (bias && after != two)
            throw Error(layer, $"has reset_after {(after == true ? "true" : "false")} and a bias of the other form");
        return after.Value;
    }

    private CellActivation Gate(KerasLayer layer)
    {
        string field = layer.Config.Known("recurrent_activation") == null && layer.Config.Known("inner_activation") != null ? "inner_activation" : "recurrent_activation";
        if (layer.Config.Known(field) != null)
            return Function(layer, field, "");
        if (version.SigmoidGates is not { } sigmoid)
            throw Error(layer, $"does not say recurrent_activation, and version {ModelFormatException.Quote(version.Text)} does not tell");
        return functions.OfCell(sigmoid ? "sigmoid" : "hard_sigmoid")!.Value;
    }

    private CellActivation Function(KerasLayer layer, string field, string otherwise)
    {
        string? name = layer.Config.Known(field) is { } value ? functions.Name(value, layer.Name) : otherwise;
        return functions.OfCell(name) ?? throw Error(layer, $"has the {field} {ModelFormatException.Quote(name!)}, which is not a function of cells");
    }

    private static bool Flag(KerasLayer layer, string field) => layer.Config.Optional(field)?.Boolean() ?? false;

    private ModelFormatException Error(KerasLayer layer, string problem) =>
        error($"layer {ModelFormatException.Quote(layer.Name)} ({layer.ClassName}) {problem}");
}
