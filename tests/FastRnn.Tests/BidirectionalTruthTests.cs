using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Bidirectional layers on samples of different lengths against PyTorch's on packed ones: outputs, states of both directions, all gradients.</summary>
public class BidirectionalTruthTests
{
    public static TheoryData<string, string> Layers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string file in new[] { "lstm", "gru", "rnn_tanh", "rnn_relu" })
            {
                data.Add(file, "reference");
                foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
                    data.Add(file, Isa.Name(isa));
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void LayerOnPackedSamples(string file, string name)
    {
        var truth = new TruthFile($"bidirectional_{file}.json");
        int steps = truth.Size("steps"), batch = truth.Size("batch"), input = truth.Size("input"), hidden = truth.Size("hidden");
        var layer = new Bidirectional(file switch
        {
            "lstm" => new Lstm(input, hidden),
            "gru" => new Gru(input, hidden),
            "rnn_relu" => new Rnn(input, hidden, CellActivation.Relu),
            _ => new Rnn(input, hidden),
        });
        using Backend backend = name == "reference" ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));
        layer.Build(backend, 0, input, 1);
        foreach (Parameter parameter in layer.Parameters)
            parameter.Write(truth.Floats(parameter.Name[2..]));
        var flags = new StepFlags(steps, batch);
        int[] lengths = truth.Integers("lengths");
        float[] x = truth.Floats("x");
        for (int row = 0; row < steps * batch; row++)
        {
            if (row / batch < lengths[row % batch])
                continue;
            flags.Active[row] = 0;
            x.AsSpan(row * input, input).Fill(float.NaN); // nobody may look
        }

        var ws = (BidirectionalWorkspace)layer.CreateWorkspace(input, steps, batch, Keep.Everything);
        var states = DirectionRun.Inside(ws).ToList();
        DeviceBuffer Given(string tensor, int part, int parts)
        {
            float[] all = truth.Floats(tensor);
            int length = all.Length / parts, columns = tensor == "dy" ? 2 * hidden : tensor == "x" ? input : hidden;
            DeviceBuffer buffer = backend.Allocate(length / columns, columns);
            backend.Write(buffer, (tensor == "x" ? x : all).AsSpan(part * length, length));
            return buffer;
        }
        for (int d = 0; d < 2; d++)
        {
            bool cell = file == "lstm";
            states[d].SetInitial(new RecurrentState(Given("h0", d, 2), cell ? Given("c0", d, 2) : null));
            states[d].FinalGradient = new RecurrentState(Given("dhT", d, 2), cell ? Given("dcT", d, 2) : null);
        }
        var pass = new PassContext(flags, true, 1, 0, false);
        DeviceBuffer inputs = Given("x", 0, 1), dX = backend.Allocate(steps * batch, input);
        layer.Forward(ws, new LayerInput(inputs), pass);
        layer.Backward(ws, new LayerInput(inputs), Given("dy", 0, 1), dX, pass);

        var actual = new Dictionary<string, double[]> { ["y"] = Values(ws.Output), ["dx"] = Values(dX), ["hT"] = Both(s => s.Final.Hidden) };
        actual["dh0"] = Both(s => s.InitialGradient!.Hidden);
        if (file == "lstm")
            (actual["cT"], actual["dc0"]) = (Both(s => s.Final.Cell!), Both(s => s.InitialGradient!.Cell!));
        foreach (Parameter parameter in layer.Parameters)
            actual["d" + parameter.Name[2..]] = Values(parameter.Gradient);
        Assert.Equal(truth.Expected.Keys.Order(), actual.Keys.Order());
        foreach ((string tensor, double[] expected) in truth.Expected)
        {
            double largest = expected.Max(Math.Abs), relative = name == "reference" ? 1e-12 : tensor[0] == 'd' ? 1e-5 : 1e-6;
            double tolerance = relative * (tensor[0] == 'd' ? largest : Math.Max(1, largest));
            Assert.Equal(expected.Length, actual[tensor].Length);
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(actual[tensor][i] - expected[i]) <= tolerance, $"{name}: {tensor}[{i}] is {actual[tensor][i]:R}, PyTorch {expected[i]:R}");
        }

        double[] Values(DeviceBuffer buffer) => GradientCheck.Values(backend, buffer);
        double[] Both(Func<RecurrentWorkspace, DeviceBuffer> select) => [.. states.SelectMany(state => Values(select(state)))];
    }
}
