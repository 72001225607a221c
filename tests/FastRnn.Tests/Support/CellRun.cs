using FastRnn.Backends;

namespace FastRnn.Tests.Support;

/// <summary>One recurrent layer with seeded data, run on any back end straight through its operations.</summary>
internal sealed class CellRun
{
    public CellRun(int input, int hidden, int steps, int batch, int seed, CellType? cell = null)
    {
        (Input, Hidden, Steps, Batch) = (input, hidden, steps, batch);
        Cell = cell ?? CellType.Lstm;
        var random = new Random(seed);
        // Wide layers get smaller weights: pre-activations far out would test only how tanh saturates.
        W = Values(random, Cell.Gates * hidden * input, 0.4 * Math.Min(1, 4 / Math.Sqrt(input)));
        R = Values(random, Cell.Gates * hidden * hidden, 0.4 * Math.Min(1, 4 / Math.Sqrt(hidden)));
        InputBias = Values(random, Cell.Gates * hidden, 0.3);
        RecurrentBias = Values(random, Cell.Gates * hidden, 0.3);
        X = Values(random, steps * batch * input, 1.5);
        H0 = Values(random, batch * hidden, 0.8);
        C0 = Values(random, batch * hidden, 0.8);
        OutputGradient = Values(random, steps * batch * hidden, 1);
        FinalHiddenGradient = Values(random, batch * hidden, 1);
        FinalCellGradient = Values(random, batch * hidden, 1);
    }

    public static CellType[] Cells { get; } =
        [CellType.Lstm, CellType.Gru, .. Enum.GetValues<CellActivation>().Select(activation => new CellType(CellKind.Rnn, activation))];

    public CellType Cell { get; }

    public int Input { get; }

    public int Hidden { get; }

    public int Steps { get; }

    public int Batch { get; }

    public float[] W { get; }

    public float[] R { get; }

    public float[] InputBias { get; }

    public float[] RecurrentBias { get; }

    /// <summary>[T, B, I].</summary>
    public float[] X { get; set; }

    public float[] H0 { get; set; }

    public float[] C0 { get; set; }

    public float[] OutputGradient { get; set; }

    public float[] FinalHiddenGradient { get; set; }

    public float[] FinalCellGradient { get; set; }

    public StepFlags? Flags { get; set; }

    public override string ToString() => $"{Cell.Kind} {Cell.Activation} T={Steps} B={Batch} I={Input} H={Hidden}";

    /// <summary>The same weights on samples first … first + count − 1 alone.</summary>
    public CellRun Slice(int first, int count) => new(this, Steps, count)
    {
        X = Take(X, Steps, Batch, Input, first, count),
        H0 = Take(H0, 1, Batch, Hidden, first, count),
        C0 = Take(C0, 1, Batch, Hidden, first, count),
    };

    /// <summary>
    /// Smallest |a| of all active pre-activations of a simple cell, for outputs y [T, B, H]: a kink closer than the rounding of a float may fall to
    /// either side.
    /// </summary>
    public double SmallestPreActivation(double[] y)
    {
        double smallest = double.PositiveInfinity;
        for (int i = 0; i < Steps * Batch * Hidden; i++)
        {
            int u = i % Hidden, row = i / Hidden;
            double a = (double)InputBias[u] + RecurrentBias[u];
            for (int k = 0; k < Input; k++)
                a += (double)W[(u * Input) + k] * X[(row * Input) + k];
            for (int j = 0; j < Hidden; j++)
                a += R[(u * Hidden) + j] * (row < Batch ? H0[(row * Hidden) + j] : y[((row - Batch) * Hidden) + j]);
            smallest = Math.Min(smallest, Math.Abs(a));
        }
        return smallest;
    }

    /// <summary>The same weights on one sample's given steps alone, as a sequence of its own from its initial state, or from zero.</summary>
    public CellRun Alone(int sample, IReadOnlyList<int> steps, bool fromZero)
    {
        CellRun one = Slice(sample, 1);
        float[] Rows(float[] values, int width) => [.. steps.SelectMany(t => values.AsSpan(t * width, width).ToArray())];
        float[] gradient = Take(OutputGradient, Steps, Batch, Hidden, sample, 1);
        return new CellRun(this, steps.Count, 1)
        {
            X = Rows(one.X, Input),
            H0 = fromZero ? new float[Hidden] : one.H0,
            C0 = fromZero ? new float[Hidden] : one.C0,
            OutputGradient = Rows(gradient, Hidden),
            FinalHiddenGradient = new float[Hidden],
            FinalCellGradient = new float[Hidden],
        };
    }

    public CellResult Forward(Backend backend) => Forward(backend, [Steps]);

    /// <summary>The sequence in consecutive calls of the given numbers of steps, the state handed on.</summary>
    public CellResult Forward(Backend backend, IReadOnlyList<int> chunks)
    {
        RecurrentWeights weights = CreateWeights(backend);
        float[] h = H0, c = C0;
        var y = new float[Steps * Batch * Hidden];
        int t = 0;
        foreach (int steps in chunks)
        {
            float[] x = X.AsSpan(t * Batch * Input, steps * Batch * Input).ToArray();
            (float[] part, h, c) = Window(backend, weights, x, h, c, steps);
            part.CopyTo(y, t * Batch * Hidden);
            t += steps;
        }
        return new CellResult(y, h, c);
    }

    /// <summary>Forward and backward over the whole sequence; every result by name.</summary>
    public Dictionary<string, double[]> Train(Backend backend, Keep keep = Keep.Everything)
    {
        RecurrentWeights weights = CreateWeights(backend);
        DeviceBuffer Zero(int rows, int columns) => backend.Allocate(rows, columns);
        DeviceBuffer Filled(int rows, int columns, float[] values)
        {
            DeviceBuffer buffer = backend.Allocate(rows, columns);
            backend.Write(buffer, values);
            return buffer;
        }

        DeviceBuffer x = Filled(Steps * Batch, Input, X);
        using RecurrentStash stash = backend.CreateRecurrentStash(weights, Steps, Batch, keep);
        RecurrentStates states = CreateStates(backend, stash, Steps, H0, C0);
        backend.RecurrentForward(weights, x, states, Flags, stash, Steps, Batch);
        DeviceBuffer y = Flags == null ? backend.View(states.Hidden, Batch, Steps * Batch) : states.MaskedOutput!;
        var results = new Dictionary<string, double[]>
        {
            ["y"] = Read(backend, y),
            ["hT"] = Read(backend, backend.View(states.Hidden, Steps * Batch, Batch)),
        };
        if (Cell.HasCell)
            results["cT"] = Read(backend, backend.View(states.Cell!, (stash.CellSlots - 1) * Batch, Batch));
        int rows = Cell.Gates * Hidden;
        var gradients = new RecurrentGradients(
            Zero(rows, Input), Zero(rows, Hidden), Zero(1, rows), Zero(1, rows));
        var flow = new RecurrentStateGradients(
            Filled(Steps * Batch, Hidden, OutputGradient), Filled(Batch, Hidden, FinalHiddenGradient),
            Cell.HasCell ? Filled(Batch, Hidden, FinalCellGradient) : null, Zero(Steps * Batch, Input), Zero(Batch, Hidden),
            Cell.HasCell ? Zero(Batch, Hidden) : null);
        var norms = new double[Steps];
        backend.RecurrentBackward(weights, gradients, x, states, Flags, flow, stash, norms, Steps, Batch);
        results["dW"] = Read(backend, gradients.InputWeight);
        results["dR"] = Read(backend, gradients.RecurrentWeight);
        results["db_ih"] = Read(backend, gradients.InputBias);
        results["db_hh"] = Read(backend, gradients.RecurrentBias);
        results["dX"] = Read(backend, flow.Input!);
        results["dh0"] = Read(backend, flow.InitialHidden);
        if (Cell.HasCell)
            results["dc0"] = Read(backend, flow.InitialCell!);
        results["norms"] = norms;
        return results;
    }

    private CellRun(CellRun source, int steps, int batch)
    {
        (Cell, Input, Hidden, Steps, Batch) = (source.Cell, source.Input, source.Hidden, steps, batch);
        (W, R, InputBias, RecurrentBias) = (source.W, source.R, source.InputBias, source.RecurrentBias);
        (X, H0, C0) = ([], [], []);
        (OutputGradient, FinalHiddenGradient, FinalCellGradient) = ([], [], []);
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
        return weights;
    }

    private RecurrentStates CreateStates(Backend backend, RecurrentStash stash, int steps, float[] h, float[] c)
    {
        var states = new RecurrentStates(
            backend.Allocate((steps + 1) * Batch, Hidden), Cell.HasCell ? backend.Allocate(stash.CellSlots * Batch, Hidden) : null,
            Flags == null ? null : backend.Allocate(steps * Batch, Hidden));
        backend.Write(backend.View(states.Hidden, 0, Batch), h);
        if (Cell.HasCell)
            backend.Write(backend.View(states.Cell!, 0, Batch), c);
        return states;
    }

    private (float[] Y, float[] H, float[] C) Window(
        Backend backend, RecurrentWeights weights, float[] x, float[] h, float[] c, int steps)
    {
        DeviceBuffer input = backend.Allocate(steps * Batch, Input);
        backend.Write(input, x);
        using RecurrentStash stash = backend.CreateRecurrentStash(weights, steps, Batch, Keep.Nothing);
        RecurrentStates states = CreateStates(backend, stash, steps, h, c);
        backend.RecurrentForward(weights, input, states, null, stash, steps, Batch);
        var y = new float[steps * Batch * Hidden];
        var hT = new float[Batch * Hidden];
        var cT = new float[Batch * Hidden];
        backend.Read(backend.View(states.Hidden, Batch, steps * Batch), y);
        backend.Read(backend.View(states.Hidden, steps * Batch, Batch), hT);
        if (Cell.HasCell)
            backend.Read(backend.View(states.Cell!, steps * Batch, Batch), cT);
        return (y, hT, cT);
    }
}

internal sealed record CellResult(float[] Y, float[] H, float[] C);
