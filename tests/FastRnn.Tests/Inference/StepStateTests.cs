using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>States at the ends of the range: decayed to nothing, saturated, not a number.</summary>
public class StepStateTests
{
    private static readonly CellType[] Cells = [CellType.Lstm, CellType.Gru, CellType.Rnn()];

    private static IEnumerable<IsaLevel> Levels => Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest);

    public static TheoryData<int, IsaLevel> CellsAndLevels
    {
        get
        {
            var data = new TheoryData<int, IsaLevel>();
            for (int cell = 0; cell < Cells.Length; cell++)
            {
                foreach (IsaLevel isa in Levels)
                    data.Add(cell, isa);
            }
            return data;
        }
    }

    /// <summary>After an impulse and 10⁵ steps of silence no bit of a state is that of a subnormal number, and on the way none was.</summary>
    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void DecayedStatesAreNeverSubnormal(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        foreach (int hidden in isa == IsaLevel.Scalar ? new[] { 3 } : [8, 16, 32, 40])
        {
            using Sequential model = Quiet(backend, Cells[cell], hidden);
            Session session = model.OpenSession();
            float[] y = new float[hidden], c = new float[hidden];
            DeviceBuffer h = backend.Allocate(1, hidden), cellState = backend.Allocate(1, hidden);
            session.Step([1f], y);
            Assert.Contains(y, value => value != 0);
            bool passedTheLimit = false;
            for (int t = 0; t < 100_000; t++)
            {
                session.Step([0f], y);
                if (t > 3000)
                    continue;
                session.Plan!.Stages[0].GetState(h, Cells[cell].HasCell ? cellState : null);
                backend.Read(cellState, c);
                foreach (float value in y.Concat(c))
                {
                    Assert.True(value == 0 || MathF.Abs(value) >= 7.888609e-31f, $"step {t}: {value:R}");
                    Assert.False(value == 0 && float.IsNegative(value), $"step {t}: −0");
                }
                passedTheLimit |= y.All(value => value == 0);
            }
            Assert.True(passedTheLimit, $"{Cells[cell].Kind} {hidden} never decayed to nothing: the test tests nothing");
            Assert.All(y, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));
        }
    }

    /// <summary>Gates far beyond where sigmoid underflows and tanh is 1.</summary>
    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void SaturatedGatesHaveTheBitsOfTheLayer(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        foreach (int hidden in new[] { 5, 8, 13, 16, 29, 32, 40, 64 })
        {
            using var model = new Sequential(backend, 3, CellLayers.Create(Cells[cell], 2, hidden));
            foreach (Parameter parameter in model.Parameters)
                Change(parameter, value => value * 40);
            Session planned = model.OpenSession(), general = new(model, new SessionOptions(), plansSteps: false);
            var random = new Random(hidden);
            float[] y = new float[hidden], expected = new float[hidden];
            for (int t = 0; t < 40; t++)
            {
                float[] x = [random.Next(-60, 60), random.NextSingle() / 50];
                planned.Step(x, y);
                general.Step(x, expected);
                Bits.Same(expected, y, $"{Cells[cell].Kind} {hidden} {isa} step {t}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(CellsAndLevels))]
    public void NotANumberPassesAndInfinityDoesNot(int cell, IsaLevel isa)
    {
        using var backend = new CpuBackend(1, isa);
        foreach (int hidden in new[] { 5, 13, 29, 40 })
        {
            using var model = new Sequential(backend, 3, CellLayers.Create(Cells[cell], 1, hidden));
            Session session = model.OpenSession();
            var y = new float[hidden];
            foreach (float x in new[] { float.PositiveInfinity, float.NegativeInfinity, float.MaxValue })
            {
                session.Reset();
                session.Step([x], y);
                Assert.All(y, value => Assert.InRange(value, -1f, 1f));
            }
            session.Step([float.NaN], y);
            Assert.All(y, value => Assert.True(float.IsNaN(value)));
        }
    }

    /// <summary>A model without biases, whose small recurrent weights let a state decay.</summary>
    private static Sequential Quiet(CpuBackend backend, CellType cell, int hidden)
    {
        var model = new Sequential(backend, 7, CellLayers.Create(cell, 1, hidden));
        foreach (Parameter parameter in model.Parameters)
            Change(parameter, value => parameter.Name.Contains("bias", StringComparison.Ordinal) ? 0f : value * 0.7f);
        return model;
    }

    private static void Change(Parameter parameter, Func<float, float> change)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        for (int i = 0; i < values.Length; i++)
            values[i] = change(values[i]);
        parameter.Write(values);
    }
}
