using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>ONNX's TensorProto in a file of its own, as the test data of ONNX models is.</summary>
internal static class TensorProtoFormat
{
    public static NamedTensor Read(byte[] bytes, string path, ImportLimits limits)
    {
        OnnxTensor tensor = OnnxParser.Tensor(bytes, path, limits);
        return new NamedTensor(tensor.Name, new OnnxTensorData(bytes, path, limits).Read(tensor));
    }

    public static IReadOnlyList<ReadOnlyMemory<byte>> Write(NamedTensor tensor)
    {
        const int Dimensions = 1, Type = 2, Name = 8, Raw = 9;
        var message = new ProtoMessage();
        foreach (int size in tensor.Value.Shape)
            message.Int(Dimensions, size);
        message.Int(Type, DataType(tensor.Value.Type));
        if (tensor.Name.Length > 0)
            message.Text(Name, tensor.Name);
        return message.Bytes(Raw, tensor.Value.Bytes.ToArray()).Parts();
    }

    /// <summary>TensorProto.DataType.</summary>
    private static int DataType(ElementType type) => type switch
    {
        ElementType.Float32 => 1,
        ElementType.Int32 => 6,
        ElementType.Int64 => 7,
        ElementType.Bool => 9,
        _ => 11,
    };
}
