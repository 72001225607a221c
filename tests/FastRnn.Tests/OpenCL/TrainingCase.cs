using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>
/// A small training, done by OpenCL and by the CPU: all losses and norms, and at the end all weights, moments and carried states, are to the bit those of
/// the CPU where the device's arithmetic is exact, and within 1e-4 in any case.
/// </summary>
internal sealed record TrainingCase(Func<Layer[]> Layers)
{
    private const double Bound = 1e-4;

    public Func<Loss> Loss { get; init; } = () => new MeanSquaredError();

    public Func<Optimizer> Optimizer { get; init; } = () => new Adam(0.01f);

    public Action<Trainer> Settings { get; init; } = _ => { };

    /// <summary>What a window has beside values, by its number.</summary>
    public Action<SequenceChunk, int> Shape { get; init; } = (_, _) => { };

    /// <summary>Of training.</summary>
    public int Updates { get; init; } = 25;

    public int Steps { get; init; } = 6;

    public int Batch { get; init; } = 3;

    public bool CarriesState { get; init; } = true;

    /// <summary>Lengths, gaps, resets and ignored steps, other ones in each window.</summary>
    public static void Masked(SequenceChunk chunk, int window)
    {
        chunk.SetLength(0, chunk.Steps - 2, padLeft: window % 2 == 0);
        chunk.SetLength(1, window % chunk.Steps);
        chunk.SetReset(window % chunk.Steps, 2);
        chunk.SetInactive((window + 2) % chunk.Steps, 2);
        chunk.SetIgnored((window + 4) % chunk.Steps, 2);
    }

    public void Check(OpenClBackend backend, string what)
    {
        using var cpu = new CpuBackend(1);
        (double[] losses, List<(string Name, float[] Values)> expected) = Run(cpu);
        (double[] actualLosses, List<(string Name, float[] Values)> actual) = Run(backend);
        for (int i = 0; i < losses.Length; i++)
            Assert.True(Math.Abs(losses[i] - actualLosses[i]) <= Bound * Math.Max(1, Math.Abs(losses[i])), $"{what}: number {i} is {actualLosses[i]:R}, on the CPU {losses[i]:R}");
        Assert.Equal(expected.Select(array => array.Name), actual.Select(array => array.Name));
        for (int i = 0; i < expected.Count; i++)
            Check(expected[i].Values, actual[i].Values, backend.Device.IsExact, $"{what}: {expected[i].Name}");
    }

    private static void Check(float[] expected, float[] actual, bool isExact, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            bool isSame = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]);
            if (!isSame && (isExact || !(Math.Abs(expected[i] - actual[i]) <= Bound * Math.Max(1, Math.Abs(expected[i])))))
                Assert.Fail($"{what}[{i}] is {actual[i]:R}, on the CPU {expected[i]:R}");
        }
    }

    private (double[] Losses, List<(string Name, float[] Values)> State) Run(Backend backend)
    {
        Loss loss = Loss();
        using var model = new Sequential(backend, 5, Layers());
        var trainer = new Trainer(model, loss, Optimizer()) { CarryState = CarriesState };
        Settings(trainer);
        var numbers = new List<double>();
        for (int i = 0; i < Updates; i++)
        {
            SequenceChunk chunk = Window(loss, model, i);
            StepResult step = trainer.Step(chunk);
            numbers.AddRange([step.Loss, step.GradientNorm, .. trainer.StepNorms.SelectMany(norms => norms)]);
        }
        numbers.Add(trainer.Evaluate([Window(loss, model, Updates)]));
        return ([.. numbers], TrainingRuns.Everything(trainer));
    }

    private SequenceChunk Window(Loss loss, Sequential model, int number)
    {
        SequenceChunk chunk = LossRuns.RandomWindow(
            loss, Steps, Batch, model.TakesTokens ? 0 : model.InputSize, model.OutputSize, seed: number, vocabulary: model.InputSize);
        Shape(chunk, number);
        return chunk;
    }
}
