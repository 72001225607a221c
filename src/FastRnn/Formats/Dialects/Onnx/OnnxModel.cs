namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>An ONNX file as it stands there; every part knows the byte at which it begins.</summary>
internal sealed class OnnxModel
{
    public long IrVersion { get; set; }

    public string Producer { get; set; } = "";

    public string ProducerVersion { get; set; } = "";

    /// <summary>Version of ONNX's own operators; 0 where the file names none.</summary>
    public int Opset { get; set; }

    public long OpsetOffset { get; set; }

    public OnnxGraph? Graph { get; set; }

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);
}

internal sealed class OnnxGraph(long offset)
{
    public long Offset { get; } = offset;

    public string Name { get; set; } = "";

    public List<OnnxNode> Nodes { get; } = [];

    public List<OnnxTensor> Initializers { get; } = [];

    public List<OnnxValueInfo> Inputs { get; } = [];

    public List<OnnxValueInfo> Outputs { get; } = [];
}

internal sealed class OnnxNode(long offset)
{
    public long Offset { get; } = offset;

    public string Operator { get; set; } = "";

    public string Domain { get; set; } = "";

    public string Name { get; set; } = "";

    public List<string> Inputs { get; } = [];

    public List<string> Outputs { get; } = [];

    public List<OnnxAttribute> Attributes { get; } = [];
}

/// <summary>AttributeProto.AttributeType.</summary>
internal enum OnnxAttributeType
{
    Undefined = 0,
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
}

internal sealed class OnnxAttribute(long offset)
{
    public long Offset { get; } = offset;

    public string Name { get; set; } = "";

    /// <summary>As the file says; where old files say nothing, by the field that is there.</summary>
    public OnnxAttributeType Type { get; set; }

    public float Float { get; set; }

    public long Int { get; set; }

    public string Text { get; set; } = "";

    public OnnxTensor? Tensor { get; set; }

    public List<float> Floats { get; } = [];

    public List<long> Ints { get; } = [];

    public List<string> Texts { get; } = [];
}

/// <summary>A graph's input or output.</summary>
internal sealed class OnnxValueInfo(long offset)
{
    public long Offset { get; } = offset;

    public string Name { get; set; } = "";

    /// <summary>TensorProto.DataType; 0 where it is no tensor.</summary>
    public int DataType { get; set; }

    /// <summary>Null where the file does not even say how many.</summary>
    public List<OnnxDimension>? Dimensions { get; set; }
}

/// <summary>A size, or where it is open −1 and the name the file gives it.</summary>
internal readonly record struct OnnxDimension(int Size, string? Symbol);

/// <summary>A TensorProto: what it is, and where its elements lie. <see cref="OnnxTensorData"/> reads them.</summary>
internal sealed class OnnxTensor(int start, int end)
{
    public long Offset => Start;

    /// <summary>Of the message.</summary>
    public int Start { get; } = start;

    /// <summary>Behind the message.</summary>
    public int End { get; } = end;

    public string Name { get; set; } = "";

    public List<int> Dimensions { get; } = [];

    public int DataType { get; set; }

    /// <summary>Of raw_data; −1 where there is none.</summary>
    public int RawStart { get; set; } = -1;

    public int RawLength { get; set; }

    /// <summary>The elements lie in another file.</summary>
    public bool IsExternal { get; set; }

    public Dictionary<string, string> External { get; } = new(StringComparer.Ordinal);
}
