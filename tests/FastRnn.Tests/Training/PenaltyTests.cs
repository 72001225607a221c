using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>L1 and L2 penalties by parameter name, and limits of rows: against central differences, plain loops and every instruction set.</summary>
public class PenaltyTests
{
    private static readonly (string Pattern, float L1, float L2)[] Groups =
        [("*.weight_ih*", 0.01f, 0.03f), ("*.weight_hh*", 0f, 0.05f), ("*.bias*", 0.02f, 0f)];

    /// <summary>The gradient of the loss that a step reports is the gradient that the step makes, penalties included.</summary>
    [Fact]
    public void GradientsAgreeWithCentralDifferences()
    {
        using var backend = new ReferenceBackend();
        // A step of 1e-30 leaves every double as it is, so a training step is a function.
        Trainer trainer = Trainer(backend, new Sgd(1e-30f));
        trainer.CarryState = false;
        Penalise(trainer);
        SequenceChunk chunk = RandomChunk(4, 2, 13, seed: 1);
        trainer.Step(chunk);
        List<(Parameter Parameter, double[] Gradient)> analytic = [.. trainer.Model.Parameters.Select(p => (p, GradientCheck.Values(backend, p.Gradient)))];
        var random = new Random(2);
        foreach ((Parameter parameter, double[] gradient) in analytic)
        {
            for (int trial = 0; trial < 6; trial++)
            {
                var direction = new double[gradient.Length];
                int index = random.Next(gradient.Length);
                direction[index] = 1;
                double numeric = GradientCheck.Numeric(backend, parameter.Value, direction, () => trainer.Step(chunk).Loss);
                Assert.True(GradientCheck.Agree(gradient[index], numeric), $"{parameter.Name}[{index}]: {gradient[index]:R}, central difference {numeric:R}");
            }
        }
    }

    [Fact]
    public void PenaltiesArePlainSumsOverTheirParameters()
    {
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(1) })
        {
            using (backend)
            {
                Trainer plain = Trainer(backend, new Sgd(0.1f)), penalised = Trainer(backend, new Sgd(0.1f));
                Penalise(penalised);
                penalised.Model.Parameters[1].Write(WithZeros(plain.Model.Parameters[1]));
                plain.Model.Parameters[1].Write(WithZeros(plain.Model.Parameters[1]));
                double penalty = 0;
                var slopes = new List<double[]>();
                foreach (Parameter parameter in plain.Model.Parameters)
                {
                    (float l1, float l2) = parameter.Name switch
                    {
                        "1.weight_ih_l0" or "3.weight_ih_l0" => (0.01f, 0.03f),
                        "1.weight_hh_l0" or "3.weight_hh_l0" => (0f, 0.05f),
                        "0.weight" or "4.weight" => (0f, 0f),
                        _ => (0.02f, 0f),
                    };
                    double[] w = GradientCheck.Values(backend, parameter.Value);
                    penalty += w.Sum(x => (l1 * Math.Abs(x)) + (l2 * x * x));
                    slopes.Add([.. w.Select(x => (l1 * Math.Sign(x)) + (2.0 * l2 * x))]);
                }
                SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 3);
                double difference = penalised.Step(chunk).Loss - plain.Step(chunk).Loss;
                Assert.Equal(penalty, difference, 1e-9 * penalty);
                for (int i = 0; i < slopes.Count; i++)
                {
                    double[] without = GradientCheck.Values(backend, plain.Model.Parameters[i].Gradient);
                    double[] with = GradientCheck.Values(backend, penalised.Model.Parameters[i].Gradient);
                    for (int k = 0; k < with.Length; k++)
                        Assert.Equal(without[k] + slopes[i][k], with[k], 1e-7);
                }
                penalised.SetPenalty("*", 0, 0);
                penalised.ResetState();
                Assert.Equal(penalised.Evaluate([chunk]), penalised.Step(chunk).Loss);
            }
        }
    }

    /// <summary>The mean over windows that wait for an update has the penalty once; a frozen parameter has none.</summary>
    [Fact]
    public void AccumulationHasThePenaltyOnceAndFrozenParametersNone()
    {
        using var backend = new CpuBackend(1);
        Trainer one = Trainer(backend, new Sgd(0.1f)), four = Trainer(backend, new Sgd(0.1f)), frozen = Trainer(backend, new Sgd(0.1f));
        (one.CarryState, four.CarryState, four.AccumulatedWindows) = (false, false, 4);
        Penalise(one);
        Penalise(four);
        SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 4);
        StepResult expected = one.Step(chunk);
        for (int i = 0; i < 3; i++)
            Assert.Equal(expected.Loss, four.Step(chunk).Loss);
        StepResult actual = four.Step(chunk);
        Assert.Equal(expected.Loss, actual.Loss);
        Assert.Equal(expected.GradientNorm, actual.GradientNorm, 1e-6);

        double loss = frozen.Evaluate([chunk]);
        frozen.SetPenalty("*.bias*", 1, 1);
        frozen.SetMaxNorm("*.bias*", 1e-3f);
        frozen.Freeze("*.bias*");
        float[] bias = Read(backend, frozen.Model.Parameters[3].Value);
        Assert.Equal(loss, frozen.Step(chunk).Loss);
        Bits.Same(bias, Read(backend, frozen.Model.Parameters[3].Value), "frozen bias");
    }

    [Fact]
    public void RowsAreNoLongerThanTheirLimit()
    {
        foreach (Backend backend in new Backend[] { new ReferenceBackend(), new CpuBackend(1) })
        {
            using (backend)
            {
                Trainer free = Trainer(backend, new Adam(0.05f)), limited = Trainer(backend, new Adam(0.05f));
                limited.SetMaxNorm("*.weight_hh*", 0.6f);
                SequenceChunk chunk = RandomChunk(5, 3, 13, seed: 5);
                free.Step(chunk);
                limited.Step(chunk);
                int shortened = 0, kept = 0;
                for (int i = 0; i < free.Model.Parameters.Count; i++)
                {
                    Parameter parameter = free.Model.Parameters[i];
                    double[] w = GradientCheck.Values(backend, parameter.Value), actual = GradientCheck.Values(backend, limited.Model.Parameters[i].Value);
                    int columns = parameter.Value.Columns;
                    for (int r = 0; r < parameter.Value.Rows; r++)
                    {
                        double norm = Math.Sqrt(w.Skip(r * columns).Take(columns).Sum(x => x * x));
                        bool tooLong = parameter.Name.Contains("weight_hh", StringComparison.Ordinal) && norm > 0.6f;
                        (shortened, kept) = tooLong ? (shortened + 1, kept) : (shortened, kept + 1);
                        for (int k = r * columns; k < (r + 1) * columns; k++)
                            Assert.Equal(tooLong ? w[k] * (0.6f / norm) : w[k], actual[k], tooLong ? 1e-7 : 0);
                    }
                }
                Assert.True(shortened > 10 && kept > 10, $"{shortened} rows were too long, {kept} were not");
            }
        }
    }

    [Fact]
    public void StepsGiveTheSameBitsEverywhere()
    {
        List<(string, float[])>? expected = null;
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach (int threads in new[] { 1, 3 })
            {
                using var backend = new CpuBackend(threads, isa);
                Trainer trainer = Trainer(backend, new Adam(0.01f));
                trainer.ClipNorm = 0.5f;
                Penalise(trainer);
                trainer.SetMaxNorm("*", 0.7f);
                var losses = new float[5];
                for (int step = 0; step < losses.Length; step++)
                    losses[step] = (float)trainer.Step(RandomChunk(5, 3, 13, seed: step)).Loss;
                List<(string, float[])> actual = [.. Everything(trainer), ("losses", losses)];
                expected ??= actual;
                TrainerTests.Same(expected, actual);
            }
        }
    }

    [Fact]
    public void WrongNumbersAreNamed()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend);
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.SetPenalty("*", -1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.SetPenalty("*", 0, float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => trainer.SetMaxNorm("*", float.PositiveInfinity));
        Assert.Throws<ArgumentException>(() => trainer.SetPenalty("9.*", 1, 1));
        Assert.Throws<ArgumentException>(() => trainer.SetMaxNorm("9.*", 1));
    }

    private static void Penalise(Trainer trainer)
    {
        foreach ((string pattern, float l1, float l2) in Groups)
            trainer.SetPenalty(pattern, l1, l2);
    }

    /// <summary>The first weights with every third one 0, where sizes have no slope.</summary>
    private static float[] WithZeros(Parameter parameter)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        for (int i = 0; i < values.Length; i += 3)
            values[i] = 0;
        return values;
    }
}
