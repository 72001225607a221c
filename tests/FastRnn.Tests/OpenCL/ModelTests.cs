using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.OpenCL;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Models on OpenCL as programs use them: files, sessions, predictions, other weights; and what only the CPU's back end can do.</summary>
public sealed class ModelTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-opencl-").FullName;

    private string FileName => Path.Combine(_folder, "m.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [OpenClFact]
    public void FilesGoFromOneBackEndToTheOther()
    {
        using var cpu = new CpuBackend(1);
        using Sequential made = Model(fixture.Backend, seed: 3);
        made.Save(FileName);
        byte[] written = File.ReadAllBytes(FileName);
        using Sequential onCpu = ModelFile.Load(FileName, cpu).Model, back = ModelFile.Load(FileName, fixture.Backend).Model;
        Assert.Equal(fixture.Backend, back.Backend);
        for (int i = 0; i < made.Parameters.Count; i++)
        {
            Assert.Equal(Values(made.Parameters[i]), Values(onCpu.Parameters[i]));
            Assert.Equal(Values(made.Parameters[i]), Values(back.Parameters[i]));
        }
        if (!fixture.Backend.Device.IsExact)
            return;
        onCpu.Save(FileName);
        Assert.Equal(written, File.ReadAllBytes(FileName)); // with the probe's outputs
    }

    [OpenClFact]
    public void TrainingGoesOnOnTheOtherBackEnd()
    {
        Trainer whole = TrainingRuns.Trainer(fixture.Backend, new Adam(0.01f), dropout: 0.2f), half = TrainingRuns.Trainer(fixture.Backend, new Adam(0.01f), dropout: 0.2f);
        Steps(whole, 0, 12);
        Steps(half, 0, 7);
        CheckpointFile.Save(half, new ModelInfo { Task = "none" }, new RunState { Options = new Dictionary<string, string>() }, FileName);
        using var cpu = new CpuBackend(1);
        Checkpoint checkpoint = CheckpointFile.Load(FileName, cpu);
        var rest = new Trainer(checkpoint.Model, Loss.CrossEntropy, new Adam(0.01f));
        checkpoint.Restore(rest);
        Steps(rest, 7, 12);
        foreach (((string name, float[] values), (_, float[] others)) in TrainingRuns.Everything(whole).Zip(TrainingRuns.Everything(rest)))
            Near(values, others, name);

        static void Steps(Trainer trainer, int first, int end)
        {
            for (int i = first; i < end; i++)
                trainer.Step(TrainingRuns.RandomChunk(6, 4, 13, seed: i));
        }
    }

    [OpenClFact]
    public void PredictionsAndSessionsAreThoseOfTheCpu()
    {
        using var cpu = new CpuBackend(1);
        using Sequential expected = Model(cpu, seed: 3), model = Model(fixture.Backend, seed: 3);
        var window = new SequenceChunk(9, 1, 5, 4);
        SessionCells.Values(45, seed: 1).CopyTo(window.InputValues);
        float[] whole = new float[36], steps = new float[36], truth = new float[36];
        expected.Predict(window, truth);
        model.Predict(window, whole);
        Near(truth, whole, "prediction");
        using Session session = model.OpenSession(), other = model.OpenSession();
        for (int t = 0; t < 9; t++)
        {
            other.Step(SessionCells.Values(5, seed: 50 + t), new float[4]); // sessions in turn do not see each other
            session.Step(window.InputValues.Slice(t * 5, 5), steps.AsSpan(t * 4, 4));
        }
        Assert.Equal(whole, steps);
        session.Reset();
        session.Process(window.InputValues, steps);
        Assert.Equal(whole, steps);
        byte[] state = new byte[session.StateSize];
        session.SaveState(state);
        float[] next = new float[4], again = new float[4];
        session.Step(window.InputValues[..5], next);
        session.LoadState(state);
        session.Step(window.InputValues[..5], again);
        Assert.Equal(next, again);
    }

    [OpenClFact]
    public void SessionsOfManyStreamsAndOtherWeightsWork()
    {
        using Sequential model = Model(fixture.Backend, seed: 3), better = Model(fixture.Backend, seed: 4);
        using Session three = model.OpenSession(new SessionOptions { Streams = 3 }), one = model.OpenSession();
        float[] x = SessionCells.Values(15, seed: 1), y = new float[12], alone = new float[4];
        foreach (Sequential weights in (Sequential[])[model, better])
        {
            model.Replace(weights.Snapshot());
            three.Reset();
            three.StepBatch(x, y);
            three.StepBatch([1], x.AsSpan(0, 5), y.AsSpan(0, 4));
            one.Reset();
            one.Step(x.AsSpan(5, 5), alone);
            one.Step(x.AsSpan(0, 5), alone);
            Assert.Equal(alone, y[..4]);
        }
    }

    [OpenClFact]
    public void WhatOnlyTheCpuDoesIsRefusedByName()
    {
        using Sequential model = Model(fixture.Backend, seed: 3);
        string name = fixture.Backend.Name;
        Assert.Contains($"{name}: no bf16 weights", Assert.Throws<NotSupportedException>(() => model.InferenceWeights = WeightPrecision.BFloat16).Message, StringComparison.Ordinal);
        Assert.Contains($"{name}: no int8 weights", Assert.Throws<NotSupportedException>(() => model.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 })).Message, StringComparison.Ordinal);
        var trainer = new Trainer(model, new MeanSquaredError(), new Sgd(0.1f));
        var window = new SequenceChunk(3, 2, 5, 4);
        Assert.Contains("no bf16 weights", Assert.Throws<NotSupportedException>(() => trainer.CompareWeights([window], WeightPrecision.BFloat16)).Message, StringComparison.Ordinal);
        Assert.Contains($"{name} does not count its memory", Assert.Throws<NotSupportedException>(() => trainer.EstimateMemory(3, 2)).Message, StringComparison.Ordinal);
        trainer.MemoryLimit = 1 << 20;
        Assert.Contains("does not count its memory", Assert.Throws<NotSupportedException>(() => trainer.Step(window)).Message, StringComparison.Ordinal);
        trainer.MemoryLimit = 0;
        Assert.Equal(6, trainer.Step(window).Tokens); // nothing was harmed
    }

    [OpenClFact]
    public void ArraysOfAnotherBackEndAreRefused()
    {
        using var other = new OpenClBackend();
        using Sequential model = Model(fixture.Backend, seed: 3);
        using Sequential elsewhere = Model(other, seed: 3);
        Assert.Throws<ArgumentException>(() => fixture.Backend.Copy(elsewhere.Parameters[0].Value, model.Parameters[0].Value));
        model.Replace(elsewhere.Snapshot()); // goes by way of the host
        using Session session = model.OpenSession();
        session.Step(new float[5], new float[4]);
    }

    private void Near(float[] expected, float[] actual, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            bool isSame = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]);
            if (!isSame && (fixture.Backend.Device.IsExact || !(Math.Abs(expected[i] - actual[i]) <= 1e-4)))
                Assert.Fail($"{what}[{i}] is {actual[i]:R}, expected {expected[i]:R}");
        }
    }

    private static float[] Values(Parameter parameter)
    {
        var values = new float[parameter.Length];
        parameter.Read(values);
        return values;
    }

    private static Sequential Model(Backend backend, ulong seed) => new(backend, seed, new Lstm(5, 11), new Gru(11, 7), new Linear(7, 4));
}
