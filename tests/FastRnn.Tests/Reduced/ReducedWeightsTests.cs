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

    internal static bool IsMatrix(Parameter parameter) =>
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

    internal static float[] Values(Parameter parameter)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        return values;
    }
}
