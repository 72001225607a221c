using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Reduced;

/// <summary>Sessions with reduced weights: who chooses them, what is refused, and what a step costs.</summary>
public class ReducedSessionsTests
{
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
        foreach (Parameter parameter in model.Parameters.Where(ReducedWeightsTests.IsMatrix))
            parameter.Write(Array.ConvertAll(ReducedWeightsTests.Values(parameter), BFloat16.Nearest));
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
            parameter.Write(Array.ConvertAll(ReducedWeightsTests.Values(parameter), value => value * 1.5f));
        session.Reset();
        session.Step([1f, 2f, 3f], after);
        model.OpenSession(new SessionOptions { Weights = precision }).Step([1f, 2f, 3f], fresh);
        Assert.NotEqual(before, after);
        Bits.Same(fresh, after, "a session opened later");
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

    public static TheoryData<string> LongLayers => new(Long.Keys);

    private static Dictionary<string, Func<Layer[]>> Long { get; } = new()
    {
        ["linear"] = () => [new Linear(Int8Rounding.MostTerms + 1, 2)],
        ["input of a cell"] = () => [new Linear(1, Int8Rounding.MostTerms + 1), new Rnn(Int8Rounding.MostTerms + 1, 1)],
        ["in both directions"] = () => [new Bidirectional(new Rnn(Int8Rounding.MostTerms + 1, 1))],
        ["backwards"] = () => [new GoBackwards(new Rnn(Int8Rounding.MostTerms + 1, 1))],
    };

    /// <summary>Sums of 8-bit products that are too long are refused when they are chosen, with the layer's name, and not in the middle of a stream.</summary>
    [Theory]
    [MemberData(nameof(LongLayers))]
    public void SumsThatAreTooLongAreRefusedAtOnce(string layers)
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, Long[layers]());
        Action[] choices =
        [
            () => model.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 }),
            () => model.InferenceWeights = WeightPrecision.Int8,
            () => new Trainer(model, new MeanSquaredError(), new Sgd(0.1f)).CompareWeights([], WeightPrecision.Int8),
        ];
        foreach (Action choice in choices)
        {
            string message = Assert.Throws<NotSupportedException>(choice).Message;
            Assert.Contains($"layer {model.Layers.Count - 1}, {model.Layers[^1]}, sums 65537 products, 65536 fit", message, StringComparison.Ordinal);
        }
        model.InferenceWeights = WeightPrecision.BFloat16;
    }

    /// <summary>As many as there may be are not refused; an embedding's rows are no sums.</summary>
    [Fact]
    public void SumsOfTheMostTermsAreNotRefused()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Embedding(Int8Rounding.MostTerms + 1, 1), new Linear(1, Int8Rounding.MostTerms), new Linear(Int8Rounding.MostTerms, 1));
        var y = new float[1];
        model.OpenSession(new SessionOptions { Weights = WeightPrecision.Int8 }).Step(Int8Rounding.MostTerms, y);
        Assert.True(float.IsFinite(y[0]));
    }
}
