using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Variational dropout, weight drop and penalties of activities in one training step against equations in double, with masks drawn
/// independently; see Truth/make_regularisation.py.
/// </summary>
public class RegularisationTruthTests
{
    private static readonly TruthFile Truth = new("regularisation.json");

    public static TheoryData<string> Backends =>
        new(["reference", .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    [Theory]
    [MemberData(nameof(Backends))]
    public void StepGivesTheLossAndAllGradients(string name)
    {
        using Backend backend = name == "reference" ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));
        foreach (bool flagged in new[] { false, true })
        {
            string run = flagged ? "flags." : "plain.";
            using Sequential model = Model(backend);
            foreach (Parameter parameter in model.Parameters)
                parameter.Write(Truth.Floats(parameter.Name));
            var trainer = new Trainer(model, new MeanSquaredError(), new Sgd(1e-30f));
            trainer.RestoreCounters(0, (long)Truth.Constant("time"));
            SequenceChunk chunk = Chunk(flagged);
            // As elsewhere: loss 1e-6·max(1, |y|), gradients relative to the largest.
            double tolerance = name == "reference" ? 1e-12 : 1e-6, loss = Truth.Expected[run + "loss"][0];
            double without = trainer.Evaluate([chunk]);
            Close(trainer.Step(chunk).Loss, loss, tolerance * Math.Max(1, loss), run + "loss");
            foreach (Parameter parameter in model.Parameters)
            {
                double[] expected = Truth.Expected[run + parameter.Name], actual = GradientCheck.Values(backend, parameter.Gradient);
                for (int i = 0; i < expected.Length; i++)
                    Close(actual[i], expected[i], tolerance * expected.Max(Math.Abs), $"{name}: {run}{parameter.Name}[{i}]");
            }
            Assert.Equal(without, trainer.Evaluate([chunk]), 1e-12);
            Assert.NotEqual(loss - Truth.Expected[run + "penalty"][0], without, 1e-3); // evaluation has neither penalties nor masks
        }
    }

    private static Sequential Model(Backend backend)
    {
        float Constant(string name) => (float)Truth.Constant(name);
        int first = Truth.Size("first"), second = Truth.Size("second");
        return new Sequential(
            backend,
            (ulong)Truth.Constant("seed"),
            new Lstm(Truth.Size("input"), first) { WeightDrop = Constant("lstm_drop") },
            new Dropout(Constant("dropout")) { Variational = true },
            new ActivityRegularization(Constant("l1"), Constant("l2"), Constant("temporal")),
            new Gru(first, second) { WeightDrop = Constant("gru_drop") },
            new ActivityRegularization(temporal: Constant("late_temporal")),
            new Linear(second, Truth.Size("output")));
    }

    private static SequenceChunk Chunk(bool flagged)
    {
        int steps = Truth.Size("steps"), batch = Truth.Size("batch"), input = Truth.Size("input");
        var chunk = new SequenceChunk(steps, batch, input, Truth.Size("output"));
        Truth.Floats("x").CopyTo(chunk.InputValues);
        Truth.Floats("targets").CopyTo(chunk.TargetValues);
        int[] active = Truth.Integers("active"), reset = Truth.Integers("reset");
        for (int row = 0; flagged && row < active.Length; row++)
        {
            if (reset[row] != 0)
                chunk.SetReset(row / batch, row % batch);
            if (active[row] != 0)
                continue;
            chunk.SetInactive(row / batch, row % batch);
            chunk.InputValues.Slice(row * input, input).Fill(float.NaN); // nobody may look
        }
        return chunk;
    }

    private static void Close(double actual, double expected, double tolerance, string what) =>
        Assert.True(Math.Abs(actual - expected) <= tolerance, $"{what}: {actual:R}, expected {expected:R}");
}
