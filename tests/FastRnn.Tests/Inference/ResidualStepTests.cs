using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>Stages with their input beside them: the bits of windows of one step, however steps come.</summary>
public class ResidualStepTests
{
    private const int Steps = 70, Streams = 5;

    private static readonly (string Name, Func<int, int, Layer> Create)[] _inner =
    [
        ("lstm", (i, h) => new Lstm(i, h)), ("gru", (i, h) => new Gru(i, h)), ("rnn", (i, h) => new Rnn(i, h)), ("linear", (i, h) => new Linear(i, h)),
    ];

    public static TheoryData<string, WeightPrecision, IsaLevel> Cases
    {
        get
        {
            var data = new TheoryData<string, WeightPrecision, IsaLevel>();
            foreach ((string name, _) in _inner)
            {
                foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
                {
                    foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
                        data.Add(name, precision, isa);
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EveryWayHasTheBitsOfTheLayer(string inner, WeightPrecision precision, IsaLevel isa)
    {
        Func<int, int, Layer> create = _inner.Single(known => known.Name == inner).Create;
        using var backend = new CpuBackend(1, isa);
        foreach ((int input, int hidden) in new[] { (1, 40), (3, 17), (19, 3), (150, 130) })
            Compare(backend, precision, () => new Residual(create(input, hidden), besides: true), () => new Linear(input + hidden, 2));
        foreach (int width in new[] { 1, 8, 21, 130 })
            Compare(backend, precision, () => new Residual(create(width, width)), () => new Linear(width, 2));
    }

    /// <summary>First, last, behind each other, and round layers that do nothing in inference or have parameters of other kinds.</summary>
    [Fact]
    public void AnywhereInAModel()
    {
        using var backend = new CpuBackend(1);
        Compare(backend, WeightPrecision.Float32, () => new Residual(new Lstm(5, 5)), () => new Residual(new Gru(5, 9), besides: true));
        Compare(
            backend, WeightPrecision.Float32, () => new Linear(3, 6), () => new Residual(new Dropout(0.5f)), () => new Residual(Activation.Silu()),
            () => new Residual(new LayerNormalization(6)), () => new Residual(new Linear(6, 4), besides: true), () => new Residual(new Softmax()));
    }

    [Fact]
    public void NothingIsReadOrWrittenBehindABlock()
    {
        using var guard = new GuardedBlocks();
        using var backend = new CpuBackend(1);
        Compare(backend, WeightPrecision.Float32, () => new Residual(new Lstm(16, 16)), () => new Residual(new Gru(16, 16), besides: true));
        Compare(backend, WeightPrecision.Float32, () => new Residual(new Lstm(1, 31), besides: true), () => new Linear(32, 1));
    }

    private static void Compare(CpuBackend backend, WeightPrecision precision, params Func<Layer>[] layers)
    {
        using Sequential model = new(backend, 9, [.. layers.Select(create => create())]), other = new(backend, 8, [.. layers.Select(create => create())]);
        var options = new SessionOptions { Weights = precision };
        using Session stepped = model.OpenSession(options), blocks = model.OpenSession(options), windows = new(model, options, plansSteps: false);
        Assert.NotNull(stepped.Plan);
        int input = model.InputSize, output = model.OutputSize;
        float[] x = SessionCells.Values(Steps * input, 4), expected = new float[Steps * output], y = new float[expected.Length];
        windows.Process(x, expected);
        for (int t = 0; t < Steps; t++)
            stepped.Step(x.AsSpan(t * input, input), y.AsSpan(t * output, output));
        Bits.Same(expected, y, $"{model.LayerText} steps");
        blocks.Process(x, y);
        Bits.Same(expected, y, $"{model.LayerText} block");

        var state = new byte[windows.StateSize];
        windows.SaveState(state);
        stepped.LoadState(state);
        model.Replace(other.Snapshot());
        windows.Process(x, expected);
        stepped.Process(x, y);
        Bits.Same(expected, y, $"{model.LayerText} other weights");
        stepped.Reset();
        windows.Reset();
        windows.Process(x, expected);
        stepped.Process(x, y);
        Bits.Same(expected, y, $"{model.LayerText} reset");
        CompareStreams(model, other.Snapshot(), precision);
    }

    private static void CompareStreams(Sequential model, WeightSet otherWeights, WeightPrecision precision)
    {
        using Session batch = model.OpenSession(new SessionOptions { Weights = precision, Streams = Streams });
        Session[] alone = [.. Enumerable.Range(0, Streams).Select(_ => new Session(model, new SessionOptions { Weights = precision }, plansSteps: false))];
        int input = model.InputSize, output = model.OutputSize;
        foreach (int[] streams in new int[][] { [0, 1, 2, 3, 4], [3, 1], [0, 1, 2, 3, 4], [4] })
        {
            if (streams is [4])
            {
                model.Replace(otherWeights); // while both run
                batch.Reset(4);
                alone[4].Reset();
            }
            float[] x = SessionCells.Values(streams.Length * input, streams.Length), y = new float[streams.Length * output], expected = new float[y.Length];
            if (streams.Length == Streams)
                batch.StepBatch(x, y);
            else
                batch.StepBatch(streams, x, y);
            for (int i = 0; i < streams.Length; i++)
                alone[streams[i]].Step(x.AsSpan(i * input, input), expected.AsSpan(i * output, output));
            Bits.Same(expected, y, $"{model.LayerText} streams {string.Join(' ', streams)}");
        }
        using Session copy = batch.Clone();
        float[] next = SessionCells.Values(Streams * input, 1), first = new float[Streams * output], second = new float[first.Length];
        batch.StepBatch(next, first);
        copy.StepBatch(next, second);
        Bits.Same(first, second, "clone");
        foreach (Session one in alone)
            one.Dispose();
    }
}
