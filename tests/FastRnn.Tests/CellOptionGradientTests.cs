using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Every gradient of every option of the cells against central differences, on the reference. A difference with a kink between its two points –
/// a clip, a hard sigmoid, a rectifier – is no derivative: those are left out, counted, and may be few.
/// </summary>
public class CellOptionGradientTests
{
    private const double MostLeftOut = 0.02;

    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    /// <summary>With every kind of flags, in windows from zero and from a carried state: 16 configurations for each option.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void ThroughTheTrainer(string option)
    {
        int number = Array.FindIndex(CellRun.Options, known => known.Name == option), compared = 0, leftOut = 0;
        var failures = new List<string>();
        Parallel.For(0, 16, index =>
        {
            (int steps, int batch) = new[] { (1, 2), (2, 5), (3, 1), (6, 2), (11, 3) }[(index + number) % 5];
            var test = new GradientCase(
                1 + (index % 2), steps, batch, (FlagKind)((index + (index / 5)) % 5), index % 3, index == 15 ? 0.4f : 0, 50_000 + (100 * number) + index,
                Option: option);
            string? failure = GradientCheck.Run(test, () => new KinkedReference(), out int cases, out int kinked);
            lock (failures)
            {
                (compared, leftOut) = (compared + cases, leftOut + kinked);
                if (failure != null)
                    failures.Add(failure);
            }
        });
        Assert.Empty(failures);
        Assert.True(compared > 16 * 20 && leftOut <= MostLeftOut * compared, $"{leftOut} left out, {compared} compared");
    }

    /// <summary>Both directions, from given states; with the gradients of input and initial states.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void InBothDirections(string option)
    {
        CellType cell = CellRun.Options.Single(known => known.Name == option).Cell;
        int compared = 0, leftOut = 0;
        for (int index = 0; index < 5; index++)
        {
            int seed = 70_000 + index, steps = 1 + (index * 2), batch = 1 + (index % 3);
            using var backend = new KinkedReference();
            var layer = new Bidirectional(CellLayers.Create(cell, 3, 4 + (index % 2)), (Merge)(index % 4));
            var run = new DirectionRun(backend, layer, 3, steps, batch, index < 2 ? null : BitsTests.RandomFlags(steps, batch, seed), seed);
            run.Loss();
            var random = new Random(seed);
            foreach ((string name, DeviceBuffer value, DeviceBuffer gradient) in run.Backward())
            {
                double[] direction = [.. Enumerable.Range(0, value.Length).Select(_ => random.NextDouble() - 0.5)];
                double analytic = GradientCheck.Dot(GradientCheck.Values(backend, gradient), direction);
                double? numeric = backend.Derivative(value, direction, run.Loss);
                (compared, leftOut) = numeric == null ? (compared, leftOut + 1) : (compared + 1, leftOut);
                if (numeric is { } difference && !GradientCheck.Agree(analytic, difference))
                    Assert.Fail($"gradient of {name}: {analytic:R}, central difference {numeric:R}; {option} index={index}");
            }
        }
        Assert.True(compared >= 40 && leftOut <= 2, $"{leftOut} left out, {compared} compared");
    }
}
