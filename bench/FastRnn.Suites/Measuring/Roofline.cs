using FastRnn.Backends;

namespace FastRnn.Suites;

/// <summary>What a core can do at most; rates in operations, or bytes, a second.</summary>
internal sealed record MachineLimits(double Flops, double Clock, Caches Caches, double L1, double L2, double L3, double Memory)
{
    public static MachineLimits Of(ProbeReading reading, Caches caches, Bandwidth memory) => new(
        reading.Gflops * 1e9, reading.Gigahertz * 1e9, caches, reading.L1.GigabytesPerSecond * 1e9, reading.L2.GigabytesPerSecond * 1e9,
        reading.L3.GigabytesPerSecond * 1e9, memory.GigabytesPerSecond * 1e9);

    /// <summary>
    /// Rate measured at the very size of the weights, and that size; without it the rate of the first level that is larger counts. A level's own rate would be
    /// no bound near its border, where a part of the weights comes from it and a part from the next.
    /// </summary>
    public (double Bytes, double Rate)? Own { get; init; }

    /// <summary>Least time in which so many bytes pass by that did so before, and the first level that is larger.</summary>
    public (double Seconds, string Level) Loads(double bytes)
    {
        (double rate, string level) = bytes < Caches.L1 ? (L1, "L1") : bytes < Caches.L2 ? (L2, "L2") : bytes < Caches.L3 ? (L3, "L3") : (Memory, "memory");
        if (Own is not { } own || own.Bytes != bytes)
            return (bytes / rate, level);
        return (level == "L3" ? Math.Min(bytes / own.Rate, Split(bytes)) : bytes / own.Rate, level);
    }

    /// <summary>
    /// A second level full of what is a little larger than it, and the rest from the third: the most that reading to and fro finds there. How much a block
    /// really finds depends on where its pages lie; the probe's block had less luck than a row's weights by up to a fifteenth.
    /// </summary>
    private double Split(double bytes) => (Caches.L2 / L2) + ((bytes - Caches.L2) / L3);
}

/// <summary>
/// The least time of a unit of work. <see cref="Seconds"/> is the hard limit, no implementation is faster:
/// multiply-adds of the products, or loads of the weights, whichever takes longer. <paramref name="Budgeted"/> adds budgets for what no product
/// hides: the functions of the cells, and in steps of few samples the chain of operations that wait for each other.
/// </summary>
internal readonly record struct Bound(double Flop, double FlopSeconds, double ByteSeconds, string Level, double Budgeted)
{
    public double Seconds => Math.Max(FlopSeconds, ByteSeconds);

    /// <summary>What the hard limit is made of.</summary>
    public string Limit => ByteSeconds > FlopSeconds ? Level : "FMA";
}

/// <summary>
/// Bounds of recurrent layers: FLOP = 2·G·H·(I+H) a layer, step and sample. A layer's weights are read once a step when there is one step, its
/// recurrent ones once a step in sequences, whose product with the input is one for all steps. Training is forward, recurrent dh, dX, dW and dR:
/// three times the products.
/// </summary>
internal static class Roofline
{
    /// <summary>Bytes that pass by once a step, for one thread: all weights of one step, the recurrent ones of a layer in a sequence.</summary>
    public static double SweptBytes(WorkShape shape, WorkMode mode, double bytesPerWeight, int threads) =>
        (mode == WorkMode.Step ? shape.AllWeights : shape.RecurrentWeights / threads) * bytesPerWeight;

    /// <summary>Products of bytes that dot-product instructions do in the time of one in float32, at most.</summary>
    private const double ByteProducts = 4;

    /// <summary>Clocks of the functions of 16 units of a sample, and of the chain through a layer's step, in budgets.</summary>
    private static (double Pointwise, double Chain) Budget(CellKind cell) => cell switch
    {
        CellKind.Lstm => (44, 120),
        CellKind.Gru => (28, 110),
        _ => (9, 70),
    };

    /// <param name="shape">What is computed.</param>
    /// <param name="mode">Whole training steps have no gradient of the first layer's input, <see cref="WorkMode.Train"/> has.</param>
    /// <param name="bytesPerWeight">As stored.</param>
    /// <param name="threads">Each has its share of the weights, or of the samples; <see cref="MachineLimits.Flops"/> is that of all together.</param>
    /// <param name="machine">Its limits.</param>
    public static Bound Of(WorkShape shape, WorkMode mode, double bytesPerWeight, int threads, MachineLimits machine) =>
        mode == WorkMode.Step ? OfStep(shape, bytesPerWeight, machine) : OfSequence(shape, mode, bytesPerWeight / threads, threads, machine);

    private static Bound OfStep(WorkShape shape, double bytesPerWeight, MachineLimits machine)
    {
        double bytes = shape.AllWeights * bytesPerWeight, flop = 2 * shape.AllWeights;
        (double loads, string level) = machine.Loads(bytes);
        (double pointwise, double chain) = Budget(shape.Cell.Kind);
        double waiting = shape.Layers * (chain + (pointwise * (Vectors(shape) - 1))) / machine.Clock; // the chain has one vector's functions in it
        double hard = flop / (machine.Flops * (bytesPerWeight == 1 ? ByteProducts : 1));
        return new Bound(flop, hard, loads, level, Math.Max(hard, loads) + waiting);
    }

    private static Bound OfSequence(WorkShape shape, WorkMode mode, double bytesPerWeight, int threads, MachineLimits machine)
    {
        bool training = mode is WorkMode.Train or WorkMode.Whole;
        double recurrentBytes = shape.RecurrentWeights * bytesPerWeight;
        (double loads, string level) = machine.Loads(recurrentBytes);
        (double pointwise, double chain) = Budget(shape.Cell.Kind);
        double recurrentFlop = 2 * shape.RecurrentWeights * shape.Positions, inputFlop = (2 * shape.AllWeights * shape.Positions) - (shape.Layers * recurrentFlop);
        double times = training ? 3 : 1, passes = training ? 2 : 1, layers = shape.Layers;
        double spared = mode == WorkMode.Whole ? 2.0 * shape.Cell.Gates * shape.Hidden * shape.Input * shape.Positions : 0;
        // Forward and, in training, dh are sequential: weights pass by once a step. dX, dW and dR are products over all steps.
        double sequential = Math.Max(recurrentFlop / machine.Flops, shape.Steps * loads) * layers * passes;
        double free = ((times * inputFlop) - spared + (training ? recurrentFlop * layers : 0)) / machine.Flops;
        double functions = layers * shape.Positions * Vectors(shape) * pointwise * (training ? 1.6 : 1) / machine.Clock / threads;
        double waiting = shape.Batch < 4 ? layers * shape.Steps * passes * chain / machine.Clock : 0;
        double flop = (times * 2 * shape.AllWeights * shape.Positions) - spared;
        return new Bound(flop, flop / machine.Flops, loads * shape.Steps * layers * passes, level, sequential + free + functions + waiting);
    }

    private static double Vectors(WorkShape shape) => Math.Ceiling(shape.Hidden / 16.0);
}
