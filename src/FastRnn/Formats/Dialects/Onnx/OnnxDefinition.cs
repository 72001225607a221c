using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>An ONNX file's graph in the words of the graph runner, which knows nothing of bytes.</summary>
internal sealed class OnnxDefinition
{
    private readonly OnnxModel _model;
    private readonly OnnxTensorData _data;
    private readonly string? _path;
    private readonly ImportOptions _options;
    private readonly GraphDefinition _definition = new();

    private OnnxDefinition(OnnxModel model, byte[] bytes, string? path, ImportOptions options)
    {
        (_model, _path, _options) = (model, path, options);
        _data = new OnnxTensorData(bytes, path, options.Limits);
    }

    /// <exception cref="ModelFormatException">Something in it is not what it must be.</exception>
    public static GraphDefinition Of(OnnxModel model, byte[] bytes, string? path, ImportOptions options, CancellationToken cancellation) =>
        new OnnxDefinition(model, bytes, path, options).Convert(model.Graph!, cancellation);

    private GraphDefinition Convert(OnnxGraph graph, CancellationToken cancellation)
    {
        foreach (OnnxTensor tensor in graph.Initializers)
        {
            cancellation.ThrowIfCancellationRequested();
            AddConstant(tensor);
        }
        foreach (OnnxValueInfo input in graph.Inputs)
        {
            // Until IR version 4 every initializer had to be an input too, whose default it is.
            if (!_definition.Constants.ContainsKey(input.Name))
                _definition.Inputs.Add(Value(input));
        }
        foreach (OnnxValueInfo output in graph.Outputs)
            _definition.Outputs.Add(Value(output));
        if (_definition.Outputs.Count == 0)
            throw new ModelFormatException("the graph has no outputs", graph.Offset, _path);
        foreach (OnnxNode node in graph.Nodes)
            _definition.Nodes.Add(Node(node));
        return _definition;
    }

    private void AddConstant(OnnxTensor tensor)
    {
        string name = ModelFormatException.Quote(tensor.Name);
        if (tensor.Name.Length == 0)
            throw new ModelFormatException("an initializer has no name", tensor.Offset, _path);
        if (_definition.Constants.ContainsKey(tensor.Name))
            throw new ModelFormatException($"initializer {name} comes twice", tensor.Offset, _path);
        _definition.Constants.Add(tensor.Name, Finite(_data.Read(tensor), tensor.Name, tensor.Offset));
    }

    /// <summary>Weights are finite. A single infinite number is none: graphs mask by it.</summary>
    private GraphTensor Finite(GraphTensor values, string name, long offset)
    {
        int bad = _options.AllowNonFinite || values.Length == 1 ? -1 : values.Type switch
        {
            ElementType.Float32 => ModelFile.FirstNonFinite(values.Values<float>()),
            ElementType.Float64 => FirstNonFinite(values.Values<double>()),
            _ => -1,
        };
        return bad < 0 ? values : throw new ModelFormatException($"{ModelFormatException.Quote(name)} is not finite at element {bad}", offset, _path);
    }

    private static int FirstNonFinite(ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
                return i;
        }
        return -1;
    }

    private GraphValue Value(OnnxValueInfo value)
    {
        string name = ModelFormatException.Quote(value.Name);
        if (value.DataType == 0)
            throw new ModelFormatException($"{name} is no tensor of a known type", value.Offset, _path);
        // Narrower types are widened inside a graph, but what comes in and goes out has the type that the file names.
        ElementType type = value.DataType is 1 or 6 or 7 or 9 or 11 ? OnnxTensorData.RunType(value.DataType)!.Value
            : throw new ModelFormatException($"{name} has elements of type {OnnxTensorData.TypeName(value.DataType)}, which FastRnn does not compute with", value.Offset, _path);
        return new GraphValue(value.Name, type, value.Dimensions?.Select(dimension => new GraphDimension(dimension.Size, dimension.Symbol)).ToArray());
    }

    private GraphNode Node(OnnxNode node)
    {
        var attributes = new Dictionary<string, GraphAttribute>(StringComparer.Ordinal);
        foreach (OnnxAttribute attribute in node.Attributes)
        {
            if (!attributes.TryAdd(attribute.Name, Attribute(attribute)))
                throw new ModelFormatException($"attribute {ModelFormatException.Quote(attribute.Name)} comes twice", attribute.Offset, _path);
        }
        return new GraphNode
        {
            Operator = node.Operator,
            Domain = node.Domain,
            Name = node.Name,
            Opset = _model.Opset,
            Inputs = [.. node.Inputs],
            Outputs = [.. node.Outputs],
            Attributes = attributes,
            Offset = node.Offset,
        };
    }

    /// <summary>A constant's elements are weights; what other lists may hold, their operators say.</summary>
    private float[] Finite(OnnxAttribute attribute)
    {
        float[] values = [.. attribute.Floats];
        if (attribute.Name == "value_floats")
            Finite(GraphTensor.Of<float>(values, values.Length), attribute.Name, attribute.Offset);
        return values;
    }

    private GraphAttribute Attribute(OnnxAttribute attribute) => attribute.Type switch
    {
        OnnxAttributeType.Float => new(AttributeKind.Float) { Float = attribute.Float },
        OnnxAttributeType.Int => new(AttributeKind.Integer) { Integer = attribute.Int },
        OnnxAttributeType.String => new(AttributeKind.Text) { Text = attribute.Text },
        OnnxAttributeType.Tensor => new(AttributeKind.Tensor)
        {
            Tensor = Finite(
                _data.Read(attribute.Tensor ?? throw new ModelFormatException($"attribute {ModelFormatException.Quote(attribute.Name)} has no tensor", attribute.Offset, _path)),
                attribute.Name, attribute.Offset),
        },
        OnnxAttributeType.Floats => new(AttributeKind.Floats) { Floats = Finite(attribute) },
        OnnxAttributeType.Ints => new(AttributeKind.Integers) { Integers = [.. attribute.Ints] },
        OnnxAttributeType.Strings => new(AttributeKind.Texts) { Texts = [.. attribute.Texts] },
        _ => new(AttributeKind.Other),
    };
}
