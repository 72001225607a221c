using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Truncated back-propagation through time with k2 above k1.</summary>
public class TruncatedTests
{
    private const int Vocabulary = 7, Batch = 3;

    /// <summary>Stacks whose gradients are compared.</summary>
    private static readonly Dictionary<string, Func<Layer[]>> Stacks = new()
    {
        ["lstm"] = () => [new Embedding(Vocabulary, 4), new Lstm(4, 5), new Lstm(5, 6), new Linear(6, Vocabulary)],
        ["gru"] = () => [new Embedding(Vocabulary, 4), new Gru(4, 5), new Dropout(0.3f), new Gru(5, 6), new Linear(6, Vocabulary)],
        ["rnn"] = () => [new Embedding(Vocabulary, 4), new Rnn(4, 5), Activation.Silu(), new Rnn(5, 6, CellActivation.Relu), new Linear(6, Vocabulary)],
        ["normalised"] = () => [new Embedding(Vocabulary, 4), new LayerNormalization(4), new Lstm(4, 5), new LayerNormalization(5), Activation.Gelu(), new Linear(5, Vocabulary)],
        ["residual"] = () => [new Embedding(Vocabulary, 5), new Residual(new Lstm(5, 5)), new Linear(5, 6), new Residual(new Gru(6, 6))],
        ["options"] = () =>
        [
            new Embedding(Vocabulary, 4),
            new Lstm(4, 6) { Peepholes = true, Projection = 5, LayerNorm = true, Zoneout = 0.2f, CellZoneout = 0.3f, CellClip = 0.6f },
            new Gru(5, 5) { ResetBefore = true, LayerNorm = true, Zoneout = 0.25f },
            new Linear(5, Vocabulary),
        ],
        ["recurrent last"] = () => [new Embedding(Vocabulary, 4), new Dropout(0.3f), new Lstm(4, Vocabulary)],
    };

    public static TheoryData<string, string, int> Runs()
    {
        var runs = new TheoryData<string, string, int>();
        foreach (string stack in Stacks.Keys)
        {
            foreach (string lengths in new[] { "4 4 4 4 4", "5 3 7 2 6", "1 1 1 1 1 1 1", "12 3 2" })
            {
                foreach (int limit in new[] { 4, 8, 9, 12, 100 })
                    runs.Add(stack, lengths, limit);
            }
        }
        return runs;
    }

    /// <summary>With weights that stay, it is full back-propagation over the last k2 steps from the state before them, the loss in the last k1.</summary>
    [Theory]
    [MemberData(nameof(Runs))]
    public void IsFullBackPropagationWithTheLossInTheLastSteps(string stack, string lengths, int limit)
    {
        int[] windows = [.. lengths.Split(' ').Select(int.Parse)];
        int total = windows.Sum(), own = windows[^1], back = Math.Min(total, Math.Max(limit, own));
        foreach (bool flagged in new[] { false, true })
        {
            using var backend = new ReferenceBackend();
            SequenceChunk all = Tokens(total, flagged);
            Trainer truncated = Frozen(backend, stack), full = Frozen(backend, stack);
            truncated.BackwardSteps = limit;
            truncated.RecordStepNorms = full.RecordStepNorms = true;
            int at = 0;
            foreach (int steps in windows[..^1])
            {
                truncated.Step(Part(all, at, steps));
                at += steps;
            }
            double loss = truncated.Step(Part(all, at, own)).Loss;
            if (back < total)
                full.Step(Part(all, 0, total - back));
            SequenceChunk last = Part(all, total - back, back);
            for (int t = 0; t < back - own; t++)
            {
                for (int b = 0; b < Batch; b++)
                    last.SetIgnored(t, b);
            }
            Assert.Equal(full.Step(last).Loss, loss, 12);
            AssertSameGradients(full, truncated, 1e-12, $"{stack}, {lengths}, k2={limit}, flags {flagged}");
            Assert.Equal(full.StepNorms.Count, truncated.StepNorms.Count);
            foreach ((double[] expected, double[] actual) in full.StepNorms.Zip(truncated.StepNorms))
            {
                Assert.Equal(back, actual.Length);
                for (int t = 0; t < back; t++)
                    Assert.Equal(expected[t], actual[t], 12);
            }
        }
    }

    /// <summary>Weights that change from window to window, and activations as they were computed: equations by hand, in PyTorch.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FollowsTheEquations(bool reference)
    {
        var truth = new TruthFile("tbptt.json");
        int steps = truth.Size("steps"), batch = truth.Size("batch"), input = truth.Size("input"), output = truth.Size("output");
        int[] hidden = [truth.Size("hidden0"), truth.Size("hidden1")];
        using Backend backend = reference ? new ReferenceBackend() : new CpuBackend(2);
        var model = new Sequential(backend, 1, new Lstm(input, hidden[0]), new Lstm(hidden[0], hidden[1]), new Linear(hidden[1], output));
        foreach (Parameter parameter in model.Parameters)
            parameter.Write(truth.Floats(parameter.Name));
        var trainer = new Trainer(model, new MeanSquaredError(), new Sgd((float)truth.Constant("rate"))) { BackwardSteps = truth.Size("back") };
        var chunk = new SequenceChunk(steps, batch, input, output);
        double tolerance = reference ? 1e-12 : 2e-6;
        for (int window = 0; window < truth.Size("windows"); window++)
        {
            truth.Floats("inputs").AsSpan(window * chunk.InputValues.Length, chunk.InputValues.Length).CopyTo(chunk.InputValues);
            truth.Floats("targets").AsSpan(window * chunk.TargetValues.Length, chunk.TargetValues.Length).CopyTo(chunk.TargetValues);
            Assert.Equal(truth.Expected["losses"][window], trainer.Step(chunk).Loss, tolerance);
        }
        foreach (Parameter parameter in model.Parameters)
        {
            Close(truth.Expected[parameter.Name], parameter.Value, parameter.Name);
            Close(truth.Expected["gradient." + parameter.Name], parameter.Gradient, "gradient of " + parameter.Name);
        }

        void Close(double[] expected, DeviceBuffer actual, string name)
        {
            var values = new double[actual.Length];
            backend.Read(actual, values);
            for (int i = 0; i < values.Length; i++)
                Assert.True(Math.Abs(values[i] - expected[i]) <= tolerance, $"{name}[{i}] is {values[i]:R}, not {expected[i]:R}");
        }
    }

    [Fact]
    public void PastStepsChangeTheGradient()
    {
        using var backend = new ReferenceBackend();
        SequenceChunk all = Tokens(8, flagged: false);
        Trainer one = Frozen(backend, "lstm"), two = Frozen(backend, "lstm");
        two.BackwardSteps = 8;
        foreach (Trainer trainer in new[] { one, two })
        {
            trainer.Step(Part(all, 0, 4));
            trainer.Step(Part(all, 4, 4));
        }
        Assert.NotEqual(Gradient(one, "1.weight_hh_l0"), Gradient(two, "1.weight_hh_l0"));
        Assert.Equal(Gradient(one, "3.weight"), Gradient(two, "3.weight")); // the head sees its window alone
    }

    /// <summary>What ends the way back: streams that start, a state that is not carried, ForgetPast, ResetState and a reset of every sample.</summary>
    [Theory]
    [InlineData("starts")]
    [InlineData("carry")]
    [InlineData("forget")]
    [InlineData("reset state")]
    [InlineData("reset flags")]
    public void WayBackEnds(string how)
    {
        using var backend = new CpuBackend(1);
        SequenceChunk all = Tokens(12, flagged: false);
        Trainer plain = Frozen(backend, "lstm"), truncated = Frozen(backend, "lstm");
        truncated.BackwardSteps = 12;
        foreach (Trainer trainer in new[] { plain, truncated })
        {
            trainer.CarryState = how != "carry";
            trainer.Step(Part(all, 0, 4));
            trainer.Step(Part(all, 4, 4));
            SequenceChunk last = Part(all, 8, 4);
            last.StartsStreams = how == "starts";
            if (how == "forget")
                trainer.ForgetPast();
            if (how == "reset state")
                trainer.ResetState();
            for (int b = 0; b < Batch && how == "reset flags"; b++)
                last.SetReset(0, b);
            trainer.Step(last);
        }
        AssertSameGradients(plain, truncated, how == "reset flags" ? 1e-6 : 0, how);
    }

    /// <summary>Values go in, so that the past has a copy of them, and the callers' windows are filled anew.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void CpuFollowsTheReference(bool flagged, bool options)
    {
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        Trainer expected = Create(reference, options), actual = Create(cpu, options);
        var random = new Random(11);
        var chunks = new[] { new SequenceChunk(5, 4, 3, 2), new SequenceChunk(4, 4, 3, 2) };
        for (int step = 0; step < 8; step++)
        {
            SequenceChunk chunk = chunks[step % 2];
            chunk.ClearFlags();
            foreach (ref float value in chunk.InputValues)
                value = (random.NextSingle() * 2) - 1;
            foreach (ref float value in chunk.TargetValues)
                value = random.NextSingle();
            if (flagged && step % 3 != 1)
            {
                chunk.SetReset(random.Next(4), random.Next(4));
                chunk.SetLength(random.Next(4), random.Next(5));
            }
            Assert.Equal(expected.Step(chunk).Loss, actual.Step(chunk).Loss, 1e-5);
            AssertSameGradients(expected, actual, options ? 5e-4 : 2e-5, $"step {step}"); // small variances enlarge what rounding has done
        }

        static Trainer Create(Backend backend, bool options)
        {
            Lstm first = options
                ? new Lstm(3, 20) { Peepholes = true, Projection = 18, LayerNorm = true, Zoneout = 0.2f, CellZoneout = 0.3f }
                : new Lstm(3, 18);
            Gru second = options ? new Gru(18, 7) { ResetBefore = true, LayerNorm = true, Zoneout = 0.25f } : new Gru(18, 7);
            var model = new Sequential(backend, 5, first, new Dropout(0.2f), second, new Linear(7, 2));
            return new Trainer(model, new MeanSquaredError(), new Sgd(0.1f)) { BackwardSteps = 13 };
        }
    }

    private static Trainer Frozen(Backend backend, string stack)
    {
        var model = new Sequential(backend, 3, Stacks[stack]());
        return new Trainer(model, Loss.CrossEntropy, new Sgd(1e-30f)); // weights stay
    }

    private static SequenceChunk Tokens(int steps, bool flagged)
    {
        SequenceChunk chunk = RandomChunk(steps, Batch, 6, seed: 40 + steps);
        var random = new Random(steps);
        for (int i = 0; flagged && i < steps / 2; i++)
        {
            if (i % 3 == 0)
                chunk.SetReset(random.Next(steps), random.Next(Batch));
            else
                chunk.SetInactive(random.Next(steps - 1), random.Next(Batch));
        }
        return chunk;
    }

    /// <summary>Some steps of a window, with their flags where there are any.</summary>
    private static SequenceChunk Part(SequenceChunk all, int first, int steps)
    {
        var part = new SequenceChunk(steps, all.Batch);
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < all.Batch; b++)
            {
                int from = ((first + t) * all.Batch) + b, to = (t * all.Batch) + b;
                (part.Inputs[to], part.Targets[to]) = (all.Inputs[from], all.Targets[from]);
                if (all.Flags is not { } flags)
                    continue;
                if (flags.Reset[from] != 0)
                    part.SetReset(t, b);
                if (flags.Active[from] == 0)
                    part.SetInactive(t, b);
            }
        }
        return part;
    }

    private static void AssertSameGradients(Trainer expected, Trainer actual, double tolerance, string what)
    {
        double largest = 0;
        foreach ((Parameter a, Parameter b) in expected.Model.Parameters.Zip(actual.Model.Parameters))
        {
            double[] x = new double[a.Length], y = new double[a.Length];
            expected.Model.Backend.Read(a.Gradient, x);
            actual.Model.Backend.Read(b.Gradient, y);
            for (int i = 0; i < x.Length; i++)
            {
                Assert.True(Math.Abs(x[i] - y[i]) <= tolerance, $"{what}: gradient {i} of {a.Name} is {y[i]:R}, not {x[i]:R}");
                largest = Math.Max(largest, Math.Abs(x[i]));
            }
        }
        Assert.True(largest > 1e-3, $"{what}: nothing was compared");
    }
}
