using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Dialects;

/// <summary>
/// The first part of a denoiser of speech that others have trained and exported: two LSTMs with all states in one tensor [1, 2, 128, 2], layers by h and c. ONNX Runtime has made
/// six steps, each from the state that the step before gave.
/// </summary>
public sealed class DtlnTests : IDisposable
{
    private const float RelativeError = 1e-5f, AbsoluteError = 1e-6f;

    private static readonly string _folder = Path.Combine(Repository.Root, "tests", "data", "models", "dtln_model_1");
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly ImportedModel _model;

    public DtlnTests() => _model = ModelImport.Load(Path.Combine(_folder, "model.onnx"), _backend);

    public void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    /// <summary>The session starts from zero as the recording does, and carries its own state after that, so that errors would add up.</summary>
    [Fact]
    public void ASessionStreamsIt()
    {
        GraphSession session = _model.Graph!.OpenSession();
        Assert.Equal("input_3", Assert.Single(session.States).Input.Name);
        Assert.All(Step(0, "input_1").Values<float>().ToArray(), value => Assert.Equal(0, value));
        float[] output = new float[257];
        for (int step = 0; step < 6; step++)
        {
            session.Step(Step(step, "input_0").Values<float>(), output);
            AssertNear(Step(step, "output_0").Values<float>(), output);
        }
    }

    /// <summary>Weights stand in the file as Keras had them; the hashes were taken of Keras's own file.</summary>
    [Fact]
    public void WeightsAreThoseOfTheKerasFile()
    {
        Dictionary<string, GraphTensor> constants = _model.Graph!.Definition.Constants;
        var hashes = File.ReadLines(Path.Combine(_folder, "keras-weights.sha256")).Select(line => line.Split(' ')).ToDictionary(parts => parts[1], parts => parts[0]);
        Assert.Equal(8, hashes.Count);
        foreach ((string keras, string onnx, int inputs) in (ReadOnlySpan<(string, string, int)>)[("lstm", "lstm_4", 257), ("lstm_1", "lstm_5", 128)])
        {
            Assert.Equal(hashes[$"{keras}/kernel:0"], Hash(Kernel(constants[$"{onnx}_W"].Values<float>(), inputs)));
            Assert.Equal(hashes[$"{keras}/recurrent_kernel:0"], Hash(Kernel(constants[$"{onnx}_R"].Values<float>(), 128)));
            Span<float> biases = constants[$"{onnx}_B"].Values<float>();
            Assert.All(biases[512..].ToArray(), value => Assert.Equal(0, value));
            Assert.Equal(hashes[$"{keras}/bias:0"], Hash(Kernel(biases[..512], 1)));
        }
        Assert.Equal(hashes["dense/kernel:0"], Hash(constants["dense_2/kernel:0"].Values<float>()));
        Assert.Equal(hashes["dense/bias:0"], Hash(constants["dense_2/bias:0"].Values<float>()));
    }

    /// <summary>Keras's [inputs, gates i f c o by 128] of ONNX's [gates i o f c by 128, inputs].</summary>
    private static float[] Kernel(ReadOnlySpan<float> rows, int inputs)
    {
        ReadOnlySpan<int> places = [0, 2, 3, 1];
        var kernel = new float[rows.Length];
        for (int i = 0; i < inputs; i++)
        {
            for (int row = 0; row < 512; row++)
                kernel[(i * 512) + row] = rows[((((places[row / 128] * 128) + (row % 128))) * inputs) + i];
        }
        return kernel;
    }

    private static string Hash(ReadOnlySpan<float> values) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));

    private static GraphTensor Step(int step, string name) => TensorFile.Read(Path.Combine(_folder, $"test_data_set_{step}", $"{name}.pb")).Value;

    private static void AssertNear(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= AbsoluteError + (RelativeError * Math.Abs(expected[i])), $"{i}: {actual[i]}, expected {expected[i]}");
    }
}
