using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// Every back end and instruction set against PyTorch, which computed in double from the same numbers: one layer of every cell with all gradients,
/// and a two-layer character model with loss, clipping and updates.
/// </summary>
public class TruthTests
{
    private const string Reference = "reference";

    private static readonly string[] Names = [Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)];

    public static TheoryData<string> Backends => new(Names);

    public static TheoryData<string, string> Layers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string file in new[] { "lstm", "gru", "rnn_tanh", "rnn_relu" })
            {
                foreach (string name in Names)
                    data.Add(file, name);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void RecurrentLayer(string file, string name)
    {
        var truth = new TruthFile(file + "_layer.json");
        CellType cell = file switch
        {
            "lstm" => CellType.Lstm,
            "gru" => CellType.Gru,
            "rnn_relu" => CellType.Rnn(CellActivation.Relu),
            _ => CellType.Rnn(),
        };
        var run = new CellRun(truth.Size("input"), truth.Size("hidden"), truth.Size("steps"), truth.Size("batch"), seed: 0, cell)
        {
            X = truth.Floats("x"),
            H0 = truth.Floats("h0"),
            C0 = cell.HasCell ? truth.Floats("c0") : [],
            OutputGradient = truth.Floats("dy"),
            FinalHiddenGradient = truth.Floats("dhT"),
            FinalCellGradient = cell.HasCell ? truth.Floats("dcT") : [],
        };
        truth.Floats("weight_ih").CopyTo(run.W, 0);
        truth.Floats("weight_hh").CopyTo(run.R, 0);
        truth.Floats("bias_ih").CopyTo(run.InputBias, 0);
        truth.Floats("bias_hh").CopyTo(run.RecurrentBias, 0);

        using Backend backend = Create(name);
        Dictionary<string, double[]> actual = run.Train(backend);
        var check = new Comparison(truth, name);
        foreach (string output in cell.HasCell ? ["y", "hT", "cT"] : new[] { "y", "hT" })
            check.Values(output, actual[output]);
        check.Gradient("dweight_ih", actual["dW"]);
        check.Gradient("dweight_hh", actual["dR"]);
        check.Gradient("dbias_ih", actual["db_ih"]);
        check.Gradient("dbias_hh", actual["db_hh"]);
        check.Gradient("dx", actual["dX"]);
        check.Gradient("dh0", actual["dh0"]);
        if (cell.HasCell)
            check.Gradient("dc0", actual["dc0"]);
        check.NothingLeft();
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void CharModel(string name)
    {
        var truth = new TruthFile("char_model.json");
        var check = new Comparison(truth, name);
        using Backend backend = Create(name);
        float sgdRate = (float)truth.Constant("sgd_rate"), adamRate = (float)truth.Constant("adam_rate");

        Sequential model = Load(truth, backend);
        check.Values("logits", Logits(model, Window(truth)));
        StepResult result = Train(truth, model, new Sgd(sgdRate), steps: 1, clipNorm: 0);
        Assert.Equal(truth.Integers("targets").Count(target => target >= 0), result.Tokens);
        check.Values("loss", [result.Loss]);
        check.Gradient("gradient_norm", [result.GradientNorm]);
        foreach (Parameter parameter in model.Parameters)
            check.Gradient($"gradient.{parameter.Name}", Read(backend, parameter.Gradient));
        CheckWeights(check, "sgd", model);

        model = Load(truth, backend);
        Train(truth, model, new Sgd(sgdRate), steps: 1, (float)truth.Constant("clip_norm"));
        CheckWeights(check, "sgd_clipped", model);

        foreach (int steps in new[] { 1, 3 })
        {
            model = Load(truth, backend);
            var adam = new Adam(
                adamRate, (float)truth.Constant("beta1"), (float)truth.Constant("beta2"), (float)truth.Constant("epsilon"));
            Train(truth, model, adam, steps, clipNorm: 0);
            CheckWeights(check, $"adam{steps}", model);
        }
        check.NothingLeft();
    }

    private static Backend Create(string name) =>
        name == Reference ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));

    private static Sequential Load(TruthFile truth, Backend backend)
    {
        var model = new Sequential(backend, 1, new Embedding(13, 7), new Lstm(7, 11), new Lstm(11, 9), new Linear(9, 13));
        Assert.Equal(truth.Given.Keys.Order(), model.Parameters.Select(parameter => parameter.Name).Order());
        foreach (Parameter parameter in model.Parameters)
            parameter.Write(truth.Floats(parameter.Name));
        return model;
    }

    private static SequenceChunk Window(TruthFile truth)
    {
        var window = new SequenceChunk(truth.Size("steps"), truth.Size("batch")) { StartsStreams = true };
        truth.Integers("inputs").CopyTo(window.Inputs);
        truth.Integers("targets").CopyTo(window.Targets);
        return window;
    }

    private static double[] Logits(Sequential model, SequenceChunk window)
    {
        SequentialWorkspace workspace = model.CreateWorkspace(window.Steps, window.Batch, Keep.Nothing);
        var pass = new PassContext(null, false, model.Seed, 0, false);
        return Read(model.Backend, model.Forward(workspace, new LayerInput(window.InputMemory), null, pass));
    }

    /// <summary>Steps on the same window, each from a zero state; the result of the last.</summary>
    private static StepResult Train(TruthFile truth, Sequential model, Optimizer optimizer, int steps, float clipNorm)
    {
        var trainer = new Trainer(model, Loss.CrossEntropy, optimizer) { ClipNorm = clipNorm };
        SequenceChunk window = Window(truth);
        StepResult result = default;
        for (int step = 0; step < steps; step++)
            result = trainer.Step(window);
        return result;
    }

    private static void CheckWeights(Comparison check, string update, Sequential model)
    {
        foreach (Parameter parameter in model.Parameters)
            check.Values($"{update}.{parameter.Name}", Read(model.Backend, parameter.Value));
    }

    private static double[] Read(Backend backend, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }

    /// <summary>Compares by name and remembers what has been compared, so that no result of PyTorch's is forgotten.</summary>
    private sealed class Comparison(TruthFile truth, string backend)
    {
        private readonly HashSet<string> _left = [.. truth.Expected.Keys];

        private bool IsDouble => backend == Reference;

        /// <summary>Outputs and weights: |error| ≤ 1e-6·max(1, |y|), in double 1e-12·max(1, |y|).</summary>
        public void Values(string name, double[] actual)
        {
            // The factor of clipping is a float everywhere: half an ulp of it, times rate and gradient, remains in double too.
            double tolerance = !IsDouble ? 1e-6 : name.StartsWith("sgd_clipped", StringComparison.Ordinal) ? 1e-9 : 1e-12;
            Compare(name, actual, expected => tolerance * Math.Max(1, Math.Abs(expected)));
        }

        /// <summary>Gradients: |error| ≤ 1e-5 of the tensor's largest element, in double 1e-12.</summary>
        public void Gradient(string name, double[] actual)
        {
            double largest = truth.Expected[name].Max(Math.Abs);
            Compare(name, actual, _ => (IsDouble ? 1e-12 : 1e-5) * largest);
        }

        public void NothingLeft() => Assert.Empty(_left);

        private void Compare(string name, double[] actual, Func<double, double> allowed)
        {
            Assert.True(_left.Remove(name), $"{name} is not in the file, or was compared twice");
            double[] expected = truth.Expected[name];
            Assert.Equal(expected.Length, actual.Length);
            for (int i = 0; i < expected.Length; i++)
            {
                if (!(Math.Abs(actual[i] - expected[i]) <= allowed(expected[i])))
                    Assert.Fail($"{backend}: {name}[{i}] is {actual[i]:R}, PyTorch {expected[i]:R}, allowed {allowed(expected[i]):E1}");
            }
        }
    }
}
