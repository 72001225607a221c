using System.Buffers.Binary;
using System.Text;

namespace FastRnn.Tests.Support;

/// <summary>
/// Writes ONNX models for tests, apart from the product's own writer: protobuf fields of a number, a wire type and a value; the numbers are those of
/// the published onnx.proto.
/// </summary>
internal sealed class OnnxBuilder
{
    private const int FloatAttribute = 1, IntAttribute = 2, StringAttribute = 3, TensorAttribute = 4, FloatsAttribute = 6, IntsAttribute = 7, StringsAttribute = 8;

    private readonly Message _graph = new Message().Text(2, "graph");
    private int _nodes;

    /// <summary>An input of the graph; sizes are numbers, or names of sizes that are known only when it runs.</summary>
    public OnnxBuilder Input(string name, int type, params object[] sizes) => Add(11, ValueInfo(name, type, sizes));

    public OnnxBuilder Output(string name, int type = OnnxValue.Float, params object[] sizes) => Add(12, ValueInfo(name, type, sizes));

    public OnnxBuilder Initializer(string name, OnnxValue value) => Add(5, Tensor(name, value));

    public OnnxBuilder Initializer(string name, float[] values, params long[] shape) => Initializer(name, OnnxValue.Of(values, shape));

    public OnnxBuilder Initializer(string name, long[] values) => Initializer(name, OnnxValue.Of(values, values.Length));

    /// <summary>A node named after its operator and place: <c>LSTM_0</c>. An empty name of an input or output leaves it out.</summary>
    public OnnxBuilder Node(string type, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        var node = new Message();
        foreach (string input in inputs)
            node.Text(1, input);
        foreach (string output in outputs)
            node.Text(2, output);
        node.Text(3, $"{type}_{_nodes++}").Text(4, type);
        foreach ((string name, object value) in attributes)
            node.Nested(5, Attribute(name, value));
        return Add(1, node);
    }

    public byte[] Build(int opset = 17, int version = 8) => new Message()
        .Integer(1, version).Text(2, "FastRnn tests").Nested(7, _graph).Nested(8, new Message().Text(1, "").Integer(2, opset)).Bytes();

    private OnnxBuilder Add(int field, Message message)
    {
        _graph.Nested(field, message);
        return this;
    }

    private static Message ValueInfo(string name, int type, object[] sizes)
    {
        var shape = new Message();
        foreach (object size in sizes)
            shape.Nested(1, size is string symbol ? new Message().Text(2, symbol) : new Message().Integer(1, Convert.ToInt64(size, null)));
        Message tensor = new Message().Integer(1, type);
        if (sizes.Length > 0)
            tensor.Nested(2, shape);
        return new Message().Text(1, name).Nested(2, new Message().Nested(1, tensor));
    }

    private static Message Tensor(string name, OnnxValue value)
    {
        var tensor = new Message();
        foreach (long size in value.Shape)
            tensor.Integer(1, size);
        return tensor.Integer(2, value.Type).Text(8, name).Data(9, value.Bytes);
    }

    private static Message Attribute(string name, object value)
    {
        Message attribute = new Message().Text(1, name);
        switch (value)
        {
            case float number:
                return attribute.Single(2, number).Integer(20, FloatAttribute);
            case int or long:
                return attribute.Integer(3, Convert.ToInt64(value, null)).Integer(20, IntAttribute);
            case string text:
                return attribute.Text(4, text).Integer(20, StringAttribute);
            case OnnxValue tensor:
                return attribute.Nested(5, Tensor("", tensor)).Integer(20, TensorAttribute);
            case float[] numbers:
                foreach (float number in numbers)
                    attribute.Single(7, number);
                return attribute.Integer(20, FloatsAttribute);
            case long[] numbers:
                foreach (long number in numbers)
                    attribute.Integer(8, number);
                return attribute.Integer(20, IntsAttribute);
            case string[] texts:
                foreach (string text in texts)
                    attribute.Text(9, text);
                return attribute.Integer(20, StringsAttribute);
            default:
                throw new ArgumentException($"{value.GetType()} is no attribute");
        }
    }

    private sealed class Message
    {
        private readonly MemoryStream _bytes = new();

        public Message Integer(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public Message Single(int field, float value)
        {
            Varint(((ulong)field << 3) | 5);
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.Write(bytes);
            return this;
        }

        public Message Data(int field, ReadOnlySpan<byte> value)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)value.Length);
            _bytes.Write(value);
            return this;
        }

        public Message Text(int field, string value) => Data(field, Encoding.UTF8.GetBytes(value));

        public Message Nested(int field, Message value) => Data(field, value.Bytes());

        public byte[] Bytes() => _bytes.ToArray();

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
                _bytes.WriteByte((byte)(value | 0x80));
            _bytes.WriteByte((byte)value);
        }
    }
}
