using FastRnn.Backends;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Tests.Support;

namespace FastRnn.Tests.Onnx;

/// <summary>Models of tests in the product's hands.</summary>
internal static class Graphs
{
    /// <summary>Reads a model as a file's bytes.</summary>
    public static ImportedModel Load(byte[] model, Backend backend, ImportOptions? options = null)
    {
        using var stream = new MemoryStream(model);
        return ModelImport.Load(stream, "model.onnx", backend, options ?? new ImportOptions());
    }

    /// <summary>Runs a graph by names.</summary>
    public static Dictionary<string, float[]> Run(ImportedModel model, Dictionary<string, OnnxValue> inputs) =>
        model.Graph!.Run(inputs.ToDictionary(input => input.Key, input => Tensor(input.Value)))
            .ToDictionary(output => output.Key, output => output.Value.Values<float>().ToArray());

    public static GraphTensor Tensor(OnnxValue value)
    {
        int[] shape = Array.ConvertAll(value.Shape, size => (int)size);
        return value.Type switch
        {
            OnnxValue.Float => GraphTensor.Of<float>(value.Floats, shape),
            OnnxValue.Int64 => GraphTensor.Of<long>(value.Longs, shape),
            OnnxValue.Int32 => GraphTensor.Of<int>(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(value.Bytes), shape),
            _ => throw new NotSupportedException($"elements of the type {value.Type}"),
        };
    }
}
