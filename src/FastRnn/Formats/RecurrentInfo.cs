using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>
/// Recurrent layers in a stored architecture. An option that has its default value has no field, so that files of plain layers are what they have
/// always been.
/// </summary>
internal static class RecurrentInfo
{
    private static readonly string[] _ofAll = ["layer_norm", "recurrent_dropout", "zoneout", "weight_drop"];

    public static bool IsRecurrent(LayerInfo layer) => layer.Type is "lstm" or "gru" or "rnn";

    /// <summary>Width of h.</summary>
    public static int? StateSize(LayerInfo layer) => layer.Projection ?? layer.Hidden;

    public static LayerInfo Describe(RecurrentLayer layer) => Describe(layer.Cell, layer.Input, layer.Hidden) with { WeightDrop = Stored(layer.WeightDrop) };

    /// <summary>The layer that computes a cell.</summary>
    public static LayerInfo Describe(CellType cell, int input, int hidden)
    {
        bool gated = cell.Kind != CellKind.Rnn;
        return new()
        {
            Type = cell.Kind switch { CellKind.Lstm => "lstm", CellKind.Gru => "gru", _ => "rnn" },
            Input = input,
            Hidden = hidden,
            Activation = gated ? null : cell.Activation.ToString(),
            ResetBefore = Stored(cell.ResetBefore),
            GateActivation = Stored(cell.GateActivation, CellActivation.Sigmoid),
            CandidateActivation = gated ? Stored(cell.Activation, CellActivation.Tanh) : null,
            OutputActivation = Stored(cell.OutputActivation, CellActivation.Tanh),
            Peepholes = Stored(cell.Peepholes),
            Projection = cell.Projection == 0 ? null : cell.Projection,
            CoupledGates = Stored(cell.Coupled),
            GateClip = Stored(cell.GateClip),
            CellClip = Stored(cell.CellClip),
            LayerNorm = Stored(cell.LayerNorm),
            RecurrentDropout = Stored(cell.RecurrentDropout),
            Zoneout = Stored(cell.Zoneout),
            CellZoneout = Stored(cell.CellZoneout),
        };
    }

    /// <summary>A new layer; only for what <see cref="Check"/> has accepted.</summary>
    public static RecurrentLayer Build(LayerInfo layer)
    {
        (int input, int hidden) = (layer.Input!.Value, layer.Hidden!.Value);
        (bool norm, float dropout, float zoneout, float drop) =
            (layer.LayerNorm ?? false, layer.RecurrentDropout ?? 0, layer.Zoneout ?? 0, layer.WeightDrop ?? 0);
        CellActivation gate = Function(layer.GateActivation, CellActivation.Sigmoid);
        CellActivation candidate = Function(layer.CandidateActivation, CellActivation.Tanh);
        return layer.Type switch
        {
            "lstm" => new Lstm(input, hidden)
            {
                LayerNorm = norm,
                RecurrentDropout = dropout,
                Zoneout = zoneout,
                WeightDrop = drop,
                GateActivation = gate,
                CandidateActivation = candidate,
                OutputActivation = Function(layer.OutputActivation, CellActivation.Tanh),
                Peepholes = layer.Peepholes ?? false,
                Projection = layer.Projection ?? 0,
                CoupledGates = layer.CoupledGates ?? false,
                GateClip = layer.GateClip ?? 0,
                CellClip = layer.CellClip ?? 0,
                CellZoneout = layer.CellZoneout ?? 0,
            },
            "gru" => new Gru(input, hidden)
            {
                LayerNorm = norm,
                RecurrentDropout = dropout,
                Zoneout = zoneout,
                WeightDrop = drop,
                GateActivation = gate,
                CandidateActivation = candidate,
                ResetBefore = layer.ResetBefore ?? false,
                GateClip = layer.GateClip ?? 0,
            },
            _ => new Rnn(input, hidden, Function(layer.Activation, CellActivation.Tanh))
            {
                LayerNorm = norm,
                RecurrentDropout = dropout,
                Zoneout = zoneout,
                WeightDrop = drop,
                GateClip = layer.GateClip ?? 0,
            },
        };
    }

    /// <summary>Only options of its kind, with values that the layer takes.</summary>
    /// <exception cref="InvalidDataException">An option is not one of the kind, or out of range.</exception>
    public static void Check(int index, LayerInfo layer)
    {
        string[] allowed = layer.Type switch
        {
            "lstm" =>
            [
                .. _ofAll, "gate_activation", "candidate_activation", "output_activation", "peepholes", "projection", "coupled_gates", "gate_clip", "cell_clip",
                "cell_zoneout",
            ],
            "gru" => [.. _ofAll, "gate_activation", "candidate_activation", "reset_before", "gate_clip"],
            "rnn" => [.. _ofAll, "gate_clip"],
            _ => [],
        };
        foreach (var (name, value) in Options(layer))
        {
            if (value is not null && !allowed.Contains(name))
                throw new InvalidDataException($"layer {index} ({layer.Type}) cannot have {name}");
            string? wanted = value switch
            {
                string text => CellActivation.Parse(text) is null ? "a function that this version knows" : null,
                float rate when name is not ("gate_clip" or "cell_clip") => rate is >= 0 and < 1 ? null : "a share from 0 to below 1",
                float limit => limit > 0 && float.IsFinite(limit) ? null : "a finite limit above 0",
                int width => width >= 1 && width < layer.Hidden ? null : $"a width from 1 to below the {layer.Hidden} units",
                _ => null,
            };
            if (wanted is not null)
                throw new InvalidDataException($"layer {index} ({layer.Type}) has {name} {Show(value!)}; expected {wanted}");
        }
    }

    /// <summary>Name and value of every option, null where it has its default.</summary>
    public static (string Name, object? Value)[] Options(LayerInfo layer) =>
    [
        ("reset_before", layer.ResetBefore), ("gate_activation", layer.GateActivation), ("candidate_activation", layer.CandidateActivation),
        ("output_activation", layer.OutputActivation), ("peepholes", layer.Peepholes), ("projection", layer.Projection), ("coupled_gates", layer.CoupledGates),
        ("gate_clip", layer.GateClip), ("cell_clip", layer.CellClip), ("layer_norm", layer.LayerNorm), ("recurrent_dropout", layer.RecurrentDropout),
        ("zoneout", layer.Zoneout), ("cell_zoneout", layer.CellZoneout), ("weight_drop", layer.WeightDrop),
    ];

    /// <summary>Of a checked layer, in the order of the layer's own parameters.</summary>
    public static void AddParameters(List<ParameterShape> parameters, LayerInfo layer, string prefix, string suffix)
    {
        (int hidden, int state) = (layer.Hidden!.Value, StateSize(layer)!.Value);
        int rows = (layer.Type == "lstm" ? 4 : layer.Type == "gru" ? 3 : 1) * hidden;
        void Add(string name, params int[] shape) => parameters.Add(new($"{prefix}{name}_l0{suffix}", shape));

        Add("weight_ih", rows, layer.Input!.Value);
        Add("weight_hh", rows, state);
        Add("bias_ih", rows);
        Add("bias_hh", rows);
        if (layer.Projection is not null)
            Add("weight_hr", state, hidden);
        if (layer.Peepholes == true)
            Add("weight_peephole", 3, hidden);
        if (layer.LayerNorm != true)
            return;
        Add("weight_ln_ih", rows);
        Add("weight_ln_hh", rows);
    }

    private static CellActivation Function(string? text, CellActivation otherwise) => text is null ? otherwise : CellActivation.Parse(text)!.Value;

    private static string? Stored(CellActivation value, CellActivation plain) => value == plain ? null : value.ToString();

    private static bool? Stored(bool value) => value ? true : null;

    private static float? Stored(float value) => value == 0 ? null : value;

    private static string Show(object value) =>
        value is string text ? ModelFormatException.Quote(text) : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value}");
}
