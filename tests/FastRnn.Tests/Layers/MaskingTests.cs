using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.OpenCL;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Layers;

/// <summary>Steps that data masks: states stay, outputs repeat, wherever the masked steps stand, in windows and in sessions.</summary>
[Collection(AllocatedBytes.Alone)]
public sealed class MaskingTests(OpenClFixture fixture) : FileTest("masked.safetensors"), IClassFixture<OpenClFixture>
{
    private const int Steps = 6, Batch = 3, Width = 2;
    private const float Value = -1.5f;

    /// <summary>By sample, which steps count: gaps and both ends, all, none.</summary>
    private static readonly bool[][] _counts =
    [
        [false, true, true, false, true, false], [true, true, true, true, true, true], [false, false, false, false, false, false],
    ];

    public static TheoryData<string> Backends => new(["reference", .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    /// <summary>A stack behind the mask gives what the steps that count give alone, at every step the last of them, and zeros before.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void OutputsRepeatAndStatesStay(string name)
    {
        using Backend backend = name == "reference" ? new ReferenceBackend() : new CpuBackend(1, Isa.Parse(name));
        CheckStack(backend);
    }

    /// <summary>What repeats its outputs has no others: none are made room for, or written.</summary>
    [Fact]
    public void NoOtherOutputsAreWritten()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 7, new Masking(Width, Value), new Lstm(Width, 5), new Linear(5, 3));
        SequentialWorkspace workspace = model.CreateWorkspace(Steps, Batch, Keep.Nothing);
        DeviceBuffer input = backend.Allocate(Steps * Batch, Width);
        model.Forward(workspace, new LayerInput(input), null, new PassContext(null, false, 1, 0, false));
        Assert.Null(((RecurrentWorkspace)workspace.Layers[1]).States.MaskedOutput);
    }

    [OpenClFact]
    public void OutputsRepeatOnOpenCl() => CheckStack(fixture.Backend);

    private static void CheckStack(Backend backend)
    {
        foreach (Func<int, int, RecurrentLayer> cell in (Func<int, int, RecurrentLayer>[])[(i, h) => new Lstm(i, h), (i, h) => new Gru(i, h), (i, h) => new Rnn(i, h)])
        {
            using var masked = new Sequential(backend, 7, new Masking(Width, Value), cell(Width, 5), cell(5, 4), new Linear(4, 3));
            using var bare = new Sequential(backend, 7, cell(Width, 5), cell(5, 4), new Linear(4, 3));
            for (int i = 0; i < bare.Parameters.Count; i++)
                bare.Parameters[i].Write(Read(masked.Parameters[i]));
            float[] y = Predict(masked, Window());
            float[] bias = Read(masked.Parameters[^1]);
            for (int b = 0; b < Batch; b++)
            {
                int[] counting = [.. Enumerable.Range(0, Steps).Where(t => _counts[b][t])];
                float[] alone = counting.Length == 0 ? [] : Predict(bare, Alone(b, counting));
                for (int t = 0, seen = 0; t < Steps; t++)
                {
                    seen += _counts[b][t] ? 1 : 0;
                    ReadOnlySpan<float> expected = seen == 0 ? bias : alone.AsSpan((seen - 1) * 3, 3);
                    Bits.Same(expected, y.AsSpan(((t * Batch) + b) * 3, 3), $"sample {b} step {t}");
                }
            }
        }
    }

    /// <summary>A session's steps, alone and as streams, some of them at a time, have the window's bits, and go on over the ends of calls.</summary>
    [Fact]
    public void SessionsMask()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 7, new Masking(Width, Value), new Lstm(Width, 5), new LayerNormalization(5), new Gru(5, 4), new Linear(4, 3));
        SequenceChunk window = Window();
        float[] expected = Predict(model, window), y = new float[3], all = new float[Batch * 3];
        using Session many = model.OpenSession(new SessionOptions { Streams = Batch });
        for (int t = 0; t < Steps; t++)
        {
            many.StepBatch(window.InputValues.Slice(t * Batch * Width, Batch * Width), all);
            Bits.Same(expected.AsSpan(t * Batch * 3, Batch * 3), all, $"streams, step {t}");
        }
        for (int b = 0; b < Batch; b++)
        {
            using Session session = model.OpenSession();
            for (int t = 0; t < Steps; t++)
            {
                session.Step(window.InputValues.Slice(((t * Batch) + b) * Width, Width), y);
                Bits.Same(expected.AsSpan(((t * Batch) + b) * 3, 3), y, $"sample {b} step {t}");
            }
        }
        using Session warm = model.OpenSession();
        AllocatedBytes.None(() =>
        {
            for (int t = 0; t < Steps; t++)
                warm.Step(window.InputValues.Slice(t * Batch * Width, Width), y);
        });
    }

    /// <summary>Both directions: zeros at masked steps; one answer stands at the last step that counts and behind it.</summary>
    [Fact]
    public void BothDirectionsPassMaskedStepsOver()
    {
        using var backend = new CpuBackend(1);
        foreach (bool last in new[] { false, true })
        {
            using var masked = new Sequential(backend, 7, new Masking(Width, Value), new Bidirectional(new Lstm(Width, 5), lastStep: last));
            using var bare = new Sequential(backend, 7, new Bidirectional(new Lstm(Width, 5), lastStep: last));
            for (int i = 0; i < bare.Parameters.Count; i++)
                bare.Parameters[i].Write(Read(masked.Parameters[i]));
            float[] y = Predict(masked, Window());
            for (int b = 0; b < Batch; b++)
            {
                int[] counting = [.. Enumerable.Range(0, Steps).Where(t => _counts[b][t])];
                float[] alone = counting.Length == 0 ? [] : Predict(bare, Alone(b, counting));
                for (int t = 0; t < Steps; t++)
                {
                    int place = last ? (counting.Length > 0 && t >= counting[^1] ? counting.Length - 1 : -1) : Array.IndexOf(counting, t);
                    ReadOnlySpan<float> expected = place < 0 ? new float[10] : alone.AsSpan(place * 10, 10);
                    Bits.Same(expected, y.AsSpan(((t * Batch) + b) * 10, 10), $"last={last} sample {b} step {t}");
                }
            }
        }
    }

    [Fact]
    public void IsSavedAndReadBack()
    {
        using var model = new Sequential(_backend, 7, new Masking(Width, Value), new Rnn(Width, 5), new Linear(5, 3));
        model.Save(Target);
        (Sequential loaded, ModelInfo info) = ModelFile.Load(Target, _backend);
        using (loaded)
        {
            Assert.Equal("masking(size 2, value -1.5)", info.Layers[0].ToString());
            Assert.Equal("Masking(2, -1.5)", loaded.Layers[0].ToString());
            Bits.Same(Predict(model, Window()), Predict(loaded, Window()), "outputs");
        }
    }

    [Fact]
    public void TrainingIsRefused()
    {
        using var model = new Sequential(_backend, 7, new Linear(3, 2), new Masking(Width), new Rnn(Width, 5));
        string message = Assert.Throws<NotSupportedException>(() => new Trainer(model, new MeanSquaredError(), new Sgd(0.1f))).Message;
        Assert.StartsWith("Masking(2, 0) finds the steps that count in the data, which is for inference", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Residual(new Masking(2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Masking(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Masking(1, float.NaN));
    }

    /// <summary>A step of which only some features have the value counts.</summary>
    private static SequenceChunk Window()
    {
        var window = new SequenceChunk(Steps, Batch, Width, 1);
        for (int i = 0; i < window.InputValues.Length; i++)
        {
            (int t, int b, int f) = (i / (Batch * Width), i / Width % Batch, i % Width);
            window.InputValues[i] = !_counts[b][t] || (t == 2 && f == 0) ? Value : MathF.Sin(i + 1);
        }
        return window;
    }

    /// <summary>The steps of a sample that count.</summary>
    private static SequenceChunk Alone(int b, int[] steps)
    {
        SequenceChunk window = Window();
        var alone = new SequenceChunk(steps.Length, 1, Width, 1);
        for (int i = 0; i < steps.Length; i++)
            window.InputValues.Slice(((steps[i] * Batch) + b) * Width, Width).CopyTo(alone.InputValues[(i * Width)..]);
        return alone;
    }

    private static float[] Predict(Sequential model, SequenceChunk window)
    {
        var outputs = new float[window.Steps * window.Batch * model.OutputSize];
        model.Predict(window, outputs);
        return outputs;
    }

    private static float[] Read(Parameter parameter)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        return values;
    }
}
