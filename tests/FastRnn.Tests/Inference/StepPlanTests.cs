using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>A session's stages against windows of one step through the layers: the same bits, whatever the size.</summary>
public class StepPlanTests
{
    private static readonly CellType[] Planned =
    [
        CellType.Lstm, CellType.Gru, CellType.Rnn(), CellType.Rnn(CellActivation.Relu), CellType.Rnn(CellActivation.Sigmoid), CellType.Rnn(CellActivation.Identity),
    ];

    public static TheoryData<int, IsaLevel> CellsAndLevels
    {
        get
        {
            var data = new TheoryData<int, IsaLevel>();
            for (int cell = 0; cell < Planned.Length; cell++)
            {
                foreach (IsaLevel isa in Levels)
                    data.Add(cell, isa);
            }
            return data;
        }
    }

    private static IEnumerable<IsaLevel> Levels => Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest);

    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void EverySizeHasTheBitsOfTheLayer(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        for (int hidden = 1; hidden <= 70; hidden++)
        {
            int input = new[] { 1, 7, 16, 17, 33 }[hidden % 5];
            Compare(backend, Planned[cell], input, hidden, steps: 4);
        }
        foreach (int input in new[] { 1, 7, 16, 17, 33 })
        {
            foreach (int hidden in new[] { 8, 20, 32, 64, 130 })
                Compare(backend, Planned[cell], input, hidden, steps: 4);
        }
    }

    /// <summary>Every block ends at an inaccessible page, and so does the caller's input.</summary>
    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public unsafe void NothingIsReadOrWrittenBehindABlock(int cell, IsaLevel isa)
    {
        using var guard = new GuardedBlocks();
        using var backend = new CpuBackend(1, isa);
        foreach ((int input, int hidden) in new[] { (1, 1), (7, 8), (16, 11), (17, 16), (33, 17), (3, 33), (1, 5), (4, 20), (9, 24), (1, 40), (6, 37), (70, 20), (30, 40), (5, 64), (2, 70) })
        {
            using var model = new Sequential(backend, 5, CellLayers.Create(Planned[cell], input, hidden), new Linear(hidden, 3));
            Session session = model.OpenSession();
            Assert.NotNull(session.Plan);
            using var x = new Memory.AlignedBuffer(16 * ((input + 15) / 16));
            Span<float> last = new(x.Pointer + x.Length - input, input);
            last.Fill(0.25f);
            var y = new float[3];
            for (int t = 0; t < 3; t++)
                session.Step(last, y);
            Assert.All(y, value => Assert.True(float.IsFinite(value)));
        }
    }

    /// <summary>The result is written to its last number and not further, from any alignment.</summary>
    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public unsafe void TheResultIsWrittenAsFarAsItGoes(int cell, IsaLevel isa)
    {
        using var guard = new GuardedBlocks();
        using var backend = new CpuBackend(1, isa);
        foreach (int hidden in new[] { 1, 3, 4, 5, 7, 8, 12, 17, 20, 24, 31, 33, 37, 40, 44 })
        {
            using var model = new Sequential(backend, 5, CellLayers.Create(Planned[cell], 2, hidden));
            Session session = model.OpenSession(), other = model.OpenSession();
            using var memory = new Memory.AlignedBuffer(16 * ((hidden + 16) / 16));
            Span<float> y = new(memory.Pointer + memory.Length - hidden, hidden);
            float* before = memory.Pointer + memory.Length - hidden - 1;
            var expected = new float[hidden];
            for (int t = 0; t < 3; t++)
            {
                *before = 7f;
                y.Fill(7f);
                session.Step([1f, -0.5f], y);
                other.Step([1f, -0.5f], expected);
                Bits.Same(expected, y.ToArray(), $"{hidden} step {t}");
                Assert.Equal(7f, *before);
            }
        }
    }

    [Fact]
    public void LayersOfEveryKindInOnePlan()
    {
        foreach (IsaLevel isa in Levels)
        {
            using var backend = new CpuBackend(1, isa);
            using var model = new Sequential(
                backend, 3, new Embedding(13, 9), new Dropout(0.4f), new Lstm(9, 21), Activation.Silu(), new Gru(21, 17), new ActivityRegularization(0.1f, 1, 0),
                new Rnn(17, 5), new Linear(5, 19), new LayerNormalization(19), Activation.Softplus(), Activation.Gelu(), Activation.LeakyRelu(0.2f), new LogSoftmax(), new Softmax());
            Session planned = model.OpenSession(), general = new(model, new SessionOptions(), plansSteps: false);
            Assert.NotNull(planned.Plan);
            Assert.Null(general.Plan);
            var random = new Random(4);
            float[] y = new float[19], expected = new float[19];
            for (int t = 0; t < 12; t++)
            {
                int token = random.Next(13);
                planned.Step(token, y);
                general.Step(token, expected);
                Bits.Same(expected, y, $"{isa} step {t}");
            }
        }
    }

    /// <summary>What no stage exists for runs as before, in the same session.</summary>
    [Fact]
    public void OtherLayersHaveNoPlan()
    {
        using var backend = new CpuBackend(1);
        foreach (Layer layer in new Layer[]
            { new Lstm(3, 3) { Peepholes = true }, new Gru(3, 3) { ResetBefore = true }, new Rnn(3, 3) { Zoneout = 0.1f }, new Residual(new Lstm(3, 3) { CoupledGates = true }) })
        {
            using var model = new Sequential(backend, 1, new Linear(3, 3), layer);
            Session session = model.OpenSession();
            Assert.Null(session.Plan);
            var y = new float[3];
            session.Step([1f, 2f, 3f], y);
            Assert.All(y, value => Assert.NotEqual(0f, value));
        }
        using var reference = new ReferenceBackend();
        using var slow = new Sequential(reference, 1, new Lstm(3, 3));
        Assert.Null(slow.OpenSession().Plan);
    }

    /// <summary>A session that is open while its model trains goes on with its state and the new weights.</summary>
    [Fact]
    public void TrainingIsSeen()
    {
        foreach (CellType cell in Planned)
        {
            using var backend = new CpuBackend(1);
            using var model = new Sequential(backend, 1, CellLayers.Create(cell, 2, 19), new Linear(19, 2));
            Session planned = model.OpenSession(), general = new(model, new SessionOptions(), plansSteps: false);
            float[] y = new float[2], expected = new float[2], before = new float[2];
            foreach (Parameter parameter in model.Parameters)
            {
                planned.Step([0.5f, -1f], y);
                general.Step([0.5f, -1f], expected);
                Bits.Same(expected, y, $"{cell} before {parameter.Name}");
                y.CopyTo(before, 0);
                var values = new float[parameter.Length];
                parameter.Read(values);
                for (int i = 0; i < values.Length; i++)
                    values[i] = (values[i] * 1.5f) + 0.01f;
                parameter.Write(values);
                planned.Step([0.5f, -1f], y);
                general.Step([0.5f, -1f], expected);
                Bits.Same(expected, y, $"{cell} after {parameter.Name}");
                Assert.NotEqual(before, y);
            }
        }
    }

    /// <summary>An optimiser's step, not written values: what trains and what streams share their parameters.</summary>
    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void StepsOfTheOptimizerAreSeen(WeightPrecision precision)
    {
        foreach (Optimizer optimizer in new Optimizer[] { new Sgd(0.5f), new Adam(0.05f) })
        {
            using var backend = new CpuBackend(1);
            Trainer trainer = TrainingRuns.Trainer(backend, optimizer);
            var options = new SessionOptions { Weights = precision };
            Session open = trainer.Model.OpenSession(options);
            float[] y = new float[13], expected = new float[13], before = new float[13];
            open.Step(3, before);
            for (int i = 0; i < 3; i++)
            {
                trainer.Step(TrainingRuns.RandomChunk(4, 2, 13, i));
                open.Reset();
                open.Step(3, y);
                new Session(trainer.Model, options, plansSteps: false).Step(3, expected);
                Bits.Same(expected, y, $"{optimizer} after step {i}");
                Assert.NotEqual(before, y);
                y.CopyTo(before, 0);
            }
        }
    }

    /// <summary>Whoever feeds a model its own outputs may do so in one place.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void InputAndOutputMayBeTheSame(bool plans)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(4, 21), new Linear(21, 4));
        Session apart = new(model, new SessionOptions(), plans), same = new(model, new SessionOptions(), plans);
        float[] x = [1f, -2f, 0.5f, 3f], y = new float[4], both = [.. x];
        for (int t = 0; t < 5; t++)
        {
            apart.Step(x, y);
            same.Step(both, both);
            Bits.Same(y, both, $"step {t}");
            y.CopyTo(x, 0);
        }
    }

    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void StateGoesInAndOut(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
        {
            foreach (int hidden in new[] { 21, 70 }) // a register of units at a time, and streamed
                MoveState(backend, Planned[cell], hidden, precision);
        }
    }

    private static void MoveState(CpuBackend backend, CellType cell, int hidden, WeightPrecision precision)
    {
        using var model = new Sequential(backend, 1, CellLayers.Create(cell, 3, hidden)) { InferenceWeights = precision };
        Session one = model.OpenSession(), two = model.OpenSession(), fresh = model.OpenSession();
        float[] y = new float[hidden], expected = new float[hidden];
        for (int t = 0; t < 5; t++)
            one.Step([1f, -0.5f, t], y);
        DeviceBuffer h = backend.Allocate(1, hidden), c = backend.Allocate(1, hidden);
        one.Plan!.Stages[0].GetState(h, cell.HasCell ? c : null);
        backend.Read(h, expected);
        Bits.Same(expected, y, "h is the output");
        two.Step([7f, 7f, 7f], y);
        two.Plan!.Stages[0].SetState(h, cell.HasCell ? c : null);
        one.Step([0.25f, 0f, 1f], expected);
        two.Step([0.25f, 0f, 1f], y);
        Bits.Same(expected, y, "after the state was taken over");
        one.Reset();
        one.Step([0.25f, 0f, 1f], y);
        fresh.Step([0.25f, 0f, 1f], expected);
        Bits.Same(expected, y, "after a reset");
    }

    /// <summary>Weight drop is for training: in a session such a layer is as any other.</summary>
    [Fact]
    public void WeightDropHasAPlan()
    {
        using var backend = new CpuBackend(1);
        using Sequential plain = new(backend, 1, new Lstm(3, 5)), drops = new(backend, 1, new Lstm(3, 5) { WeightDrop = 0.5f });
        Session session = drops.OpenSession(), expects = plain.OpenSession();
        Assert.NotNull(session.Plan);
        float[] y = new float[5], expected = new float[5];
        for (int t = 0; t < 3; t++)
        {
            session.Step([1f, 2f, 3f], y);
            expects.Step([1f, 2f, 3f], expected);
            Bits.Same(expected, y, $"step {t}");
        }
    }

    private static void Compare(CpuBackend backend, CellType cell, int input, int hidden, int steps)
    {
        using var model = new Sequential(backend, 9, CellLayers.Create(cell, input, hidden));
        Session planned = model.OpenSession(), general = new(model, new SessionOptions(), plansSteps: false);
        var random = new Random(hidden);
        float[] x = new float[input], y = new float[hidden], expected = new float[hidden];
        for (int t = 0; t < steps; t++)
        {
            for (int i = 0; i < input; i++)
                x[i] = (random.NextSingle() * 4) - 2;
            planned.Step(x, y);
            general.Step(x, expected);
            Bits.Same(expected, y, $"{cell.Kind} {cell.Activation} {input}→{hidden} step {t} {backend.Isa}");
        }
    }
}
