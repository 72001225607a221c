using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Tests.Support;

/// <summary>Which positions of a window count.</summary>
public enum FlagKind
{
    /// <summary>All; no flags at all.</summary>
    None,

    /// <summary>Right padding: each sample has its length.</summary>
    Lengths,

    /// <summary>Left padding and gaps.</summary>
    Gaps,

    /// <summary>New sequences begin inside the window.</summary>
    Resets,

    /// <summary>Gaps and resets.</summary>
    Both,
}

/// <summary>One network and one window to check. Window 0 starts from zero; later ones from the state that training has carried there.</summary>
public sealed record GradientCase(int Layers, int Steps, int Batch, FlagKind Flags, int Window, float Dropout, int Seed, int Cell = 0, string Option = "")
{
    internal CellType Type => Option.Length == 0 ? CellRun.Cells[Cell] : CellRun.Options.Single(option => option.Name == Option).Cell;

    public override string ToString() =>
        FormattableString.Invariant($"layers={Layers} T={Steps} B={Batch} flags={Flags} window={Window} dropout={Dropout} seed={Seed} cell={(Option.Length == 0 ? CellRun.Cells[Cell] : Option)}");
}

/// <summary>
/// Central differences in double through the real layers and trainer: |analytic − numeric| ≤ 1e-8 + 1e-6·|numeric| at step 1e-5.
/// </summary>
internal sealed class GradientCheck
{
    private const double Epsilon = 1e-5, Absolute = 1e-8, Relative = 1e-6;
    private const int Vocabulary = 5;

    private readonly GradientCase _case;
    private readonly Backend _backend;
    private readonly Random _random;
    private readonly Sequential _model;
    private readonly Trainer _trainer;
    private readonly SequenceChunk _chunk;
    private readonly List<double[]> _carried = [];
    private int _compared, _leftOut;

    private GradientCheck(GradientCase test, Backend backend)
    {
        (_case, _backend, _random) = (test, backend, new Random(test.Seed));
        var layers = new List<Layer> { new Embedding(Vocabulary, 3) };
        int width = 3;
        for (int i = 0; i < test.Layers; i++)
        {
            int hidden = 4 + ((i + 1) % 3); // 5, 6, 4: neighbours differ
            layers.Add(CellLayers.Create(test.Type, width, hidden));
            if (test.Dropout > 0)
                layers.Add(new Dropout(test.Dropout) { Variational = i % 2 == 1 });
            width = layers.OfType<RecurrentLayer>().Last().OutputSize(width);
        }
        layers.Add(new Linear(width, Vocabulary));
        _model = new Sequential(backend, (ulong)test.Seed, [.. layers]);
        // A step of 1e-30 leaves every double as it is, so a real training step is a function that can be called again and again.
        _trainer = new Trainer(_model, Loss.CrossEntropy, new Sgd(1e-30f));
        for (int window = 0; window < test.Window; window++)
            _trainer.Step(RandomChunk());
        _chunk = RandomChunk();
        foreach (RecurrentState state in _trainer.EnsureState(test.Batch).OfType<RecurrentState>())
        {
            _carried.Add(Values(state.Hidden));
            if (state.Cell != null)
                _carried.Add(Values(state.Cell));
        }
    }

    /// <summary>Null when all gradients agree, or one line that names the first that does not and re-creates the case.</summary>
    public static string? Run(GradientCase test, Func<Backend> backend) => Run(test, backend, out _, out _);

    /// <summary>
    /// The same, with the number of differences that were compared, and of those left out because a kink lay between their two points: a
    /// <see cref="KinkedReference"/> tells of them.
    /// </summary>
    public static string? Run(GradientCase test, Func<Backend> backend, out int compared, out int leftOut)
    {
        using Backend fresh = backend();
        var check = new GradientCheck(test, fresh);
        string? failure = check.CheckTrainer() ?? check.CheckStates();
        (compared, leftOut) = (check._compared, check._leftOut);
        return failure;
    }

    // ---- parameters through Trainer.Step ------------------------------------------------------------------------------------

    private string? CheckTrainer()
    {
        TrainerLoss();
        List<(Parameter Parameter, double[] Gradient)> analytic = [.. _model.Parameters.Select(p => (p, Values(p.Gradient)))];
        foreach ((Parameter parameter, double[] gradient) in analytic)
        {
            foreach (double[] direction in Directions(gradient.Length))
            {
                string? failure = Compare(parameter.Name, parameter.Value, gradient, direction, TrainerLoss);
                if (failure != null)
                    return failure;
            }
        }
        return null;
    }

    private double TrainerLoss()
    {
        int next = 0;
        foreach (RecurrentState state in _trainer.EnsureState(_case.Batch).OfType<RecurrentState>())
        {
            _backend.Write(state.Hidden, _carried[next++]);
            if (state.Cell != null)
                _backend.Write(state.Cell, _carried[next++]);
        }
        _trainer.RestoreCounters(0, 7);
        return _trainer.Step(_chunk).Loss;
    }

    // ---- initial states, and gradients that enter through final states -------------------------------------------------------

    private string? CheckStates()
    {
        SequentialWorkspace workspace = _model.CreateWorkspace(_case.Steps, _case.Batch, Keep.Everything);
        RecurrentState?[] initial = _model.CreateState(_case.Batch);
        foreach (RecurrentState state in initial.OfType<RecurrentState>())
        {
            _backend.Write(state.Hidden, RandomValues(state.Hidden.Length));
            if (state.Cell != null)
                _backend.Write(state.Cell, RandomValues(state.Cell.Length));
        }
        foreach (RecurrentWorkspace layer in workspace.Layers.OfType<RecurrentWorkspace>())
            layer.FinalGradient = new RecurrentState(RandomBuffer(layer.Final.Hidden), layer.Final.Cell == null ? null : RandomBuffer(layer.Final.Cell));
        var pass = new PassContext(_chunk.Flags, true, (ulong)_case.Seed, 3, false);
        double Total() => StateLoss(workspace, initial, pass);

        foreach (Parameter parameter in _model.Parameters)
            _backend.Zero(parameter.Gradient);
        Total();
        _model.Backward(workspace, new LayerInput(_chunk.InputMemory), null, pass);
        List<(string Name, DeviceBuffer Value, double[] Gradient)> targets = [.. _model.Parameters.Select(p => (p.Name, p.Value, Values(p.Gradient)))];
        for (int i = 0; i < initial.Length; i++)
        {
            if (workspace.Layers[i] is not RecurrentWorkspace layer)
                continue;
            targets.Add(($"h0 of layer {i}", initial[i]!.Hidden, Values(layer.InitialGradient!.Hidden)));
            if (initial[i]!.Cell is { } cell)
                targets.Add(($"c0 of layer {i}", cell, Values(layer.InitialGradient!.Cell!)));
        }
        foreach ((string name, DeviceBuffer value, double[] gradient) in targets)
        {
            foreach (double[] direction in Directions(gradient.Length))
            {
                string? failure = Compare(name + " (with final states)", value, gradient, direction, Total);
                if (failure != null)
                    return failure;
            }
        }
        return null;
    }

    /// <summary>Mean cross-entropy plus a weighted sum of all final states.</summary>
    private double StateLoss(SequentialWorkspace workspace, RecurrentState?[] initial, PassContext pass)
    {
        DeviceBuffer output = _model.Forward(workspace, new LayerInput(_chunk.InputMemory), initial, pass);
        LossSum loss = _backend.CrossEntropy(output, _chunk.Targets, workspace.OutputGradient);
        double sum = loss.Sum / loss.Count;
        foreach (RecurrentWorkspace layer in workspace.Layers.OfType<RecurrentWorkspace>())
        {
            sum += Dot(Values(layer.Final.Hidden), Values(layer.FinalGradient!.Hidden));
            if (layer.Final.Cell != null)
                sum += Dot(Values(layer.Final.Cell), Values(layer.FinalGradient.Cell!));
        }
        return sum;
    }

    // ---- arithmetic ---------------------------------------------------------------------------------------------------------

    private string? Compare(string name, DeviceBuffer value, double[] gradient, double[] direction, Func<double> loss)
    {
        double analytic = Dot(gradient, direction);
        double? numeric = _backend is KinkedReference kinked ? kinked.Derivative(value, direction, loss) : Numeric(_backend, value, direction, loss);
        (_compared, _leftOut) = numeric == null ? (_compared, _leftOut + 1) : (_compared + 1, _leftOut);
        return numeric is not { } difference || Agree(analytic, difference)
            ? null
            : FormattableString.Invariant($"gradient of {name}: {analytic:R}, central difference {difference:R}; {_case}");
    }

    internal static bool Agree(double analytic, double numeric) => Math.Abs(analytic - numeric) <= Absolute + (Relative * Math.Abs(numeric));

    /// <summary>Two single elements and one direction through all of them.</summary>
    private IEnumerable<double[]> Directions(int length)
    {
        for (int i = 0; i < Math.Min(2, length); i++)
        {
            var one = new double[length];
            one[_random.Next(length)] = 1;
            yield return one;
        }
        double[] all = RandomValues(length);
        double norm = Math.Sqrt(Dot(all, all));
        yield return [.. all.Select(x => x / norm)];
    }

    internal static double Numeric(Backend backend, DeviceBuffer buffer, double[] direction, Func<double> loss)
    {
        double[] at = Values(backend, buffer);
        backend.Write(buffer, [.. at.Zip(direction, (x, d) => x + (Epsilon * d))]);
        double above = loss();
        backend.Write(buffer, [.. at.Zip(direction, (x, d) => x - (Epsilon * d))]);
        double below = loss();
        backend.Write(buffer, at);
        return (above - below) / (2 * Epsilon);
    }

    internal static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    internal static double[] Values(Backend backend, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }

    private double[] Values(DeviceBuffer buffer) => Values(_backend, buffer);

    private double[] RandomValues(int length) => [.. Enumerable.Range(0, length).Select(_ => (_random.NextDouble() * 2) - 1)];

    private DeviceBuffer RandomBuffer(DeviceBuffer like)
    {
        DeviceBuffer buffer = _backend.Allocate(like.Rows, like.Columns);
        _backend.Write(buffer, RandomValues(buffer.Length));
        return buffer;
    }

    private SequenceChunk RandomChunk()
    {
        var chunk = new SequenceChunk(_case.Steps, _case.Batch);
        for (int i = 0; i < chunk.Inputs.Length; i++)
        {
            chunk.Inputs[i] = _random.Next(Vocabulary);
            chunk.Targets[i] = _random.Next(Vocabulary);
        }
        for (int b = 0; b < _case.Batch; b++)
            SetFlags(chunk, b);
        return chunk;
    }

    private void SetFlags(SequenceChunk chunk, int b)
    {
        int length = _random.Next(0, _case.Steps + 1);
        for (int t = 0; t < _case.Steps; t++)
        {
            bool inactive = _case.Flags switch
            {
                FlagKind.Lengths => t >= length,
                FlagKind.Gaps or FlagKind.Both => t < length / 2 || _random.Next(4) == 0,
                _ => false,
            };
            if (inactive && (t, b) != (_case.Steps - 1, 0)) // something must count
                chunk.SetInactive(t, b);
            if (_case.Flags is FlagKind.Resets or FlagKind.Both && _random.Next(3) == 0)
                chunk.SetReset(t, b);
        }
    }
}
