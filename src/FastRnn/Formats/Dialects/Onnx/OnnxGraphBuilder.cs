using System.Runtime.InteropServices;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>An attribute of a node that is being written, by ONNX's AttributeProto.</summary>
internal readonly struct OnnxAttributeWriter
{
    private const int NameField = 1, FloatField = 2, IntField = 3, TextField = 4, FloatsField = 7, IntsField = 8, TextsField = 9, TypeField = 20;

    private OnnxAttributeWriter(string name, int type, Action<ProtoMessage> value)
    {
        Message = new ProtoMessage().Text(NameField, name);
        value(Message);
        Message.Int(TypeField, type);
    }

    public ProtoMessage Message { get; }

    public static OnnxAttributeWriter Of(string name, float value) => new(name, 1, message => message.Float(FloatField, value));

    public static OnnxAttributeWriter Of(string name, long value) => new(name, 2, message => message.Int(IntField, value));

    public static OnnxAttributeWriter Of(string name, string value) => new(name, 3, message => message.Text(TextField, value));

    public static OnnxAttributeWriter Of(string name, float[] values) => new(name, 6, message => Array.ForEach(values, value => message.Float(FloatsField, value)));

    public static OnnxAttributeWriter Of(string name, long[] values) => new(name, 7, message => Array.ForEach(values, value => message.Int(IntsField, value)));

    public static OnnxAttributeWriter Of(string name, string[] values) => new(name, 8, message => Array.ForEach(values, value => message.Text(TextsField, value)));
}

/// <summary>A graph that is being written: nodes in order, constants, inputs and outputs, by ONNX's GraphProto.</summary>
internal sealed class OnnxGraphBuilder
{
    public const int FloatType = 1, IntType = 7;

    private readonly List<Node> _nodes = [];
    private readonly List<ProtoMessage> _constants = [], _inputs = [], _outputs = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>A node with one output.</summary>
    /// <param name="name">Of the node, and of its output; a number is appended where it is taken.</param>
    /// <param name="operation">For example <c>MatMul</c>.</param>
    /// <param name="inputs">Names of values; empty for an optional one that is left out.</param>
    /// <param name="attributes">Those that differ from the operator's defaults.</param>
    /// <returns>Name of the output.</returns>
    public string Add(string name, string operation, string[] inputs, params OnnxAttributeWriter[] attributes)
    {
        string output = Unique(name);
        Add(output, operation, inputs, [output], attributes);
        return output;
    }

    /// <summary>A node with outputs of given names.</summary>
    public void Add(string name, string operation, string[] inputs, string[] outputs, params OnnxAttributeWriter[] attributes) =>
        _nodes.Add(new(name, operation, inputs, outputs, attributes));

    /// <summary>A name that no value has yet.</summary>
    public string Unique(string name)
    {
        string free = name;
        for (int i = 2; !_names.Add(free); i++)
            free = FormattableString.Invariant($"{name}_{i}");
        return free;
    }

    /// <summary>A constant of float32.</summary>
    public string Constant(string name, float[] values, params long[] shape) =>
        Constant(name, FloatType, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), shape);

    /// <summary>A vector of int64, once for all who ask for it by this name.</summary>
    public string Shared(string name, params long[] values) =>
        _names.Contains(name) ? name : Constant(name, IntType, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), [values.Length]);

    public void Input(string name, int type, params object[] shape) => _inputs.Add(Value(name, type, shape));

    public void Output(string name, int type, params object[] shape) => _outputs.Add(Value(name, type, shape));

    /// <summary>Gives a value another name.</summary>
    public void Rename(string from, string to)
    {
        foreach (Node node in _nodes)
        {
            node.Inputs.AsSpan().Replace(from, to);
            node.Outputs.AsSpan().Replace(from, to);
        }
    }

    public ProtoMessage Build(string name)
    {
        const int Nodes = 1, Name = 2, Initializers = 5, Inputs = 11, Outputs = 12;
        return new ProtoMessage().Messages(Nodes, _nodes.Select(node => node.Message())).Text(Name, name)
            .Messages(Initializers, _constants).Messages(Inputs, _inputs).Messages(Outputs, _outputs);
    }

    private string Constant(string name, int type, byte[] bytes, long[] shape)
    {
        const int Dimensions = 1, Type = 2, Name = 8, Raw = 9;
        string unique = Unique(name);
        var tensor = new ProtoMessage();
        foreach (long size in shape)
            tensor.Int(Dimensions, size);
        _constants.Add(tensor.Int(Type, type).Text(Name, unique).Bytes(Raw, bytes));
        return unique;
    }

    /// <summary>An input or output: its dimensions are numbers, or names of what only a run knows.</summary>
    private static ProtoMessage Value(string name, int type, object[] shape)
    {
        const int Name = 1, Type = 2, Tensor = 1, Element = 1, Shape = 2, Dimension = 1, Number = 1, Parameter = 2;
        var dimensions = new ProtoMessage();
        foreach (object size in shape)
            dimensions.Message(Dimension, size is string free ? new ProtoMessage().Text(Parameter, free) : new ProtoMessage().Int(Number, (int)size));
        var tensor = new ProtoMessage().Int(Element, type).Message(Shape, dimensions);
        return new ProtoMessage().Text(Name, name).Message(Type, new ProtoMessage().Message(Tensor, tensor));
    }

    private sealed record Node(string Name, string Operation, string[] Inputs, string[] Outputs, OnnxAttributeWriter[] Attributes)
    {
        public ProtoMessage Message()
        {
            const int InputField = 1, OutputField = 2, NameField = 3, OperationField = 4, AttributeField = 5;
            var message = new ProtoMessage();
            foreach (string input in Inputs)
                message.Text(InputField, input);
            foreach (string output in Outputs)
                message.Text(OutputField, output);
            return message.Text(NameField, Name).Text(OperationField, Operation).Messages(AttributeField, Attributes.Select(attribute => attribute.Message));
        }
    }
}
