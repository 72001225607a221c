using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Tests.Training;
using Xunit;

namespace FastRnn.Tests.Inference;

public class SessionTests
{
    [Fact]
    public void StepsGiveTheBitsOfTheWholeSequence()
    {
        using var backend = new CpuBackend(2);
        using Sequential model = TrainingRuns.Model(backend, dropout: 0.5f); // dropout is for training only
        const int steps = 23, width = 13;
        int[] tokens = TrainingRuns.RandomChunk(steps, 1, width, seed: 31).Inputs.ToArray();
        SequentialWorkspace workspace = model.CreateWorkspace(steps, 1, Keep.Nothing);
        float[] whole = TrainingRuns.Read(backend, model.Forward(workspace, new LayerInput(tokens), null, new PassContext(null, false, 0, 0, false)));
        Session session = model.OpenSession();
        for (int pass = 0; pass < 2; pass++, session.Reset())
        {
            for (int t = 0; t < steps; t++)
            {
                var y = new float[width];
                session.Step(tokens[t], y);
                Bits.Same(whole.AsSpan(t * width, width), y, $"pass {pass}, step {t}");
            }
        }
    }

    [Fact]
    public void SessionsOfOneModelDoNotMeet()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 1, new Lstm(3, 20), new Linear(20, 2));
        Session alone = model.OpenSession(), one = model.OpenSession(), two = model.OpenSession();
        var random = new Random(1);
        float[] expected = new float[2], y = new float[2];
        for (int t = 0; t < 20; t++)
        {
            float[] x = [random.NextSingle(), random.NextSingle(), random.NextSingle()];
            alone.Step(x, expected);
            one.Step(x, y);
            Bits.Same(expected, y, $"step {t}");
            two.Step([random.NextSingle(), 0f, 1f], y);
        }
    }

    [Fact]
    public void WrongUseIsNamed()
    {
        using var backend = new CpuBackend(1);
        using Sequential tokens = TrainingRuns.Model(backend);
        using var values = new Sequential(backend, 1, new Lstm(3, 4));
        Session reads = tokens.OpenSession(), takes = values.OpenSession();
        Assert.Contains("expected 13 values, got 12", Assert.Throws<ArgumentException>(() => reads.Step(1, new float[12])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => reads.Step(13, new float[13]));
        Assert.Throws<ArgumentOutOfRangeException>(() => reads.Step(-1, new float[13]));
        Assert.Contains("reads tokens", Assert.Throws<ArgumentException>(() => reads.Step([1f], new float[13])).Message, StringComparison.Ordinal);
        Assert.Contains("reads values", Assert.Throws<ArgumentException>(() => takes.Step(1, new float[4])).Message, StringComparison.Ordinal);
        Assert.Contains("expected 3 values, got 2", Assert.Throws<ArgumentException>(() => takes.Step([1f, 2f], new float[4])).Message, StringComparison.Ordinal);
        Assert.Contains("expected 4 values, got 5", Assert.Throws<ArgumentException>(() => takes.Step([1f, 2f, 3f], new float[5])).Message, StringComparison.Ordinal);
    }
}
