using FastRnn.Backends;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// The options of the cells against equations on PyTorch's tensors and its automatic differentiation, in double; see
/// Truth/make_cell_options_truth.py. What a seed draws – recurrent dropout, zoneout – is in <see cref="CellMeaningTests"/>.
/// </summary>
public class CellOptionTruthTests
{
    private static readonly TruthFile _truth = new("cell_options.json");

    private static readonly Dictionary<string, CellType> _cells = Cells();

    private static readonly (string Truth, string Run, bool IsGradient)[] _results =
    [
        ("y", "y", false), ("hT", "hT", false), ("cT", "cT", false), ("dweight_ih", "dW", true), ("dweight_hh", "dR", true), ("dbias_ih", "db_ih", true),
        ("dbias_hh", "db_hh", true), ("dweight_peephole", "dP", true), ("dweight_hr", "dW_hr", true), ("dweight_ln_ih", "dgamma_x", true),
        ("dweight_ln_hh", "dgamma_h", true), ("dx", "dX", true), ("dh0", "dh0", true), ("dc0", "dc0", true),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in _cells.Keys)
            {
                foreach (string on in TruthComparison.Names)
                    data.Add(name, on);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void CellWithOptions(string name, string on)
    {
        CellRun run = Run(_cells[name]);
        using Backend backend = TruthComparison.Create(on);
        Dictionary<string, double[]> actual = run.Train(backend);
        var check = new TruthComparison(_truth, on, name + ": ");
        foreach ((string truth, string result, bool isGradient) in _results)
        {
            if (!actual.TryGetValue(result, out double[]? values))
                continue;
            if (isGradient)
                check.Gradient(name + ": " + truth, values);
            else
                check.Values(name + ": " + truth, values);
        }
        check.NothingLeft();
    }

    [Fact]
    public void EveryCaseOfTheFileIsCompared() =>
        Assert.Equal(_truth.Expected.Keys.Select(key => key.Split(": ")[0]).Distinct().Order(), _cells.Keys.Order());

    private static CellRun Run(CellType cell)
    {
        int hidden = _truth.Size("hidden"), batch = _truth.Size("batch"), steps = _truth.Size("steps"), input = _truth.Size("input");
        int rows = cell.Gates * hidden, state = cell.StateSize(hidden);
        var run = new CellRun(input, hidden, steps, batch, seed: 0, cell)
        {
            X = _truth.Floats($"x {steps}x{batch}x{input}"),
            H0 = _truth.Floats($"h0 {batch}x{state}"),
            C0 = _truth.Floats($"c0 {batch}x{hidden}"),
            OutputGradient = _truth.Floats($"dy {steps}x{batch}x{state}"),
            FinalHiddenGradient = _truth.Floats($"dhT {batch}x{state}"),
            FinalCellGradient = _truth.Floats($"dcT {batch}x{hidden}"),
        };
        _truth.Floats($"weight_ih {rows}x{input}").CopyTo(run.W, 0);
        _truth.Floats($"weight_hh {rows}x{state}").CopyTo(run.R, 0);
        _truth.Floats($"bias_ih {rows}").CopyTo(run.InputBias, 0);
        _truth.Floats($"bias_hh {rows}").CopyTo(run.RecurrentBias, 0);
        if (cell.Peepholes)
            _truth.Floats($"weight_peephole 3x{hidden}").CopyTo(run.Peephole, 0);
        if (cell.Projection > 0)
            _truth.Floats($"weight_hr {state}x{hidden}").CopyTo(run.Projection, 0);
        if (cell.LayerNorm)
        {
            _truth.Floats($"weight_ln_ih {rows}").CopyTo(run.InputNorm, 0);
            _truth.Floats($"weight_ln_hh {rows}").CopyTo(run.RecurrentNorm, 0);
        }
        return run;
    }

    private static Dictionary<string, CellType> Cells()
    {
        CellType lstm = CellType.Lstm, gru = CellType.Gru;
        CellType peepholes = lstm with { Peepholes = true }, before = gru with { ResetBefore = true };
        CellType most = peepholes with { Projection = _truth.Size("projection"), GateClip = 1.25f, CellClip = 0.625f, LayerNorm = true };
        CellActivation sixth = CellActivation.HardSigmoid, fifth = CellActivation.HardSigmoidKeras2, softsign = CellActivation.Softsign;
        var scaled = CellActivation.ScaledTanh(1.7f, 0.6f);
        var leaky = CellActivation.LeakyRelu(0.1f);
        var elu = CellActivation.Elu(0.7f);
        return new()
        {
            ["lstm peepholes"] = peepholes,
            ["lstm projection"] = lstm with { Projection = _truth.Size("projection") },
            ["lstm coupled"] = lstm with { Coupled = true },
            ["lstm gate clip"] = lstm with { GateClip = 0.75f },
            ["lstm cell clip"] = lstm with { CellClip = 0.5f },
            ["lstm norm"] = lstm with { LayerNorm = true },
            ["lstm hard sigmoid"] = lstm with { GateActivation = sixth, Activation = softsign, OutputActivation = CellActivation.Relu },
            ["lstm Keras 2"] = lstm with { GateActivation = fifth, Activation = scaled, OutputActivation = leaky },
            ["lstm peepholes, coupled, clips"] = peepholes with { Coupled = true, GateClip = 0.75f, CellClip = 0.5f },
            ["lstm everything"] = most with { Coupled = true, GateActivation = fifth, Activation = softsign },
            ["lstm everything but coupled"] = most,
            ["gru reset before"] = before,
            ["gru norm"] = gru with { LayerNorm = true },
            ["gru reset before, norm"] = before with { LayerNorm = true },
            ["gru functions"] = gru with { GateActivation = sixth, Activation = softsign },
            ["gru reset before, functions"] = before with { GateActivation = fifth, Activation = elu },
            ["rnn norm"] = CellType.Rnn() with { LayerNorm = true },
            ["rnn sigmoid"] = CellType.Rnn(CellActivation.Sigmoid),
            ["rnn identity"] = CellType.Rnn(CellActivation.Identity),
            ["rnn hard_sigmoid(1/6)"] = CellType.Rnn(sixth),
            ["rnn hard_sigmoid(0.2)"] = CellType.Rnn(fifth),
            ["rnn softsign"] = CellType.Rnn(softsign),
            ["rnn softplus"] = CellType.Rnn(CellActivation.Softplus),
            ["rnn elu(0.7)"] = CellType.Rnn(elu),
            ["rnn leaky_relu(0.1)"] = CellType.Rnn(leaky),
            ["rnn thresholded_relu(0.2)"] = CellType.Rnn(CellActivation.ThresholdedRelu(0.2f)),
            ["rnn scaled_tanh(1.7,0.6)"] = CellType.Rnn(scaled),
            ["rnn affine(0.5,0.1)"] = CellType.Rnn(CellActivation.Affine(0.5f, 0.1f)),
        };
    }
}
