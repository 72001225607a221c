using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Every loss, mean and sum, through real training steps on the reference: gradients of all parameters against central differences, with
/// values and tokens going in, padding, gaps, resets, ignored steps, and only the last step counting.
/// </summary>
public class LossGradientTests
{
    private const int Variants = 10, Outputs = 3;

    public static TheoryData<int> Losses => new(Enumerable.Range(0, LossRuns.All.Count()));

    [Theory]
    [MemberData(nameof(Losses))]
    public void GradientsAgreeWithCentralDifferences(int index)
    {
        (string name, Func<int, LossReduction, Loss> create) = LossRuns.All.ElementAt(index);
        foreach (LossReduction reduction in Enum.GetValues<LossReduction>())
        {
            for (int variant = 0; variant < Variants; variant++)
                Check(create(Outputs, reduction), variant, $"{name} {reduction} variant={variant}");
        }
    }

    private static void Check(Loss loss, int variant, string what)
    {
        var random = new Random(900 + variant);
        int steps = 1 + (variant * 3 % 7), batch = 1 + (variant % 3), features = variant % 5 == 4 ? 0 : 2 + (variant % 2);
        using var backend = new ReferenceBackend();
        Layer first = features == 0 ? new Embedding(5, 4) : new Linear(features, 4);
        var model = new Sequential(backend, (ulong)variant, first, new Lstm(4, 5), new Linear(5, Outputs));
        // A step of 1e-30 leaves every double as it is, so a real training step is a function that can be called again and again.
        var trainer = new Trainer(model, loss, new Sgd(1e-30f)) { CarryState = false };
        SequenceChunk chunk = LossRuns.RandomWindow(loss, steps, batch, features, Outputs, seed: 100 + variant, vocabulary: 5);
        SetFlags(chunk, (FlagKind)(variant % 5), random);
        chunk.LastStepOnly = variant % 3 == 2;
        if (LossRuns.TakesClasses(loss))
            chunk.Targets[^1] = 1; // neither ignored nor without weight: something counts
        Assert.True(trainer.Step(chunk).Tokens > 0);
        List<(Parameter Parameter, double[] Gradient)> analytic = [.. model.Parameters.Select(p => (p, GradientCheck.Values(backend, p.Gradient)))];
        foreach ((Parameter parameter, double[] gradient) in analytic)
        {
            for (int direction = 0; direction < 2; direction++)
            {
                double[] along = [.. gradient.Select(_ => (random.NextDouble() * 2) - 1)];
                double numeric = GradientCheck.Numeric(backend, parameter.Value, along, () => trainer.Step(chunk).Loss);
                double exact = GradientCheck.Dot(gradient, along);
                Assert.True(GradientCheck.Agree(exact, numeric), $"{what}: {parameter.Name} {exact:R}, central difference {numeric:R}");
            }
        }
    }

    private static void SetFlags(SequenceChunk chunk, FlagKind kind, Random random)
    {
        for (int b = 0; b < chunk.Batch; b++)
        {
            int length = random.Next(0, chunk.Steps + 1);
            for (int t = 0; t < chunk.Steps; t++)
            {
                bool inactive = kind switch
                {
                    FlagKind.Lengths => t >= length,
                    FlagKind.Gaps or FlagKind.Both => t < length / 2 || random.Next(4) == 0,
                    _ => false,
                };
                if ((t, b) == (chunk.Steps - 1, chunk.Batch - 1))
                    continue; // something must count
                if (inactive)
                    chunk.SetInactive(t, b);
                if (kind is FlagKind.Resets or FlagKind.Both && random.Next(3) == 0)
                    chunk.SetReset(t, b);
                if (random.Next(5) == 0)
                    chunk.SetIgnored(t, b);
            }
        }
    }
}
