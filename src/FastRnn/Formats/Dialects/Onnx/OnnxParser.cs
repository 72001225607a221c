namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// The messages of an ONNX file (onnx.proto, IR versions 3 to 13). Field numbers stand in the switches. Graphs inside attributes are not looked at: no operator
/// here has one; so nothing nests deeper than model, graph, node, attribute, tensor.
/// </summary>
internal sealed class OnnxParser(byte[] bytes, string? path, ImportLimits limits)
{
    private int _tensors;

    /// <exception cref="ModelFormatException">The bytes are not a model.</exception>
    public static OnnxModel Model(byte[] bytes, string? path, ImportLimits limits) => new OnnxParser(bytes, path, limits).Model();

    /// <summary>A TensorProto that stands alone, as test data does.</summary>
    public static OnnxTensor Tensor(byte[] bytes, string? path, ImportLimits limits) =>
        new OnnxParser(bytes, path, limits).Tensor(new ProtoReader(bytes, 0, bytes.Length, path));

    private OnnxModel Model()
    {
        var model = new OnnxModel();
        var reader = new ProtoReader(bytes, 0, bytes.Length, path);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Once("ir_version");
                    model.IrVersion = reader.Integer(3, 13, "ir_version");
                    break;
                case 2:
                    model.Producer = reader.Text(limits.NameBytes, "producer_name");
                    break;
                case 3:
                    model.ProducerVersion = reader.Text(limits.NameBytes, "producer_version");
                    break;
                case 7:
                    reader.Once("the graph");
                    model.Graph = Graph(reader.Message());
                    break;
                case 8:
                    Opset(model, reader.FieldStart, reader.Message());
                    break;
                case 14:
                    (string key, string value) = Entry(reader.Message(), limits.TextBytes);
                    if (!model.Metadata.TryAdd(key, value))
                        throw reader.Error($"metadata {ModelFormatException.Quote(key)} comes twice");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        return model.IrVersion == 0 ? throw reader.Error("ir_version is missing", 0)
            : model.Graph == null ? throw reader.Error("the graph is missing", bytes.Length)
            : model.Opset == 0 ? throw reader.Error("no version of the operators is named", bytes.Length)
            : model;
    }

    private void Opset(OnnxModel model, int offset, ProtoReader reader)
    {
        string domain = "";
        long version = 0;
        while (reader.Next())
        {
            if (reader.Field == 1)
                domain = reader.Text(limits.NameBytes, "domain");
            else if (reader.Field == 2)
                version = reader.Integer();
            else
                reader.Skip();
        }
        if (domain is not ("" or "ai.onnx"))
            return; // A node of such a domain is refused by name, and there may be none.
        if (model.Opset != 0)
            throw reader.Error("the version of the operators comes twice", offset);
        if (version is < Graphs.OperatorTable.FirstOpset or > Graphs.OperatorTable.LastOpset)
            throw reader.Error($"opset {version} is not one of {Graphs.OperatorTable.FirstOpset} to {Graphs.OperatorTable.LastOpset}", offset);
        (model.Opset, model.OpsetOffset) = ((int)version, offset);
    }

    private OnnxGraph Graph(ProtoReader reader)
    {
        var graph = new OnnxGraph(reader.Start);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    if (graph.Nodes.Count == limits.Nodes)
                        throw reader.Error($"more than the limit of {limits.Nodes} nodes");
                    graph.Nodes.Add(Node(reader.Message()));
                    break;
                case 2:
                    graph.Name = reader.Text(limits.NameBytes, "the graph's name");
                    break;
                case 5:
                    graph.Initializers.Add(Tensor(reader.Message()));
                    break;
                case 11:
                    AddValue(graph.Inputs, ref reader);
                    break;
                case 12:
                    AddValue(graph.Outputs, ref reader);
                    break;
                case 15:
                    throw reader.Error("sparse initializers are not supported");
                default:
                    reader.Skip();
                    break;
            }
        }
        return graph;
    }

    private void AddValue(List<OnnxValueInfo> to, ref ProtoReader reader)
    {
        if (to.Count == limits.Tensors)
            throw reader.Error($"more than the limit of {limits.Tensors} inputs or outputs");
        to.Add(Value(reader.Message()));
    }

    private OnnxNode Node(ProtoReader reader)
    {
        var node = new OnnxNode(reader.Start);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    node.Inputs.Add(reader.Text(limits.NameBytes, "the name of an input"));
                    break;
                case 2:
                    node.Outputs.Add(reader.Text(limits.NameBytes, "the name of an output"));
                    break;
                case 3:
                    reader.Once("the node's name");
                    node.Name = reader.Text(limits.NameBytes, "the node's name");
                    break;
                case 4:
                    reader.Once("op_type");
                    node.Operator = reader.Text(limits.NameBytes, "op_type");
                    break;
                case 5:
                    node.Attributes.Add(Attribute(reader.Message()));
                    break;
                case 7:
                    reader.Once("the node's domain");
                    node.Domain = reader.Text(limits.NameBytes, "the node's domain");
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        return node.Operator.Length > 0 ? node : throw reader.Error("a node names no operator", reader.Start);
    }

    private OnnxAttribute Attribute(ProtoReader reader)
    {
        var attribute = new OnnxAttribute(reader.Start);
        OnnxAttributeType seen = OnnxAttributeType.Undefined;
        while (reader.Next())
        {
            int field = reader.Field;
            if (field is not (>= 2 and <= 11))
            {
                ReadHead(ref reader, attribute);
                continue;
            }
            ReadValue(ref reader, attribute);
            seen = field switch
            {
                2 => OnnxAttributeType.Float,
                3 => OnnxAttributeType.Int,
                4 => OnnxAttributeType.String,
                5 => OnnxAttributeType.Tensor,
                7 => OnnxAttributeType.Floats,
                8 => OnnxAttributeType.Ints,
                9 => OnnxAttributeType.Strings,
                _ => OnnxAttributeType.Graph,
            };
        }
        if (attribute.Name.Length == 0)
            throw reader.Error("an attribute has no name", reader.Start);
        if (attribute.Type == OnnxAttributeType.Undefined)
            attribute.Type = seen;
        else if (seen != OnnxAttributeType.Undefined && attribute.Type <= OnnxAttributeType.Strings && attribute.Type != seen)
            throw reader.Error($"attribute {ModelFormatException.Quote(attribute.Name)} says it is of type {attribute.Type} but holds {seen}", reader.Start);
        return attribute;
    }

    private void ReadHead(ref ProtoReader reader, OnnxAttribute attribute)
    {
        switch (reader.Field)
        {
            case 1:
                reader.Once("the attribute's name");
                attribute.Name = reader.Text(limits.NameBytes, "the attribute's name");
                break;
            case 20:
                reader.Once("the attribute's type");
                attribute.Type = (OnnxAttributeType)reader.Integer(0, 14, "the attribute's type");
                break;
            case 21:
                throw reader.Error("an attribute refers to a function's, and functions are not supported");
            default:
                reader.Skip();
                break;
        }
    }

    private void ReadValue(ref ProtoReader reader, OnnxAttribute attribute)
    {
        switch (reader.Field)
        {
            case 2:
                reader.Once("the attribute's value");
                attribute.Float = reader.Float();
                break;
            case 3:
                reader.Once("the attribute's value");
                attribute.Int = reader.Integer();
                break;
            case 4:
                reader.Once("the attribute's value");
                attribute.Text = reader.Text(limits.TextBytes, "the attribute's text");
                break;
            case 5:
                reader.Once("the attribute's value");
                attribute.Tensor = Tensor(reader.Message());
                break;
            case 7:
                reader.Floats(attribute.Floats);
                break;
            case 8:
                reader.Integers(attribute.Ints);
                break;
            case 9:
                attribute.Texts.Add(reader.Text(limits.TextBytes, "the attribute's text"));
                break;
            default:
                reader.Skip();
                break;
        }
    }

    private OnnxValueInfo Value(ProtoReader reader)
    {
        var value = new OnnxValueInfo(reader.Start);
        while (reader.Next())
        {
            if (reader.Field == 1)
                value.Name = reader.Text(limits.NameBytes, "the name of an input or output");
            else if (reader.Field == 2)
                Type(reader.Message(), value);
            else
                reader.Skip();
        }
        return value.Name.Length > 0 ? value : throw reader.Error("an input or output has no name", reader.Start);
    }

    private void Type(ProtoReader type, OnnxValueInfo value)
    {
        while (type.Next())
        {
            if (type.Field != 1)
            {
                type.Skip();
                continue;
            }
            ProtoReader tensor = type.Message();
            while (tensor.Next())
            {
                if (tensor.Field == 1)
                    value.DataType = (int)tensor.Integer(0, 1000, "the element type");
                else if (tensor.Field == 2)
                    value.Dimensions = Shape(tensor.Message());
                else
                    tensor.Skip();
            }
        }
    }

    private List<OnnxDimension> Shape(ProtoReader shape)
    {
        var dimensions = new List<OnnxDimension>();
        while (shape.Next())
        {
            if (shape.Field != 1)
            {
                shape.Skip();
                continue;
            }
            if (dimensions.Count == limits.Rank)
                throw shape.Error($"more than the limit of {limits.Rank} dimensions");
            ProtoReader reader = shape.Message();
            var dimension = new OnnxDimension(-1, null);
            while (reader.Next())
            {
                // Some writers say −1 or 0 for an open size; a size of 0 has no other use at a graph's border.
                if (reader.Field == 1)
                    dimension = new OnnxDimension((int)reader.Integer(-1, int.MaxValue, "a size") is > 0 and int size ? size : -1, null);
                else if (reader.Field == 2)
                    dimension = new OnnxDimension(-1, reader.Text(limits.NameBytes, "the name of a size"));
                else
                    reader.Skip();
            }
            dimensions.Add(dimension);
        }
        return dimensions;
    }

    private OnnxTensor Tensor(ProtoReader reader)
    {
        if (_tensors++ == limits.Tensors)
            throw reader.Error($"more than the limit of {limits.Tensors} tensors", reader.Start);
        var tensor = new OnnxTensor(reader.Start, reader.End);
        var sizes = new List<long>();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.Integers(sizes);
                    if (sizes.Count > limits.Rank)
                        throw reader.Error($"more than the limit of {limits.Rank} dimensions");
                    break;
                case 2:
                    reader.Once("data_type");
                    tensor.DataType = (int)reader.Integer(0, 1000, "data_type");
                    break;
                case 3:
                    throw reader.Error("tensors in segments are not supported");
                case 8:
                    reader.Once("the tensor's name");
                    tensor.Name = reader.Text(limits.NameBytes, "the tensor's name");
                    break;
                case 9:
                    reader.Once("raw_data");
                    (tensor.RawStart, tensor.RawLength) = reader.Range();
                    break;
                case 13:
                    (string key, string value) = Entry(reader.Message(), limits.NameBytes);
                    if (!tensor.External.TryAdd(key, value))
                        throw reader.Error($"external data {ModelFormatException.Quote(key)} comes twice");
                    break;
                case 14:
                    reader.Once("data_location");
                    tensor.IsExternal = reader.Integer(0, 1, "data_location") == 1;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        foreach (long size in sizes)
        {
            if (size is < 0 or > int.MaxValue)
                throw reader.Error($"tensor {ModelFormatException.Quote(tensor.Name)} has a size of {size}", reader.Start);
            tensor.Dimensions.Add((int)size);
        }
        return tensor;
    }

    private (string Key, string Value) Entry(ProtoReader reader, int longest)
    {
        string key = "", value = "";
        while (reader.Next())
        {
            if (reader.Field == 1)
                key = reader.Text(limits.NameBytes, "a key");
            else if (reader.Field == 2)
                value = reader.Text(longest, "a value");
            else
                reader.Skip();
        }
        return (key, value);
    }
}
