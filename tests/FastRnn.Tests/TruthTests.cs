using FastRnn.Backends;
using FastRnn.Layers;
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
    public static TheoryData<string> Backends => new(TruthComparison.Names);

    public static TheoryData<string, string> Layers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string file in new[] { "lstm", "gru", "rnn_tanh", "rnn_relu" })
            {
                foreach (string name in TruthComparison.Names)
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

        using Backend backend = TruthComparison.Create(name);
        Dictionary<string, double[]> actual = run.Train(backend);
        var check = new TruthComparison(truth, name);
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
        var check = new TruthComparison(truth, name);
        using Backend backend = TruthComparison.Create(name);
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

    private static void CheckWeights(TruthComparison check, string update, Sequential model)
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
}
