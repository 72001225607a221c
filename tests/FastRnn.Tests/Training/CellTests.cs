using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Loops over time by hand: the same numbers as whole sequences, and gradients of branches.</summary>
public class CellTests
{
    private const int Steps = 9, Batch = 3;

    private static readonly Dictionary<string, Func<Layer[]>> Stacks = new()
    {
        ["lstm"] = () => [new Lstm(4, 5)],
        ["gru"] = () => [new Gru(4, 5)],
        ["rnn"] = () => [new Rnn(4, 5, CellActivation.Relu)],
        ["stack"] = () => [new Lstm(4, 19), new Dropout(0.4f), new Residual(new Gru(19, 19)), new Dropout(0.3f), new Linear(19, 6), new LogSoftmax()],
        ["masks of a window"] = () =>
        [
            new Lstm(4, 9) { WeightDrop = 0.3f, RecurrentDropout = 0.3f, Zoneout = 0.2f }, new Dropout(0.4f) { Variational = true },
            new Gru(9, 7) { RecurrentDropout = 0.3f, ResetBefore = true }, new Linear(7, 6),
        ],
        ["no state"] = () => [new Linear(4, 5), Activation.Tanh()],
    };

    public static TheoryData<string, bool> Runs()
    {
        var runs = new TheoryData<string, bool>();
        foreach (string stack in Stacks.Keys)
        {
            runs.Add(stack, true);
            runs.Add(stack, false);
        }
        return runs;
    }

    /// <summary>Two loops one behind the other and two windows of a trainer's time: masks of dropout are the same.</summary>
    [Theory]
    [MemberData(nameof(Runs))]
    public void LoopIsTheWholeSequence(string stack, bool reference)
    {
        using Backend backend = reference ? new ReferenceBackend() : new CpuBackend(2);
        var model = new Sequential(backend, 5, Stacks[stack]());
        using var cell = new Cell(model, Batch);
        for (int loop = 0; loop < 2; loop++)
        {
            float[] x = Random(Steps * Batch * 4, loop), dY = Random(Steps * Batch * model.OutputSize, 10 + loop);
            (float[] y, float[] dX, double[][] expected, float[]? h) = Whole(model, x, dY, time: loop * Steps);
            int input = Batch * 4, output = Batch * model.OutputSize;
            CellState start = cell.Start(), state = start;
            var states = new CellState[Steps];
            for (int t = 0; t < Steps; t++)
            {
                states[t] = state = cell.Step(x.AsSpan(t * input, input), state);
                Bits.Same(y.AsSpan(t * output, output), state.Output, $"output {t}");
            }
            var gradient = new float[input];
            for (int t = Steps - 1; t >= 0; t--)
            {
                cell.Backward(states[t], dY.AsSpan(t * output, output), gradient);
                Close(dX.AsSpan(t * input, input), gradient, 2e-6, $"input gradient {t}");
            }
            if (h != null)
            {
                var initial = new float[h.Length];
                start.CopyHiddenGradient(0, initial);
                Close(h, initial, 2e-6, "gradient of the initial h");
            }
            for (int i = 0; i < expected.Length; i++)
            {
                double[] actual = Doubles(backend, model.Parameters[i].Gradient);
                for (int k = 0; k < actual.Length; k++)
                    Assert.True(Math.Abs(expected[i][k] - actual[k]) <= (reference ? 1e-12 : 1e-5), $"{model.Parameters[i].Name}[{k}]: {actual[k]:R}, not {expected[i][k]:R}");
            }
            cell.ZeroGradients();
            cell.Clear();
        }
    }

    [Fact]
    public void TokensAreRead()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = Model(backend);
        using Cell training = new(model, 2), inference = new(model, 2, training: false);
        SequenceChunk chunk = RandomChunk(6, 2, 13, seed: 4);
        CellState a = training.Start(), b = inference.Start();
        SequentialWorkspace workspace = model.CreateWorkspace(6, 2, Keep.Nothing);
        float[] expected = Read(backend, model.Forward(workspace, new LayerInput(chunk.InputMemory), null, new PassContext(null, false, 1, 0, false)));
        for (int t = 0; t < 6; t++)
        {
            a = training.Step(chunk.Inputs.Slice(t * 2, 2), a);
            CellState before = b;
            b = inference.Step(chunk.Inputs.Slice(t * 2, 2), b);
            inference.Release(before);
            Bits.Same(expected.AsSpan(t * 26, 26), a.Output, "training"); // dropout has rate 0
            Bits.Same(expected.AsSpan(t * 26, 26), b.Output, "inference");
        }
        training.Backward(a, new float[26]);
        Assert.Throws<ArgumentOutOfRangeException>(() => training.Step((ReadOnlySpan<int>)[0, 13], training.Start()));
        Assert.Throws<ArgumentOutOfRangeException>(() => training.Step((ReadOnlySpan<int>)[-1, 0], training.Start()));
        Assert.Throws<ArgumentException>(() => training.Step((ReadOnlySpan<int>)[1], training.Start()));
        Assert.Throws<ArgumentException>(() => training.Step(new float[2], training.Start()));
        CellState last = training.Step((ReadOnlySpan<int>)[1, 2], training.Start());
        Assert.Throws<ArgumentException>(() => training.Backward(last, new float[26], new float[26]));
    }

    /// <summary>
    /// A loop in which one state is stepped twice, an input is made of outputs and of an older h, and the start is given: what comes back along
    /// all ways adds up. Differences of five points, in double but for the outputs.
    /// </summary>
    [Theory]
    [InlineData("lstm")]
    [InlineData("gru")]
    [InlineData("rnn")]
    [InlineData("stack")]
    public void GradientsOfBranchesAddUp(string kind)
    {
        using var backend = new ReferenceBackend();
        var model = new Sequential(backend, 3, kind switch
        {
            "lstm" => [new Lstm(3, 3)],
            "gru" => [new Gru(3, 3)],
            "rnn" => [new Rnn(3, 3)],
            _ => (Layer[])[new Lstm(3, 3), new Gru(3, 4), new Linear(4, 3)],
        });
        using var cell = new Cell(model, batch: 2);
        float[] x = Random(4 * 6, 1), h0 = Random(6, 2), weights = Random(6, 3);
        var (dX0, dH0) = (new float[6], new float[6]);
        Run(backward: true);
        for (int i = 0; i < 6; i++)
        {
            Check(x, i, dX0[i], () => { }, "x");
            Check(h0, i, dH0[i], () => { }, "h0");
        }
        foreach (Parameter parameter in model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            double[] gradient = Doubles(backend, parameter.Gradient);
            for (int i = 0; i < values.Length; i += 1 + (values.Length / 12))
                Check(values, i, gradient[i], () => parameter.Write(values), parameter.Name);
        }

        void Check(float[] values, int i, double analytic, Action changed, string name)
        {
            float original = values[i];
            double At(float shift)
            {
                values[i] = original + shift;
                changed();
                double loss = Run(backward: false);
                values[i] = original;
                changed();
                return loss;
            }

            double numeric = ((8 * (At(0.03125f) - At(-0.03125f))) - (At(0.0625f) - At(-0.0625f))) / (12 * 0.03125);
            Assert.True(Math.Abs(numeric - analytic) <= 2e-5 + (1e-4 * Math.Abs(numeric)), $"{kind}, {name}[{i}]: {analytic:R}, by differences {numeric:R}");
        }

        double Run(bool backward)
        {
            cell.Clear();
            CellState start = cell.Start();
            start.SetHidden(0, h0);
            CellState first = cell.Step(x.AsSpan(0, 6), start);
            CellState a = cell.Step(x.AsSpan(6, 6), first), b = cell.Step(x.AsSpan(12, 6), first);
            float[] hidden = new float[6], mixed = new float[6];
            first.CopyHidden(0, hidden);
            for (int i = 0; i < 6; i++)
                mixed[i] = (a.Output[i] * b.Output[i]) + hidden[i];
            CellState last = cell.Step(mixed, b);
            double loss = 0;
            for (int i = 0; i < 6; i++)
                loss += weights[i] * ((double)last.Output[i] + (2.0 * a.Output[i]));
            if (!backward)
                return loss;
            var dMixed = new float[6];
            float[] toA = new float[6], toB = new float[6];
            float[] outputA = a.Output.ToArray(), outputB = b.Output.ToArray();
            cell.Backward(last, weights, dMixed);
            for (int i = 0; i < 6; i++)
                (toA[i], toB[i]) = ((2 * weights[i]) + (dMixed[i] * outputB[i]), dMixed[i] * outputA[i]);
            first.AddHiddenGradient(0, dMixed);
            cell.Backward(b, toB);
            cell.Backward(a, toA);
            cell.Backward(first, [], dX0);
            start.CopyHiddenGradient(0, dH0);
            return loss;
        }
    }

    [Fact]
    public void CutStateHasTheValuesButNoWayBack()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 2, new Lstm(4, 5));
        using var cell = new Cell(model, 1);
        float[] x = Random(8, 1), dY = Random(5, 2);
        CellState first = cell.Step(x.AsSpan(0, 4), cell.Start()), cut = cell.Start(first);
        CellState whole = cell.Step(x.AsSpan(4), first), behind = cell.Step(x.AsSpan(4), cut);
        Bits.Same(whole.Output, behind.Output, "after the cut");
        cell.Backward(behind, dY);
        float[] none = new float[5], some = new float[5], c = new float[5];
        first.CopyHiddenGradient(0, none);
        cut.CopyHiddenGradient(0, some);
        cut.CopyCellGradient(0, c);
        Assert.All(none, value => Assert.Equal(0, value));
        Assert.Contains(some, value => value != 0);
        Assert.Contains(c, value => value != 0);
        Assert.Throws<InvalidOperationException>(() => cell.Backward(cut, []));
    }

    [Fact]
    public void UpdateClipsAndStartsAnew()
    {
        using var backend = new ReferenceBackend();
        var model = new Sequential(backend, 2, new Gru(4, 5));
        using var cell = new Cell(model, 1);
        cell.Backward(cell.Step(Random(4, 1), cell.Start()), Random(5, 2));
        double[][] weights = [.. model.Parameters.Select(p => Doubles(backend, p.Value))], gradients = [.. model.Parameters.Select(p => Doubles(backend, p.Gradient))];
        double norm = Math.Sqrt(gradients.Sum(g => g.Sum(v => v * v)));
        var optimizer = new Sgd(0.5f);
        Assert.Equal(norm, cell.Update(optimizer, clipNorm: 0.125f), 12);
        double scale = 0.125 / (norm + 1e-6);
        Assert.True(scale < 1);
        for (int i = 0; i < weights.Length; i++)
        {
            double[] now = Doubles(backend, model.Parameters[i].Value);
            for (int k = 0; k < now.Length; k++)
                Assert.Equal(weights[i][k] - (0.5 * scale * gradients[i][k]), now[k], 1e-7); // the factor is a float
            Assert.All(Doubles(backend, model.Parameters[i].Gradient), value => Assert.Equal(0, value));
        }
        Assert.Equal(0, cell.Update(optimizer));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Sgd(0.5f)) { ClipNorm = 0.125f };
        trainer.Freeze("*bias*");
        weights = [.. model.Parameters.Select(p => Doubles(backend, p.Value))];
        cell.Backward(cell.Step(Random(4, 1), cell.Start()), Random(5, 2));
        cell.Update(trainer);
        Assert.NotEqual(weights[0], Doubles(backend, model.Parameters[0].Value));
        Assert.Equal(weights[2], Doubles(backend, model.Parameters[2].Value));
        using var other = new Sequential(backend, 2, new Gru(4, 5));
        Assert.Throws<ArgumentException>(() => cell.Update(new Trainer(other, Loss.CrossEntropy, new Sgd(1f))));
        backend.Write(model.Parameters[0].Gradient, [.. Enumerable.Repeat(double.NaN, 60)]);
        Assert.Throws<NonFiniteException>(() => cell.Update(trainer));
        cell.ZeroGradients();
        cell.Update(trainer);
    }

    /// <summary>The whole sequence in one call: outputs, gradients of inputs, of parameters and of the first recurrent layer's initial h.</summary>
    private static (float[] Y, float[] InputGradient, double[][] Gradients, float[]? Initial) Whole(Sequential model, float[] x, float[] dY, long time)
    {
        Backend backend = model.Backend;
        SequentialWorkspace workspace = model.CreateWorkspace(Steps, Batch, Keep.Everything);
        DeviceBuffer input = backend.Allocate(Steps * Batch, 4), dX = backend.Allocate(Steps * Batch, 4);
        backend.Write(input, x);
        var pass = new PassContext(null, true, model.Seed, time, false);
        float[] y = Read(backend, model.Forward(workspace, new LayerInput(input), null, pass));
        backend.Write(workspace.OutputGradient, dY);
        model.Backward(workspace, new LayerInput(input), dX, pass);
        double[][] gradients = [.. model.Parameters.Select(p => Doubles(backend, p.Gradient))];
        foreach (Parameter parameter in model.Parameters)
            backend.Zero(parameter.Gradient);
        RecurrentWorkspace? first = workspace.Layers.Select(layer => layer.Carried).FirstOrDefault(carried => carried != null);
        return (y, Read(backend, dX), gradients, first == null ? null : Read(backend, first.InitialGradient!.Hidden));
    }

    private static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{what}, {i}: {actual[i]:R}, not {expected[i]:R}");
    }

    private static double[] Doubles(Backend backend, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }

    internal static float[] Random(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (random.NextSingle() * 2) - 1)];
    }
}
