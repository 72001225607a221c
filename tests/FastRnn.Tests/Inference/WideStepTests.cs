using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>Steps of layers whose weights are streamed: the bits of the general path, near the double reference, nothing read beside a block.</summary>
public class WideStepTests
{
    private static readonly CellType[] Cells =
    [
        CellType.Lstm, CellType.Gru, CellType.Rnn(), CellType.Rnn(CellActivation.Relu), CellType.Rnn(CellActivation.Sigmoid), CellType.Rnn(CellActivation.Identity),
    ];

    /// <summary>Whole panels and pairs of them, odd blocks, units that do not fill one, depths with every rest of four.</summary>
    private static readonly (int Input, int Hidden)[] Shapes =
        [(1, 65), (7, 80), (16, 96), (17, 97), (33, 113), (5, 128), (2, 129), (3, 143), (64, 144), (15, 161), (9, 176), (8, 193), (11, 211), (4, 257)];

    public static TheoryData<int, IsaLevel> CellsAndLevels
    {
        get
        {
            var data = new TheoryData<int, IsaLevel>();
            for (int cell = 0; cell < Cells.Length; cell++)
            {
                foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
                    data.Add(cell, isa);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void StepsHaveTheBitsOfTheLayer(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        foreach ((int input, int hidden) in Shapes)
        {
            using var model = new Sequential(backend, 9, CellLayers.Create(Cells[cell], input, hidden));
            Session planned = model.OpenSession(), general = new(model, new SessionOptions(), plansSteps: false);
            Assert.IsType<WideStage>(planned.Plan!.Stages[0]);
            var random = new Random(hidden);
            float[] y = new float[hidden], expected = new float[hidden];
            for (int t = 0; t < 5; t++) // forwards and backwards over the units
            {
                float[] x = Input(random, input);
                planned.Step(x, y);
                general.Step(x, expected);
                Bits.Same(expected, y, $"{Cells[cell].Kind} {input}→{hidden} step {t} {isa}");
            }
        }
    }

    /// <summary>Against plain loops in double: the general path could be wrong in the same way.</summary>
    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void StepsAreNearTheReference(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        using var reference = new ReferenceBackend();
        foreach ((int input, int hidden) in new[] { (7, 80), (17, 97), (3, 143) })
        {
            using var model = new Sequential(backend, 9, CellLayers.Create(Cells[cell], input, hidden));
            using var exact = new Sequential(reference, 9, CellLayers.Create(Cells[cell], input, hidden));
            Session session = model.OpenSession(), plain = exact.OpenSession();
            var random = new Random(3);
            float[] y = new float[hidden], expected = new float[hidden];
            for (int t = 0; t < 4; t++)
            {
                float[] x = Input(random, input);
                session.Step(x, y);
                plain.Step(x, expected);
                for (int u = 0; u < hidden; u++)
                    Assert.True(Math.Abs(y[u] - expected[u]) <= 2e-6 * Math.Max(1, Math.Abs(expected[u])), $"{isa} {input}→{hidden} step {t} unit {u}: {y[u]} for {expected[u]}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public unsafe void NothingIsReadOrWrittenBesideABlock(int cell, IsaLevel isa)
    {
        using var guard = new GuardedBlocks();
        using var backend = new CpuBackend(1, isa);
        foreach ((int input, int hidden) in new[] { (1, 65), (17, 97), (5, 128), (3, 143) })
        {
            using var model = new Sequential(backend, 5, CellLayers.Create(Cells[cell], input, hidden));
            Session session = model.OpenSession();
            using var memory = new Memory.AlignedBuffer(16 * ((input + 15) / 16));
            Span<float> x = new(memory.Pointer + memory.Length - input, input);
            x.Fill(0.25f);
            var y = new float[hidden];
            for (int t = 0; t < 3; t++)
                session.Step(x, y);
            Assert.All(y, value => Assert.True(float.IsFinite(value)));
        }
    }

    private static float[] Input(Random random, int width)
    {
        var x = new float[width];
        for (int i = 0; i < width; i++)
            x[i] = (random.NextSingle() * 4) - 2;
        return x;
    }
}
