using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Layers that read backwards: gradients, bits, what they mean on gaps and resets, and what they refuse.</summary>
public class DirectionTests
{
    private const int Input = 3;

    /// <summary>Kinds of layers by number: both directions with every merge, backwards alone; every output or the last.</summary>
    public static TheoryData<int> Kinds => new(Enumerable.Range(0, 10));

    /// <summary>Every kind × cell × flags × shape: 720 configurations.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void GradientsAgreeWithCentralDifferences(int kind) => Parallel.For(0, 72, index =>
    {
        int cell = index % CellRun.Cells.Length, flagged = index / 6 % 4, steps = new[] { 1, 4, 7 }[index / 24], batch = 1 + (index % 3);
        int seed = (1000 * kind) + index;
        using var backend = new ReferenceBackend();
        var run = new DirectionRun(backend, Create(kind, cell, hidden: 4), Input, steps, batch, Flags(flagged, steps, batch, seed), seed);
        run.Loss();
        var random = new Random(seed);
        foreach ((string name, DeviceBuffer value, DeviceBuffer gradient) in run.Backward())
        {
            double[] direction = [.. Enumerable.Range(0, value.Length).Select(_ => random.NextDouble() - 0.5)];
            double norm = Math.Sqrt(GradientCheck.Dot(direction, direction));
            direction = [.. direction.Select(d => d / norm)];
            double analytic = GradientCheck.Dot(GradientCheck.Values(backend, gradient), direction);
            double numeric = GradientCheck.Numeric(backend, value, direction, run.Loss);
            if (!GradientCheck.Agree(analytic, numeric))
                Assert.Fail($"gradient of {name}: {analytic:R}, central difference {numeric:R}; kind={kind} index={index}");
        }
    });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void BitsDoNotDependOnThreadsOrInstructionSet(int kind)
    {
        for (int flagged = 0; flagged < 4; flagged++)
        {
            Dictionary<string, double[]>? expected = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                for (int threads = 1; threads <= 3; threads++)
                {
                    using var backend = new CpuBackend(threads, isa);
                    StepFlags? flags = Flags(flagged, 30, 19, seed: 5);
                    Dictionary<string, double[]> actual = new DirectionRun(backend, Create(kind, kind % 3, hidden: 37), Input, 30, 19, flags, seed: 5).Results();
                    expected ??= actual;
                    foreach ((string name, double[] values) in actual)
                        Assert.True(expected[name].SequenceEqual(values), $"{name} kind={kind} flags={flagged} isa={isa} threads={threads}");
                }
            }
        }
    }

    /// <summary>Sequences packed into one window with resets, gaps and padding give the bits that each has alone.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void SequencesInOneWindowAreThoseAlone(int kind)
    {
        using var backend = new CpuBackend(2);
        Layer layer = Create(kind, kind % 6, hidden: 5);
        layer.Build(backend, 0, Input, 1);
        bool lastStep = kind % 2 == 1;
        const int steps = 12;
        var flags = new StepFlags(steps, 1);
        foreach (int t in new[] { 0, 4, 5, 11 })
            flags.Active[t] = 0;
        flags.Reset[5] = 1; // ignored: not active
        int[][] sequences = [[1, 2, 3], [6], [7, 8, 9, 10]];
        foreach (int[] sequence in sequences)
            flags.Reset[sequence[0]] = 1;
        float[] x = [.. Enumerable.Range(0, steps * Input).Select(i => MathF.Sin(i))];
        float[] packed = Forward(backend, layer, x, flags);
        int width = packed.Length / steps;
        var expected = new float[packed.Length];
        foreach (int[] sequence in sequences)
        {
            float[] alone = Forward(backend, layer, [.. sequence.SelectMany(t => x[(t * Input)..((t + 1) * Input)])], null);
            for (int k = 0; k < sequence.Length && (!lastStep || sequence[0] == 7); k++)
                alone.AsSpan(k * width, width).CopyTo(expected.AsSpan(sequence[k] * width));
        }
        Bits.Same(expected, packed, $"kind {kind}");
    }

    [Fact]
    public void LastStepIsMadeOfTheOutputsThatHaveReadEverything()
    {
        using var backend = new CpuBackend(1);
        var whole = new Bidirectional(new Gru(Input, 4));
        var last = new Bidirectional(new Gru(Input, 4), lastStep: true);
        whole.Build(backend, 0, Input, 1);
        last.Build(backend, 0, Input, 1);
        float[] x = [.. Enumerable.Range(0, 5 * Input).Select(i => MathF.Sin(i))];
        float[] all = Forward(backend, whole, x, null), one = Forward(backend, last, x, null);
        Assert.Equal([.. new float[4 * 8], .. all[(4 * 8)..((4 * 8) + 4)], .. all[4..8]], one);
    }

    [Fact]
    public void ASampleWithoutStepsKeepsItsStatesAndYieldsZeros()
    {
        using var backend = new CpuBackend(1);
        var layer = new Bidirectional(new Lstm(Input, 4), lastStep: true);
        layer.Build(backend, 0, Input, 1);
        var flags = new StepFlags(3, 1);
        flags.Active.Clear();
        var ws = (BidirectionalWorkspace)layer.CreateWorkspace(Input, 3, 1, Keep.Nothing);
        foreach (RecurrentWorkspace state in DirectionRun.Inside(ws))
        {
            backend.Write(state.Initial.Hidden, [1f, 2f, 3f, 4f]);
            backend.Write(state.Initial.Cell!, [5f, 6f, 7f, 8f]);
        }
        layer.Forward(ws, new LayerInput(backend.Allocate(3, Input)), new PassContext(flags, false, 1, 0, false));
        foreach (RecurrentWorkspace state in DirectionRun.Inside(ws))
        {
            Assert.Equal([1, 2, 3, 4], GradientCheck.Values(backend, state.Final.Hidden));
            Assert.Equal([5, 6, 7, 8], GradientCheck.Values(backend, state.Final.Cell!));
        }
        Assert.All(GradientCheck.Values(backend, ws.Output), y => Assert.Equal(0, y));
    }

    [Fact]
    public void ParametersAreThoseOfPyTorch()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Bidirectional(new Lstm(3, 5)), new Bidirectional(new Gru(10, 2), Merge.Sum), new Linear(2, 1));
        Assert.Equal(
            [
                "0.weight_ih_l0 [20, 3]", "0.weight_hh_l0 [20, 5]", "0.bias_ih_l0 [20]", "0.bias_hh_l0 [20]",
                "0.weight_ih_l0_reverse [20, 3]", "0.weight_hh_l0_reverse [20, 5]", "0.bias_ih_l0_reverse [20]", "0.bias_hh_l0_reverse [20]",
                "1.weight_ih_l0 [6, 10]", "1.weight_hh_l0 [6, 2]", "1.bias_ih_l0 [6]", "1.bias_hh_l0 [6]",
                "1.weight_ih_l0_reverse [6, 10]", "1.weight_hh_l0_reverse [6, 2]", "1.bias_ih_l0_reverse [6]", "1.bias_hh_l0_reverse [6]",
                "2.weight [1, 2]", "2.bias [1]",
            ],
            model.Parameters.Select(parameter => parameter.ToString()));
        float[] forward = new float[60], backward = new float[60];
        model.Parameters[0].Read(forward);
        model.Parameters[4].Read(backward);
        Assert.NotEqual(forward, backward);
    }

    [Fact]
    public void StreamingAndCarriedStateAreRefusedByName()
    {
        using var backend = new CpuBackend(1);
        foreach (Layer layer in new Layer[] { new Bidirectional(new Lstm(4, 5), Merge.Sum), new GoBackwards(new Lstm(4, 5)) })
        {
            using var model = new Sequential(backend, 1, new Embedding(6, 4), layer, new Linear(5, 6));
            string message = Assert.Throws<NotSupportedException>(() => model.OpenSession()).Message;
            Assert.Contains($"layer 1, {layer},", message, StringComparison.Ordinal);

            var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(0.1f));
            var chunk = new SequenceChunk(3, 2) { StartsStreams = true };
            trainer.Step(chunk);
            trainer.Step(chunk); // starts anew
            chunk.StartsStreams = false;
            message = Assert.Throws<ArgumentException>(() => trainer.Step(chunk)).Message;
            Assert.Contains($"layer 1, {layer},", message, StringComparison.Ordinal);
            trainer.CarryState = false;
            trainer.Step(chunk);
        }
    }

    /// <summary>The next input, random, a step before it comes: to be had from the other direction only.</summary>
    [Fact]
    public void TrainerLearnsWhatOnlyLaterStepsTell()
    {
        using var backend = new CpuBackend(2);
        using var model = new Sequential(backend, 3, new Embedding(2, 4), new Bidirectional(new Gru(4, 8)), new Linear(16, 2));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(0.02f)) { CarryState = false };
        var random = new Random(9);
        var chunk = new SequenceChunk(6, 32);
        double loss = 0;
        for (int step = 0; step < 150; step++)
        {
            for (int i = 0; i < chunk.Inputs.Length; i++)
                chunk.Inputs[i] = random.Next(2);
            for (int i = 0; i < chunk.Inputs.Length; i++)
                chunk.Targets[i] = i + 32 < chunk.Inputs.Length ? chunk.Inputs[i + 32] : -1; // the next input
            loss = trainer.Step(chunk).Loss;
        }
        Assert.True(loss < 0.05, $"loss {loss}");
    }

    private static Layer Create(int kind, int cell, int hidden)
    {
        RecurrentLayer inner = CellLayers.Create(CellRun.Cells[cell], Input, hidden);
        bool lastStep = kind % 2 == 1;
        return kind / 2 < 4 ? new Bidirectional(inner, (Merge)(kind / 2), lastStep) : new GoBackwards(inner, lastStep);
    }

    private static float[] Forward(Backend backend, Layer layer, float[] x, StepFlags? flags)
    {
        int steps = x.Length / Input;
        Workspace ws = layer.CreateWorkspace(Input, steps, 1, Keep.Nothing);
        DeviceBuffer input = backend.Allocate(steps, Input);
        backend.Write(input, x);
        layer.Forward(ws, new LayerInput(input), new PassContext(flags, false, 1, 0, false));
        return Array.ConvertAll(GradientCheck.Values(backend, ws.Output), value => (float)value);
    }

    /// <summary>0: none; 1: lengths, none of them too; 2: gaps; 3: gaps and resets.</summary>
    private static StepFlags? Flags(int kind, int steps, int batch, int seed)
    {
        if (kind == 0)
            return null;
        if (kind == 3)
            return BitsTests.RandomFlags(steps, batch, seed);
        var flags = new StepFlags(steps, batch);
        var random = new Random(seed);
        for (int b = 0; b < batch; b++)
        {
            int length = random.Next(steps + 1);
            for (int t = 0; t < steps; t++)
                flags.Active[(t * batch) + b] = (byte)((kind == 1 ? t < length : random.Next(3) > 0) ? 1 : 0);
        }
        return flags;
    }
}
