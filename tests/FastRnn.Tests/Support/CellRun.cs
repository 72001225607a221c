using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.Tests.Support;

/// <summary>One recurrent layer with seeded data, run on any back end straight through its operations.</summary>
internal sealed partial class CellRun
{
    private readonly string _name;

    public CellRun(int input, int hidden, int steps, int batch, int seed, CellType? cell = null)
    {
        (Input, Hidden, Steps, Batch) = (input, hidden, steps, batch);
        _name = Name(cell ?? CellType.Lstm);
        Cell = Fit(cell ?? CellType.Lstm, hidden);
        State = Cell.StateSize(hidden);
        var random = new Random(seed);
        // Wide layers get smaller weights: pre-activations far out would test only how tanh saturates.
        W = Values(random, Cell.Gates * hidden * input, 0.4 * Math.Min(1, 4 / Math.Sqrt(input)));
        R = Values(random, Cell.Gates * hidden * State, 0.4 * Math.Min(1, 4 / Math.Sqrt(State)));
        InputBias = Values(random, Cell.Gates * hidden, 0.3);
        RecurrentBias = Values(random, Cell.Gates * hidden, 0.3);
        X = Values(random, steps * batch * input, 1.5);
        H0 = Values(random, batch * State, 0.8);
        C0 = Values(random, batch * hidden, 0.8);
        OutputGradient = Values(random, steps * batch * State, 1);
        FinalHiddenGradient = Values(random, batch * State, 1);
        FinalCellGradient = Values(random, batch * hidden, 1);
        if (Cell.Peepholes)
            Peephole = Values(random, 3 * hidden, 0.5);
        if (Cell.Projection > 0)
            Projection = Values(random, State * hidden, Math.Min(1, 2 / Math.Sqrt(hidden)));
        if (Cell.LayerNorm)
            (InputNorm, RecurrentNorm) = (Around1(random, Cell.Gates * hidden), Around1(random, Cell.Gates * hidden));
    }

    public CellType Cell { get; }

    public int Input { get; }

    public int Hidden { get; }

    /// <summary>P: width of h.</summary>
    public int State { get; }

    public int Steps { get; }

    public int Batch { get; }

    public float[] W { get; }

    public float[] R { get; }

    public float[] InputBias { get; }

    public float[] RecurrentBias { get; }

    /// <summary>p [3, H], W_hr [P, H], γ_x and γ_h [G·H] of cells that have them; empty elsewhere.</summary>
    public float[] Peephole { get; } = [];

    public float[] Projection { get; } = [];

    public float[] InputNorm { get; } = [];

    public float[] RecurrentNorm { get; } = [];

    /// <summary>[T, B, I].</summary>
    public float[] X { get; set; }

    public float[] H0 { get; set; }

    public float[] C0 { get; set; }

    public float[] OutputGradient { get; set; }

    public float[] FinalHiddenGradient { get; set; }

    public float[] FinalCellGradient { get; set; }

    public StepFlags? Flags { get; set; }

    /// <summary>Whether <see cref="Train"/> notes the norms of dh, which takes whole rows at every step.</summary>
    public bool NotesNorms { get; set; } = true;

    /// <summary>Of <see cref="Train"/>; <see cref="Forward(Backend)"/> is the same without training.</summary>
    public RecurrentPass Pass { get; set; } = new(Training: true, Seed: 0x5eed, Layer: 2, Reverse: false, Time: 77, GradientLimit: 0);

    public override string ToString() => $"{_name} T={Steps} B={Batch} I={Input} H={Hidden}";

    /// <summary>The same weights on samples first … first + count − 1 alone.</summary>
    public CellRun Slice(int first, int count) => new(this, Steps, count)
    {
        X = Take(X, Steps, Batch, Input, first, count),
        H0 = Take(H0, 1, Batch, State, first, count),
        C0 = Take(C0, 1, Batch, Hidden, first, count),
    };

    /// <summary>
    /// Distance of the value closest to a kink – of a rectifier, a clip – from it: one closer than the rounding of a float may fall to either side.
    /// </summary>
    public double ClosestKink()
    {
        bool straight = Cell.GateClip == 0 && Cell.CellClip == 0 && Functions(Cell).All(function => function is CellFunction.Tanh or CellFunction.Sigmoid);
        if (straight)
            return double.PositiveInfinity;
        using var reference = new KinkedReference();
        reference.Begin();
        Train(reference);
        return reference.Closest;
    }

    /// <summary>The same weights on one sample's given steps alone, as a sequence of its own from its initial state, or from zero.</summary>
    public CellRun Alone(int sample, IReadOnlyList<int> steps, bool fromZero)
    {
        CellRun one = Slice(sample, 1);
        float[] Rows(float[] values, int width) => [.. steps.SelectMany(t => values.AsSpan(t * width, width).ToArray())];
        float[] gradient = Take(OutputGradient, Steps, Batch, State, sample, 1);
        return new CellRun(this, steps.Count, 1)
        {
            X = Rows(one.X, Input),
            H0 = fromZero ? new float[State] : one.H0,
            C0 = fromZero ? new float[Hidden] : one.C0,
            OutputGradient = Rows(gradient, State),
            FinalHiddenGradient = new float[State],
            FinalCellGradient = new float[Hidden],
        };
    }

    public CellResult Forward(Backend backend) => Forward(backend, [Steps]);

    /// <summary>The sequence in consecutive calls of the given numbers of steps, the state handed on.</summary>
    public CellResult Forward(Backend backend, IReadOnlyList<int> chunks)
    {
        RecurrentWeights weights = CreateWeights(backend);
        float[] h = H0, c = C0;
        var y = new float[Steps * Batch * State];
        int t = 0;
        foreach (int steps in chunks)
        {
            float[] x = X.AsSpan(t * Batch * Input, steps * Batch * Input).ToArray();
            (float[] part, h, c) = Window(backend, weights, x, h, c, steps);
            part.CopyTo(y, t * Batch * State);
            t += steps;
        }
        return new CellResult(y, h, c);
    }

    /// <summary>
    /// Forward and backward over the whole sequence; every result by name. With <paramref name="longer"/> steps more the stash is a shorter one of a
    /// window that NaN has passed through, and so is all that the back end keeps to use again.
    /// </summary>
    public Dictionary<string, double[]> Train(Backend backend, Keep keep = Keep.Everything, int longer = 0)
    {
        RecurrentWeights weights = CreateWeights(backend);
        DeviceBuffer x = Filled(backend, Steps * Batch, X);
        using RecurrentStash whole = backend.CreateRecurrentStash(weights, Steps + longer, Batch, keep);
        if (longer > 0)
            Spoil(backend, weights, whole, Steps + longer);
        RecurrentStash stash = longer == 0 ? whole : whole.Shorter(Steps);
        RecurrentStates states = CreateStates(backend, stash, Steps, H0, C0);
        backend.RecurrentForward(weights, x, states, Flags, stash, Steps, Batch, Pass);
        DeviceBuffer y = Flags == null ? backend.View(states.Hidden, Batch, Steps * Batch) : states.MaskedOutput!;
        var results = new Dictionary<string, double[]>
        {
            ["y"] = Read(backend, y),
            ["hT"] = Read(backend, backend.View(states.Hidden, Steps * Batch, Batch)),
        };
        if (Cell.HasCell)
            results["cT"] = Read(backend, backend.View(states.Cell!, (stash.CellSlots - 1) * Batch, Batch));
        var flow = new RecurrentStateGradients(
            Filled(backend, Steps * Batch, OutputGradient), Filled(backend, Batch, FinalHiddenGradient),
            Cell.HasCell ? Filled(backend, Batch, FinalCellGradient) : null, backend.Allocate(Steps * Batch, Input),
            backend.Allocate(Batch, State), Cell.HasCell ? backend.Allocate(Batch, Hidden) : null);
        RecurrentGradients gradients = CreateGradients(backend, weights);
        var norms = new double[NotesNorms ? Steps : 0];
        backend.RecurrentBackward(weights, gradients, x, states, Flags, flow, stash, norms, Steps, Batch, Pass);
        foreach ((string name, DeviceBuffer? gradient) in Named(gradients).Append(("dX", flow.Input)).Append(("dh0", flow.InitialHidden)))
        {
            if (gradient != null)
                results[name] = Read(backend, gradient);
        }
        if (Cell.HasCell)
            results["dc0"] = Read(backend, flow.InitialCell!);
        results["norms"] = norms;
        return results;
    }

    private static (string Name, DeviceBuffer? Gradient)[] Named(RecurrentGradients gradients) =>
    [
        ("dW", gradients.InputWeight), ("dR", gradients.RecurrentWeight), ("db_ih", gradients.InputBias), ("db_hh", gradients.RecurrentBias),
        ("dP", gradients.Peephole), ("dW_hr", gradients.Projection), ("dgamma_x", gradients.InputNorm), ("dgamma_h", gradients.RecurrentNorm),
    ];

    private static RecurrentGradients CreateGradients(Backend backend, RecurrentWeights weights)
    {
        DeviceBuffer Zero(DeviceBuffer like) => backend.Allocate(like.Rows, like.Columns);
        DeviceBuffer? ZeroOrNull(DeviceBuffer? like) => like == null ? null : Zero(like);
        return new(Zero(weights.InputWeight), Zero(weights.RecurrentWeight), Zero(weights.InputBias), Zero(weights.RecurrentBias))
        {
            Peephole = ZeroOrNull(weights.Peephole),
            Projection = ZeroOrNull(weights.Projection),
            InputNorm = ZeroOrNull(weights.InputNorm),
            RecurrentNorm = ZeroOrNull(weights.RecurrentNorm),
        };
    }

    private CellRun(CellRun source, int steps, int batch)
    {
        (Cell, _name, Input, Hidden, State, Steps, Batch) =
            (source.Cell, source._name, source.Input, source.Hidden, source.State, steps, batch);
        (W, R, InputBias, RecurrentBias) = (source.W, source.R, source.InputBias, source.RecurrentBias);
        (Peephole, Projection, InputNorm, RecurrentNorm) = (source.Peephole, source.Projection, source.InputNorm, source.RecurrentNorm);
        Pass = source.Pass;
        (X, H0, C0) = ([], [], []);
        (OutputGradient, FinalHiddenGradient, FinalCellGradient) = ([], [], []);
    }

    private static DeviceBuffer Filled(Backend backend, int rows, float[] values)
    {
        DeviceBuffer buffer = backend.Allocate(rows, values.Length / rows);
        backend.Write(buffer, values);
        return buffer;
    }

    private static double[] Read(Backend backend, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }

    private static float[] Values(Random random, int count, double scale)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)((random.NextDouble() - 0.5) * 2 * scale);
        return values;
    }

    private static float[] Around1(Random random, int count) => Array.ConvertAll(Values(random, count, 0.4), value => 1 + value);

    private static float[] Take(float[] values, int steps, int batch, int width, int first, int count)
    {
        var taken = new float[steps * count * width];
        for (int t = 0; t < steps; t++)
            values.AsSpan(((t * batch) + first) * width, count * width).CopyTo(taken.AsSpan(t * count * width));
        return taken;
    }

    private RecurrentWeights CreateWeights(Backend backend)
    {
        RecurrentWeights weights = backend.CreateRecurrentWeights(Cell, Input, Hidden);
        backend.Write(weights.InputWeight, W);
        backend.Write(weights.RecurrentWeight, R);
        backend.Write(weights.InputBias, InputBias);
        backend.Write(weights.RecurrentBias, RecurrentBias);
        if (Cell.Peepholes)
            backend.Write(weights.Peephole!, Peephole);
        if (Cell.Projection > 0)
            backend.Write(weights.Projection!, Projection);
        if (Cell.LayerNorm)
        {
            backend.Write(weights.InputNorm!, InputNorm);
            backend.Write(weights.RecurrentNorm!, RecurrentNorm);
        }
        return weights;
    }

    private RecurrentStates CreateStates(Backend backend, RecurrentStash stash, int steps, float[] h, float[] c)
    {
        var states = new RecurrentStates(
            backend.Allocate((steps + 1) * Batch, State), Cell.HasCell ? backend.Allocate(stash.CellSlots * Batch, Hidden) : null,
            Flags == null ? null : backend.Allocate(steps * Batch, State));
        backend.Write(backend.View(states.Hidden, 0, Batch), h);
        if (Cell.HasCell)
            backend.Write(backend.View(states.Cell!, 0, Batch), c);
        return states;
    }

    private (float[] Y, float[] H, float[] C) Window(
        Backend backend, RecurrentWeights weights, float[] x, float[] h, float[] c, int steps)
    {
        DeviceBuffer input = Filled(backend, steps * Batch, x);
        using RecurrentStash stash = backend.CreateRecurrentStash(weights, steps, Batch, Keep.Nothing);
        RecurrentStates states = CreateStates(backend, stash, steps, h, c);
        backend.RecurrentForward(weights, input, states, null, stash, steps, Batch, Pass with { Training = false });
        var y = new float[steps * Batch * State];
        var hT = new float[Batch * State];
        var cT = new float[Batch * Hidden];
        backend.Read(backend.View(states.Hidden, Batch, steps * Batch), y);
        backend.Read(backend.View(states.Hidden, steps * Batch, Batch), hT);
        if (Cell.HasCell)
            backend.Read(backend.View(states.Cell!, (stash.CellSlots - 1) * Batch, Batch), cT);
        return (y, hT, cT);
    }
}

internal sealed record CellResult(float[] Y, float[] H, float[] C);
