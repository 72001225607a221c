using System.Runtime.InteropServices;

namespace FastRnn.Tests.Formats.Onnx;

/// <summary>Small ONNX files made by hand: a graph's parts, then <see cref="Build"/>.</summary>
internal sealed class OnnxBytes(int opset = 17)
{
    public const int Float = 1, Uint8 = 2, Int8 = 3, Int32 = 6, Int64 = 7, Bool = 9, Float16 = 10, Double = 11, BFloat16 = 16;

    private readonly ProtoBytes _graph = new();

    /// <summary>Fields of the graph itself, for what is not a usual part.</summary>
    public ProtoBytes Graph => _graph;

    /// <summary>Other domains that the file says it uses.</summary>
    public List<string> Domains { get; } = [];

    /// <summary>The whole file.</summary>
    public byte[] Build(int irVersion = 8)
    {
        var model = new ProtoBytes().Integer(1, irVersion).Text(2, "test").Message(7, _graph).Message(8, set => set.Text(1, "").Integer(2, opset));
        foreach (string domain in Domains)
            model.Message(8, set => set.Text(1, domain).Integer(2, 1));
        return model.ToArray();
    }

    public OnnxBytes Input(string name, int type, params object[] shape)
    {
        _graph.Message(11, Value(name, type, shape));
        return this;
    }

    public OnnxBytes Output(string name, int type, params object[] shape)
    {
        _graph.Message(12, Value(name, type, shape));
        return this;
    }

    /// <summary>An output of which only the type is told.</summary>
    public OnnxBytes OutputOfAnyShape(string name, int type)
    {
        _graph.Message(12, new ProtoBytes().Text(1, name).Message(2, any => any.Message(1, tensor => tensor.Integer(1, type))));
        return this;
    }

    public OnnxBytes Node(string type, string[] inputs, string[] outputs, Action<ProtoBytes>? attributes = null, string name = "", string domain = "")
    {
        _graph.Message(1, NodeMessage(type, inputs, outputs, attributes, name, domain));
        return this;
    }

    public OnnxBytes Constant<T>(string name, ReadOnlySpan<T> values, params int[] shape)
        where T : unmanaged
    {
        _graph.Message(5, Tensor(name, values, shape));
        return this;
    }

    public static ProtoBytes NodeMessage(string type, string[] inputs, string[] outputs, Action<ProtoBytes>? attributes = null, string name = "", string domain = "")
    {
        var node = new ProtoBytes();
        foreach (string input in inputs)
            node.Text(1, input);
        foreach (string output in outputs)
            node.Text(2, output);
        if (name.Length > 0)
            node.Text(3, name);
        node.Text(4, type);
        attributes?.Invoke(node);
        if (domain.Length > 0)
            node.Text(7, domain);
        return node;
    }

    public static ProtoBytes Tensor<T>(string name, ReadOnlySpan<T> values, params int[] shape)
        where T : unmanaged
    {
        var tensor = new ProtoBytes();
        foreach (int size in shape)
            tensor.Integer(1, size);
        int type = typeof(T) == typeof(float) ? Float : typeof(T) == typeof(double) ? Double : typeof(T) == typeof(long) ? Int64 : typeof(T) == typeof(int) ? Int32 : typeof(T) == typeof(Half) ? Float16
            : typeof(T) == typeof(bool) ? Bool : typeof(T) == typeof(byte) ? Uint8 : typeof(T) == typeof(sbyte) ? Int8 : throw new ArgumentException(typeof(T).Name);
        return tensor.Integer(2, type).Text(8, name).Bytes(9, MemoryMarshal.AsBytes(values));
    }

    private static ProtoBytes Value(string name, int type, object[] shape) => new ProtoBytes().Text(1, name).Message(2, any => any.Message(1, tensor => tensor.Integer(1, type).Message(2, sizes =>
    {
        foreach (object size in shape)
            sizes.Message(1, dimension => _ = size is int known ? dimension.Integer(1, known) : dimension.Text(2, (string)size));
    })));
}

/// <summary>Attributes of a node that <see cref="OnnxBytes"/> writes.</summary>
internal static class OnnxAttributeBytes
{
    public static ProtoBytes Int(this ProtoBytes node, string name, long value) => node.Message(5, attribute => attribute.Text(1, name).Integer(3, value).Integer(20, 2));

    public static ProtoBytes Number(this ProtoBytes node, string name, float value) => node.Message(5, attribute => attribute.Text(1, name).Float(2, value).Integer(20, 1));

    public static ProtoBytes String(this ProtoBytes node, string name, string value) => node.Message(5, attribute => attribute.Text(1, name).Text(4, value).Integer(20, 3));

    public static ProtoBytes Tensor(this ProtoBytes node, string name, ProtoBytes tensor) => node.Message(5, attribute => attribute.Text(1, name).Message(5, tensor).Integer(20, 4));

    public static ProtoBytes Ints(this ProtoBytes node, string name, params long[] values) => node.Message(5, attribute =>
    {
        attribute.Text(1, name);
        foreach (long value in values)
            attribute.Integer(8, value);
        attribute.Integer(20, 7);
    });

    public static ProtoBytes Numbers(this ProtoBytes node, string name, params float[] values) => node.Message(5, attribute =>
    {
        attribute.Text(1, name);
        foreach (float value in values)
            attribute.Float(7, value);
        attribute.Integer(20, 6);
    });

    public static ProtoBytes Strings(this ProtoBytes node, string name, params string[] values) => node.Message(5, attribute =>
    {
        attribute.Text(1, name);
        foreach (string value in values)
            attribute.Text(9, value);
        attribute.Integer(20, 8);
    });
}
