using FastRnn.Backends;
using FastRnn.Training;

namespace FastRnn.Tests.Training;

/// <summary>Every loss with every option, and random windows for it.</summary>
internal static class LossRuns
{
    /// <summary>By name, for a model of that many outputs.</summary>
    public static IEnumerable<(string Name, Func<int, LossReduction, Loss> Create)> All { get; } =
    [
        ("squared", (n, r) => new MeanSquaredError { Reduction = r }),
        ("absolute", (n, r) => new MeanAbsoluteError { Reduction = r }),
        ("huber", (n, r) => new Huber(0.4f) { Reduction = r }),
        ("pinball", (n, r) => new PinballLoss(0.9f) { Reduction = r }),
        ("pinball, quantiles", (n, r) => new PinballLoss(Quantiles(n)) { Reduction = r }),
        ("logistic", (n, r) => new BinaryCrossEntropy { Reduction = r }),
        ("logistic, one weight", (n, r) => new BinaryCrossEntropy(3f) { Reduction = r }),
        ("logistic, weights", (n, r) => new BinaryCrossEntropy(Weights(n)) { Reduction = r }),
        ("cross-entropy", (n, r) => new CrossEntropy { Reduction = r }),
        ("cross-entropy, weights", (n, r) => new CrossEntropy(Weights(n)) { Reduction = r }),
        ("cross-entropy, smoothed", (n, r) => new CrossEntropy(labelSmoothing: 0.2f) { Reduction = r }),
        ("cross-entropy, all", (n, r) => new CrossEntropy(Weights(n), 0.1f, ignoreIndex: 0) { Reduction = r }),
        ("likelihood", (n, r) => new NegativeLogLikelihood { Reduction = r }),
        ("likelihood, weights", (n, r) => new NegativeLogLikelihood(Weights(n), ignoreIndex: 0) { Reduction = r }),
    ];

    public static bool TakesClasses(Loss loss) => loss is CrossEntropy or NegativeLogLikelihood;

    /// <summary>As many quantiles as divide the outputs: 3, 2 or 1; all differ from those of the case with one.</summary>
    private static float[] Quantiles(int outputs) => outputs % 3 == 0 ? [0.1f, 0.5f, 0.8f] : outputs % 2 == 0 ? [0.25f, 0.8f] : [0.3f];

    public static float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(i => 0.25f + (i * 7 % 5 * 0.5f))];

    /// <summary>Random inputs, and targets that fit the loss; [0, 1] for values. Tokens go in where features is 0.</summary>
    public static SequenceChunk RandomWindow(Loss loss, int steps, int batch, int features, int outputs, int seed, int vocabulary = 1)
    {
        var random = new Random(seed);
        var chunk = new SequenceChunk(steps, batch, features, TakesClasses(loss) ? 0 : outputs);
        foreach (ref int token in chunk.Inputs)
            token = random.Next(vocabulary);
        foreach (ref float value in chunk.InputValues)
            value = (float)((random.NextDouble() * 2) - 1);
        foreach (ref int target in chunk.Targets)
            target = random.Next(outputs);
        foreach (ref float value in chunk.TargetValues)
            value = random.Next(4) == 0 ? random.Next(2) : (float)random.NextDouble();
        return chunk;
    }

    /// <summary>The loss of given outputs on a window, computed by a back end, and its gradient.</summary>
    public static (LossSum Sum, float[] Gradient) Compute(Backend backend, Loss loss, float[] outputs, SequenceChunk chunk)
    {
        int rows = chunk.Steps * chunk.Batch, columns = outputs.Length / rows;
        DeviceBuffer output = backend.Allocate(rows, columns), gradient = backend.Allocate(rows, columns);
        DeviceBuffer? target = chunk.Outputs == 0 ? null : backend.Allocate(rows, columns);
        backend.Write(output, outputs);
        backend.Write(gradient, [.. Enumerable.Repeat(float.NaN, outputs.Length)]); // all of it is to be written
        if (target != null)
            backend.Write(target, chunk.TargetValues);
        LossSum sum = loss.Compute(backend, output, chunk, target, gradient);
        return (sum, TrainingRuns.Read(backend, gradient));
    }
}
