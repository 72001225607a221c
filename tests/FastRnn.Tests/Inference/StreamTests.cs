using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Inference;

/// <summary>Many streams and blocks of steps: the bits of one stream alone, step by step.</summary>
public class StreamTests
{
    private const int Input = 7, Output = 5;

    public static TheoryData<string, WeightPrecision> Cells => SessionCells.WithPrecisions;

    /// <summary>A chunk of the batched step is 64 rows, or 192: sizes on both sides of one.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void BatchesHaveTheBitsOfEachStreamAlone(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        foreach ((int streams, int hidden) in new[] { (3, 11), (1, 16), (17, 33), (70, 17) })
        {
            using Sequential model = SessionCells.Model(backend, cell, Input, hidden, Output);
            using Session batch = Open(model, precision, streams);
            Session[] alone = [.. Enumerable.Range(0, streams).Select(_ => Open(model, precision, 1))];
            for (int t = 0; t < 5; t++)
            {
                float[] x = SessionCells.Values(streams * Input, t), y = new float[streams * Output];
                batch.StepBatch(x, y);
                Compare(alone, [.. Enumerable.Range(0, streams)], x, y, $"{cell} {precision} {streams} streams, step {t}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void SomeStreamsLeaveTheOthersWhereTheyAre(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        const int streams = 9;
        using Sequential model = SessionCells.Model(backend, cell, Input, 19, Output);
        using Session batch = Open(model, precision, streams);
        Session[] alone = [.. Enumerable.Range(0, streams).Select(_ => Open(model, precision, 1))];
        int[][] calls = [[3], [8, 0, 5], [1, 2, 3, 4, 5, 6, 7, 8, 0], [7, 6], [], [0, 3]];
        for (int t = 0; t < calls.Length; t++)
        {
            int[] some = calls[t];
            float[] x = SessionCells.Values(some.Length * Input, t), y = new float[some.Length * Output];
            batch.StepBatch(some, x, y);
            Compare(alone, some, x, y, $"{cell} {precision} call {t}");
        }
        float[] all = SessionCells.Values(streams * Input, 99), outputs = new float[streams * Output];
        batch.StepBatch(all, outputs);
        Compare(alone, [.. Enumerable.Range(0, streams)], all, outputs, "all after some");
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void BlocksHaveTheBitsOfSteps(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        foreach ((int hidden, int steps) in new[] { (21, 5), (40, 70), (130, 37) })
        {
            using Sequential model = SessionCells.Model(backend, cell, Input, hidden, Output);
            using Session block = Open(model, precision, 1), single = Open(model, precision, 1);
            for (int part = 0; part < 3; part++)
            {
                float[] xs = SessionCells.Values(steps * Input, part), ys = new float[steps * Output], expected = new float[steps * Output];
                block.Process(xs, ys);
                for (int t = 0; t < steps; t++)
                    single.Step(xs.AsSpan(t * Input, Input), expected.AsSpan(t * Output, Output));
                Bits.Same(expected, ys, $"{cell} {precision} {hidden}, block {part}");
                block.Step(xs.AsSpan(0, Input), ys.AsSpan(0, Output)); // and on, step by step
                single.Step(xs.AsSpan(0, Input), expected.AsSpan(0, Output));
                Bits.Same(expected.AsSpan(0, Output), ys.AsSpan(0, Output), "a step after a block");
            }
        }
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 40)]
    public void BlocksOfManyStreamsAreTimeMajor(int threads, int streams)
    {
        using var backend = new CpuBackend(1);
        using Sequential model = SessionCells.Model(backend, "gru", Input, 24, Output);
        var options = new SessionOptions { Streams = streams, Threads = threads };
        using Session block = model.OpenSession(options), steps = model.OpenSession(options with { Threads = 1 });
        const int count = 6;
        int inputs = streams * Input, outputs = streams * Output;
        float[] xs = SessionCells.Values(count * inputs, 1), ys = new float[count * outputs], expected = new float[count * outputs];
        block.Process(xs, ys);
        for (int t = 0; t < count; t++)
            steps.StepBatch(xs.AsSpan(t * inputs, inputs), expected.AsSpan(t * outputs, outputs));
        Bits.Same(expected, ys, "block");
    }

    [Fact]
    public void TokensInBatchesAndBlocks()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(
            backend, 1, new Embedding(11, 6), new Dropout(0.5f), new Gru(6, 17), Activation.Silu(), new LayerNormalization(17), Activation.Elu(0.5f),
            new Rnn(17, 9, CellActivation.Sigmoid), new LogSoftmax(), new Softmax());
        using Session batch = Open(model, WeightPrecision.Float32, 4), block = Open(model, WeightPrecision.Float32, 1);
        Session[] alone = [.. Enumerable.Range(0, 4).Select(_ => Open(model, WeightPrecision.Float32, 1))];
        float[] y = new float[4 * 9], expected = new float[4 * 9], row = new float[9];
        for (int t = 0; t < 6; t++)
        {
            int[] tokens = [t, (t * 3) % 11, 10, 0], some = [2, 0];
            batch.StepBatch(tokens, y);
            for (int s = 0; s < 4; s++)
                alone[s].Step(tokens[s], expected.AsSpan(s * 9, 9));
            Bits.Same(expected, y, $"step {t}");
            batch.StepBatch(some, [5, 6], y.AsSpan(0, 18));
            for (int s = 0; s < 2; s++)
                alone[some[s]].Step(5 + s, expected.AsSpan(s * 9, 9));
            Bits.Same(expected.AsSpan(0, 18), y.AsSpan(0, 18), $"two in step {t}");
        }
        block.Process([1, 2, 3, 4], y);
        using Session single = Open(model, WeightPrecision.Float32, 1);
        for (int t = 0; t < 4; t++)
        {
            single.Step(t + 1, row);
            Bits.Same(row, y.AsSpan(t * 9, 9), $"block, step {t}");
        }
    }

    /// <summary>What is not a number stays in the stream that it came into, whatever computes.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void NotANumberStaysInItsStream(string cell, WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        const int streams = 5, sick = 2;
        using Sequential model = SessionCells.Model(backend, cell, Input, 20, Output);
        using Session batch = Open(model, precision, streams), healthy = Open(model, precision, streams);
        float[] y = new float[streams * Output], expected = new float[streams * Output];
        for (int t = 0; t < 4; t++)
        {
            float[] x = SessionCells.Values(streams * Input, t);
            healthy.StepBatch(x, expected);
            if (t == 1)
                x[(sick * Input) + 3] = float.NaN;
            batch.StepBatch(x, y);
            for (int s = 0; s < streams; s++)
            {
                Assert.Equal(s != sick || t < 1, batch.IsStreamFinite(s));
                if (s != sick)
                    Bits.Same(expected.AsSpan(s * Output, Output), y.AsSpan(s * Output, Output), $"stream {s}, step {t}");
                else if (t >= 1)
                    Assert.Contains(y.AsSpan(s * Output, Output).ToArray(), float.IsNaN);
            }
            Assert.Equal(t < 1, batch.IsFinite);
        }
        batch.Reset(sick);
        healthy.Reset(sick);
        Assert.True(batch.IsFinite);
        float[] after = SessionCells.Values(streams * Input, 50);
        batch.StepBatch(after, y);
        healthy.StepBatch(after, expected);
        Bits.Same(expected, y, "after the reset");
    }

    private static Session Open(Sequential model, WeightPrecision precision, int streams) =>
        model.OpenSession(new SessionOptions { Weights = precision, Streams = streams });

    private static void Compare(Session[] alone, int[] streams, float[] x, float[] y, string what)
    {
        var expected = new float[Output];
        for (int row = 0; row < streams.Length; row++)
        {
            alone[streams[row]].Step(x.AsSpan(row * Input, Input), expected);
            Bits.Same(expected, y.AsSpan(row * Output, Output), $"{what}, stream {streams[row]}");
        }
    }
}
