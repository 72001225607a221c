using FastRnn.Backends;

namespace FastRnn.Tests.Support;

/// <summary>One LSTM layer with seeded data, run on any back end straight through its operations.</summary>
internal sealed class LstmRun
{
    public LstmRun(int input, int hidden, int steps, int batch, int seed)
    {
        (Input, Hidden, Steps, Batch) = (input, hidden, steps, batch);
        var random = new Random(seed);
        W = Values(random, 4 * hidden * input, 0.4);
        R = Values(random, 4 * hidden * hidden, 0.4);
        InputBias = Values(random, 4 * hidden, 0.3);
        RecurrentBias = Values(random, 4 * hidden, 0.3);
        X = Values(random, steps * batch * input, 1.5);
        H0 = Values(random, batch * hidden, 0.8);
        C0 = Values(random, batch * hidden, 0.8);
        OutputGradient = Values(random, steps * batch * hidden, 1);
        FinalHiddenGradient = Values(random, batch * hidden, 1);
        FinalCellGradient = Values(random, batch * hidden, 1);
    }

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

    public override string ToString() => $"T={Steps} B={Batch} I={Input} H={Hidden}";

    /// <summary>The same weights on samples first … first + count − 1 alone.</summary>
    public LstmRun Slice(int first, int count) => new(this, Steps, count)
    {
        X = Take(X, Steps, Batch, Input, first, count),
        H0 = Take(H0, 1, Batch, Hidden, first, count),
        C0 = Take(C0, 1, Batch, Hidden, first, count),
    };

    public LstmResult Forward(Backend backend) => Forward(backend, [Steps]);

    /// <summary>The sequence in consecutive calls of the given numbers of steps, the state handed on.</summary>
    public LstmResult Forward(Backend backend, IReadOnlyList<int> chunks)
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
        return new LstmResult(y, h, c);
    }

    /// <summary>Forward and backward over the whole sequence; every result by name.</summary>
    public Dictionary<string, double[]> Train(Backend backend)
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
        RecurrentStates states = CreateStates(backend, Steps, H0, C0);
        using RecurrentStash stash = backend.CreateRecurrentStash(weights, Steps, Batch, training: true);
        backend.RecurrentForward(weights, x, states, Flags, stash, Steps, Batch);
        DeviceBuffer y = Flags == null ? backend.View(states.Hidden, Batch, Steps * Batch) : states.MaskedOutput!;
        var results = new Dictionary<string, double[]>
        {
            ["y"] = Read(backend, y),
            ["hT"] = Read(backend, backend.View(states.Hidden, Steps * Batch, Batch)),
            ["cT"] = Read(backend, backend.View(states.Cell, Steps * Batch, Batch)),
        };
        var gradients = new RecurrentGradients(
            Zero(4 * Hidden, Input), Zero(4 * Hidden, Hidden), Zero(1, 4 * Hidden), Zero(1, 4 * Hidden));
        var flow = new RecurrentStateGradients(
            Filled(Steps * Batch, Hidden, OutputGradient), Filled(Batch, Hidden, FinalHiddenGradient),
            Filled(Batch, Hidden, FinalCellGradient), Zero(Steps * Batch, Input), Zero(Batch, Hidden), Zero(Batch, Hidden));
        var norms = new double[Steps];
        backend.RecurrentBackward(weights, gradients, x, states, Flags, flow, stash, norms, Steps, Batch);
        results["dW"] = Read(backend, gradients.InputWeight);
        results["dR"] = Read(backend, gradients.RecurrentWeight);
        results["db_ih"] = Read(backend, gradients.InputBias);
        results["db_hh"] = Read(backend, gradients.RecurrentBias);
        results["dX"] = Read(backend, flow.Input!);
        results["dh0"] = Read(backend, flow.InitialHidden);
        results["dc0"] = Read(backend, flow.InitialCell);
        results["norms"] = norms;
        return results;
    }

    private LstmRun(LstmRun source, int steps, int batch)
    {
        (Input, Hidden, Steps, Batch) = (source.Input, source.Hidden, steps, batch);
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
        RecurrentWeights weights = backend.CreateRecurrentWeights(CellKind.Lstm, Input, Hidden);
        backend.Write(weights.InputWeight, W);
        backend.Write(weights.RecurrentWeight, R);
        backend.Write(weights.InputBias, InputBias);
        backend.Write(weights.RecurrentBias, RecurrentBias);
        return weights;
    }

    private RecurrentStates CreateStates(Backend backend, int steps, float[] h, float[] c)
    {
        var states = new RecurrentStates(
            backend.Allocate((steps + 1) * Batch, Hidden), backend.Allocate((steps + 1) * Batch, Hidden),
            Flags == null ? null : backend.Allocate(steps * Batch, Hidden));
        backend.Write(backend.View(states.Hidden, 0, Batch), h);
        backend.Write(backend.View(states.Cell, 0, Batch), c);
        return states;
    }

    private (float[] Y, float[] H, float[] C) Window(
        Backend backend, RecurrentWeights weights, float[] x, float[] h, float[] c, int steps)
    {
        DeviceBuffer input = backend.Allocate(steps * Batch, Input);
        backend.Write(input, x);
        RecurrentStates states = CreateStates(backend, steps, h, c);
        using RecurrentStash stash = backend.CreateRecurrentStash(weights, steps, Batch, training: false);
        backend.RecurrentForward(weights, input, states, null, stash, steps, Batch);
        var y = new float[steps * Batch * Hidden];
        var hT = new float[Batch * Hidden];
        var cT = new float[Batch * Hidden];
        backend.Read(backend.View(states.Hidden, Batch, steps * Batch), y);
        backend.Read(backend.View(states.Hidden, steps * Batch, Batch), hT);
        backend.Read(backend.View(states.Cell, steps * Batch, Batch), cT);
        return (y, hT, cT);
    }
}

internal sealed record LstmResult(float[] Y, float[] H, float[] C);
