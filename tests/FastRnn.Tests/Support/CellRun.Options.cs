using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.Tests.Support;

/// <summary>The cells that tests run through.</summary>
internal sealed partial class CellRun
{
    /// <summary>Without options.</summary>
    public static CellType[] Cells { get; } =
    [
        CellType.Lstm, CellType.Gru, CellType.Rnn(), CellType.Rnn(CellActivation.Relu), CellType.Rnn(CellActivation.Sigmoid),
        CellType.Rnn(CellActivation.Identity),
    ];

    /// <summary>
    /// Every option alone, and combinations in which one option's result enters another. Limits lie where they cut some values of a run and leave others.
    /// </summary>
    public static (string Name, CellType Cell)[] Options { get; } = [.. LstmOptions(), .. GruOptions(), .. RnnOptions()];

    /// <summary>A projection is narrower than the layer, where that is possible.</summary>
    public static CellType Fit(CellType cell, int hidden) =>
        cell.Projection < hidden ? cell : cell with { Projection = Math.Max(1, hidden - 1) };

    private static CellFunction[] Functions(CellType cell) =>
        [cell.GateActivation.Args.Function, cell.Activation.Args.Function, cell.OutputActivation.Args.Function];

    private static IEnumerable<(string Name, CellType Cell)> LstmOptions()
    {
        CellType lstm = CellType.Lstm;
        CellType functions = lstm with { GateActivation = CellActivation.HardSigmoid, Activation = CellActivation.Softsign, OutputActivation = CellActivation.Relu };
        yield return ("lstm peepholes", lstm with { Peepholes = true });
        yield return ("lstm projection", lstm with { Projection = 3 });
        yield return ("lstm coupled", lstm with { Coupled = true });
        yield return ("lstm gate clip", lstm with { GateClip = 0.6f });
        yield return ("lstm cell clip", lstm with { CellClip = 0.35f });
        yield return ("lstm norm", lstm with { LayerNorm = true });
        yield return ("lstm dropout", lstm with { RecurrentDropout = 0.3f });
        yield return ("lstm zoneout", lstm with { Zoneout = 0.25f });
        yield return ("lstm cell zoneout", lstm with { CellZoneout = 0.4f });
        yield return ("lstm both zoneouts", lstm with { Zoneout = 0.2f, CellZoneout = 0.3f });
        yield return ("lstm functions", functions);
        yield return ("lstm Keras 2", lstm with { GateActivation = CellActivation.HardSigmoidKeras2 });
        yield return ("lstm scaled", lstm with
        {
            GateActivation = CellActivation.HardSigmoidOf(0.4f, 0.3f),
            Activation = CellActivation.ScaledTanh(1.7f, 0.6f),
            OutputActivation = CellActivation.Elu(0.8f),
        });
        yield return ("lstm peepholes, coupled", lstm with { Peepholes = true, Coupled = true });
        yield return ("lstm peepholes, both clips", lstm with { Peepholes = true, GateClip = 0.7f, CellClip = 0.4f });
        yield return ("lstm projection, zoneouts", lstm with { Projection = 5, Zoneout = 0.3f, CellZoneout = 0.2f });
        yield return ("lstm norm, dropout", lstm with { LayerNorm = true, RecurrentDropout = 0.4f });
        CellType everything = lstm with
        {
            Peepholes = true,
            Projection = 4,
            Coupled = true,
            GateClip = 0.8f,
            CellClip = 0.5f,
            LayerNorm = true,
            RecurrentDropout = 0.2f,
            Zoneout = 0.15f,
            CellZoneout = 0.25f,
        };
        yield return ("lstm everything", everything);
        yield return ("lstm everything but coupled", everything with
        {
            Coupled = false,
            GateActivation = CellActivation.HardSigmoidKeras2,
            Activation = CellActivation.Softsign,
            OutputActivation = CellActivation.LeakyRelu(0.1f),
        });
    }

    private static IEnumerable<(string Name, CellType Cell)> GruOptions()
    {
        CellType gru = CellType.Gru, before = gru with { ResetBefore = true };
        CellType everything = gru with { LayerNorm = true, RecurrentDropout = 0.2f, Zoneout = 0.3f, GateClip = 1.5f, GateActivation = CellActivation.HardSigmoid };
        yield return ("gru reset before", before);
        yield return ("gru norm", gru with { LayerNorm = true });
        yield return ("gru reset before, norm", before with { LayerNorm = true });
        yield return ("gru dropout", gru with { RecurrentDropout = 0.3f });
        yield return ("gru reset before, dropout", before with { RecurrentDropout = 0.3f });
        yield return ("gru zoneout", gru with { Zoneout = 0.3f });
        yield return ("gru functions", gru with { GateActivation = CellActivation.HardSigmoidKeras2, Activation = CellActivation.Softsign });
        yield return ("gru reset before, functions", before with { GateActivation = CellActivation.HardSigmoid, Activation = CellActivation.Relu });
        yield return ("gru gate clip", gru with { GateClip = 0.3f });
        yield return ("gru gate clip, functions", gru with { GateClip = 0.4f, GateActivation = CellActivation.HardSigmoid, Activation = CellActivation.ScaledTanh(1.2f, 0.9f) });
        yield return ("gru reset before, gate clip", before with { GateClip = 0.3f });
        yield return ("gru everything", everything);
        yield return ("gru reset before, everything", everything with { ResetBefore = true, Activation = CellActivation.ScaledTanh(1.2f, 0.9f) });
    }

    private static IEnumerable<(string Name, CellType Cell)> RnnOptions()
    {
        CellActivation[] functions =
        [
            CellActivation.HardSigmoid, CellActivation.HardSigmoidKeras2, CellActivation.Softsign, CellActivation.Softplus, CellActivation.Elu(0.7f),
            CellActivation.LeakyRelu(0.1f), CellActivation.ThresholdedRelu(0.2f), CellActivation.ScaledTanh(1.7f, 0.6f), CellActivation.Affine(0.5f, 0.1f),
        ];
        foreach (CellActivation function in functions)
            yield return ($"rnn {function}", CellType.Rnn(function));
        CellType rnn = CellType.Rnn();
        yield return ("rnn gate clip", rnn with { GateClip = 0.4f });
        yield return ("rnn gate clip, affine", CellType.Rnn(CellActivation.Affine(0.5f, 0.1f)) with { GateClip = 0.5f });
        yield return ("rnn norm", rnn with { LayerNorm = true });
        yield return ("rnn dropout", rnn with { RecurrentDropout = 0.3f });
        yield return ("rnn zoneout", rnn with { Zoneout = 0.3f });
        yield return ("rnn everything", CellType.Rnn(CellActivation.Elu()) with { LayerNorm = true, RecurrentDropout = 0.2f, Zoneout = 0.25f });
    }

    private static string Name(CellType cell) =>
        Options.FirstOrDefault(option => option.Cell == cell).Name ?? (Cells.Contains(cell) ? $"{cell.Kind} {cell.Activation}" : $"{cell}");
}
