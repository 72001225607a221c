using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Reduced;

/// <summary>Whole models with reduced weights: their definitions, and the same bits on every path.</summary>
public class ReducedWeightsTests
{
    private const int Steps = 5, Batch = 3;

    public static TheoryData<string> Cells => new(CellRun.Options.Select(option => option.Name).Concat(["plain lstm", "plain gru", "plain rnn"]));

    public static TheoryData<int, int> Sizes => new() { { 7, 11 }, { 1, 1 }, { 15, 16 }, { 16, 17 }, { 17, 33 }, { 33, 70 } };

    private static IEnumerable<IsaLevel> Levels => Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest);

    /// <summary>bf16 is storage: the bits are those of a float32 model whose matrices were rounded first, at every level, in windows and in steps.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void BFloat16EqualsRoundedFloat32(string cell)
    {
        foreach (IsaLevel isa in Levels)
        {
            using var backend = new CpuBackend(2, isa);
            using Sequential model = Model(backend, cell, 7, 11), rounded = Model(backend, cell, 7, 11);
            foreach (Parameter parameter in rounded.Parameters.Where(IsMatrix))
                parameter.Write(Array.ConvertAll(Values(parameter), BFloat16.Nearest));
            SequenceChunk window = Window(7);
            float[] expected = Predicted(rounded, window), plain = Predicted(model, window);
            model.InferenceWeights = WeightPrecision.BFloat16;
            Bits.Same(expected, Predicted(model, window), $"{cell}, {isa}");
            Assert.NotEqual(plain, expected);
            CompareSteps(model, window, expected);
        }
    }

    /// <summary>int8: every level, thread count, batch and step gives the bits of the scalar kernels on one thread.</summary>
    [Theory]
    [MemberData(nameof(Cells))]
    public void Int8DoesNotDependOnThePath(string cell)
    {
        SequenceChunk window = Window(7);
        float[]? expected = null;
        foreach (IsaLevel isa in Levels)
        {
            foreach (int threads in (int[])[1, 2])
            {
                using var backend = new CpuBackend(threads, isa);
                using Sequential model = Model(backend, cell, 7, 11);
                float[] plain = Predicted(model, window);
                model.InferenceWeights = WeightPrecision.Int8;
                float[] found = Predicted(model, window);
                expected ??= found;
                Bits.Same(expected, found, $"{cell}, {isa}, {threads} threads");
                Assert.NotEqual(plain, found);
                CompareSteps(model, window, expected);
            }
        }
    }

    /// <summary>Stages of steps against windows: whole panels, panels that are cut, an odd last k; nothing is read or written beyond a block.</summary>
    [Theory]
    [InlineData("plain lstm")]
    [InlineData("plain gru")]
    [InlineData("plain rnn")]
    public void StepsEqualWindowsAtEverySize(string cell)
    {
        using var guard = new GuardedBlocks();
        foreach (IsaLevel isa in Levels)
        {
            using var backend = new CpuBackend(1, isa);
            foreach ((int input, int hidden) in new[] { (1, 1), (3, 15), (15, 16), (16, 17), (17, 33), (2, 64), (5, 70), (33, 130) })
            {
                using Sequential model = Model(backend, cell, input, hidden), rounded = Model(backend, cell, input, hidden);
                foreach (Parameter parameter in rounded.Parameters.Where(IsMatrix))
                    parameter.Write(Array.ConvertAll(Values(parameter), BFloat16.Nearest));
                SequenceChunk window = Window(input);
                model.InferenceWeights = WeightPrecision.BFloat16;
                CompareSteps(model, window, Predicted(rounded, window));
                model.InferenceWeights = WeightPrecision.Int8;
                CompareSteps(model, window, Predicted(model, window));
                Assert.NotNull(model.OpenSession().Plan); // or the stages were not compared at all
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Int8LstmFollowsItsDefinition(int input, int hidden)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Lstm(input, hidden), new Linear(hidden, 5));
        float[][] p = [.. model.Parameters.Select(Values)];
        float[] bias = Sum(p[2], p[3]);
        CompareWithReference(model, input, hidden, (x, h, c) => ReducedReference.Lstm(p[0], p[1], bias, x, h, c), p[4], p[5]);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Int8GruFollowsItsDefinition(int input, int hidden)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 3, new Gru(input, hidden), new Linear(hidden, 5));
        float[][] p = [.. model.Parameters.Select(Values)];
        CompareWithReference(model, input, hidden, (x, h, _) => ReducedReference.Gru(p[0], p[1], p[2], p[3], x, h), p[4], p[5]);
    }

    /// <summary>Flags: inactive steps and resets, as lengths make them.</summary>
    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void SequencesOfSeveralLengthsGiveTheBitsOfEachAlone(WeightPrecision precision)
    {
        using var backend = new CpuBackend(2);
        using var model = new Sequential(backend, 3, new Bidirectional(new Gru(4, 19)), new Lstm(38, 21), new Linear(21, 6)) { InferenceWeights = precision };
        var random = new Random(4);
        LabelledSequence[] sequences =
        [
            .. new[] { 9, 2, 1, 5, 9 }.Select(length => new LabelledSequence(
                (float[])[.. Enumerable.Range(0, 4 * length).Select(_ => random.NextSingle() - 0.5f)], 4, new int[length])),
        ];
        var together = new float[sequences.Length][];
        model.PredictEach(sequences, atEnd: false, (index, outputs) => together[index] = outputs.ToArray());
        for (int i = 0; i < sequences.Length; i++)
            model.PredictEach([sequences[i]], atEnd: false, (_, outputs) => Bits.Same(outputs, together[i], $"sequence {i}"));
    }

    /// <summary>A session's option goes before the model's; the rows of an embedding stay what they are.</summary>
    [Fact]
    public void SessionsChooseForThemselves()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = TrainingRuns.Model(backend);
        float[] Steps(Session session)
        {
            var y = new float[13];
            for (int token = 0; token < 6; token++)
                session.Step(token, y);
            return y;
        }

        float[] plain = Steps(model.OpenSession()), half = Steps(model.OpenSession(new SessionOptions { Weights = WeightPrecision.BFloat16 }));
        float[] bytes = Steps(model.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 }));
        Assert.NotEqual(plain, half);
        Assert.NotEqual(plain, bytes);
        model.InferenceWeights = WeightPrecision.Int8;
        Session chosen = model.OpenSession(new SessionOptions { Weights = WeightPrecision.Float32 }), follows = model.OpenSession();
        Assert.Equal((WeightPrecision.Float32, WeightPrecision.Int8), (chosen.Weights, follows.Weights));
        Bits.Same(plain, Steps(chosen), "float32 asked for");
        Bits.Same(bytes, Steps(follows), "as the model says");
        foreach (Parameter parameter in model.Parameters.Where(IsMatrix))
            parameter.Write(Array.ConvertAll(Values(parameter), BFloat16.Nearest));
        Bits.Same(half, Steps(model.OpenSession(new SessionOptions { Weights = WeightPrecision.Float32 })), "rounded first, but for the embedding");
    }

    /// <summary>Weights that change while a session is open are rounded anew.</summary>
    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void SessionsFollowTheirModel(WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(3, 20), new Linear(20, 2));
        Session session = model.OpenSession(new SessionOptions { Weights = precision });
        float[] before = new float[2], after = new float[2], fresh = new float[2];
        session.Step([1f, 2f, 3f], before);
        foreach (Parameter parameter in model.Parameters)
            parameter.Write(Array.ConvertAll(Values(parameter), value => value * 1.5f));
        session.Reset();
        session.Step([1f, 2f, 3f], after);
        model.OpenSession(new SessionOptions { Weights = precision }).Step([1f, 2f, 3f], fresh);
        Assert.NotEqual(before, after);
        Bits.Same(fresh, after, "a session opened later");
    }

    [Fact]
    public void TrainingAndFilesKnowNothingOfThem()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn").FullName;
        try
        {
            byte[] Trained(WeightPrecision precision, string file)
            {
                using var backend = new CpuBackend(1);
                Trainer trainer = TrainingRuns.Trainer(backend);
                trainer.Model.InferenceWeights = precision;
                for (int i = 0; i < 3; i++)
                    trainer.Step(TrainingRuns.RandomChunk(4, 2, 13, i));
                trainer.Model.Save(Path.Combine(folder, file));
                return File.ReadAllBytes(Path.Combine(folder, file));
            }

            Assert.Equal(Trained(WeightPrecision.Float32, "a"), Trained(WeightPrecision.Int8, "b"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void BackendsWithoutThemSaySo()
    {
        using var backend = new ReferenceBackend();
        using var model = new Sequential(backend, 1, new Lstm(3, 4));
        Assert.Contains("no int8 weights", Assert.Throws<NotSupportedException>(() => model.InferenceWeights = WeightPrecision.Int8).Message, StringComparison.Ordinal);
        Assert.Contains(
            "no bf16 weights",
            Assert.Throws<NotSupportedException>(() => model.OpenSession(new SessionOptions { Weights = WeightPrecision.BFloat16 })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void StepsAllocateNothing(WeightPrecision precision)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(7, 33), new Gru(33, 70), new Linear(70, 5));
        Session session = model.OpenSession(new SessionOptions { Weights = precision });
        float[] x = new float[7], y = new float[5];
        session.Step(x, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            session.Step(x, y);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>A non-finite input makes the step's outputs NaN instead of some number.</summary>
    [Fact]
    public void WhatIsNotFiniteIsNotHidden()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(3, 20), new Linear(20, 2)) { InferenceWeights = WeightPrecision.Int8 };
        var y = new float[2];
        model.OpenSession().Step([1f, float.PositiveInfinity, 0f], y);
        Assert.All(y, value => Assert.True(float.IsNaN(value)));
    }

    private static bool IsMatrix(Parameter parameter) =>
        parameter.Name.Contains("weight_ih", StringComparison.Ordinal) || parameter.Name.Contains("weight_hh", StringComparison.Ordinal)
        || parameter.Name.Contains("weight_hr", StringComparison.Ordinal) || parameter.Name is "1.weight" or "4.weight";

    private static Sequential Model(CpuBackend backend, string cell, int input, int hidden)
    {
        RecurrentLayer layer = cell switch
        {
            "plain lstm" => new Lstm(input, hidden),
            "plain gru" => new Gru(input, hidden),
            "plain rnn" => new Rnn(input, hidden),
            _ => CellLayers.Create(CellRun.Options.Single(option => option.Name == cell).Cell, input, hidden),
        };
        return new Sequential(backend, 5, layer, new Linear(layer.OutputSize(input), 9));
    }

    private static SequenceChunk Window(int input)
    {
        var window = new SequenceChunk(Steps, Batch, input, 1);
        var random = new Random(8);
        for (int i = 0; i < window.InputValues.Length; i++)
            window.InputValues[i] = (random.NextSingle() * 3f) - 1.5f;
        return window;
    }

    private static float[] Predicted(Sequential model, SequenceChunk window)
    {
        var y = new float[window.Steps * window.Batch * model.OutputSize];
        model.Predict(window, y);
        return y;
    }

    private static void CompareSteps(Sequential model, SequenceChunk window, float[] expected)
    {
        int features = window.Features, width = model.OutputSize;
        for (int b = 0; b < window.Batch; b++)
        {
            Session session = model.OpenSession();
            var y = new float[width];
            for (int t = 0; t < window.Steps; t++)
            {
                int row = (t * window.Batch) + b;
                session.Step(window.InputValues.Slice(row * features, features), y);
                Bits.Same(expected.AsSpan(row * width, width), y, $"sample {b}, step {t}");
            }
        }
    }

    private static void CompareWithReference(
        Sequential model, int input, int hidden, Action<float[], float[], float[]> step, float[] head, float[] headBias)
    {
        model.InferenceWeights = WeightPrecision.Int8;
        Session session = model.OpenSession();
        var random = new Random(6);
        float[] h = new float[hidden], c = new float[hidden], y = new float[headBias.Length];
        for (int t = 0; t < 6; t++)
        {
            float[] x = [.. Enumerable.Range(0, input).Select(_ => (random.NextSingle() * 4f) - 2f)];
            session.Step(x, y);
            step(x, h, c);
            Bits.Same(ReducedReference.Product(headBias, head, h), y, $"step {t}");
        }
    }

    private static float[] Sum(float[] a, float[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static float[] Values(Parameter parameter)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        return values;
    }
}
