namespace FastRnn.Formats.Dialects;

/// <summary>
/// What a model file of another program may ask of its reader. Each is checked before anything of the declared size is allocated. Documented in SECURITY.md;
/// whoever reads files of strangers sets them lower.
/// </summary>
public sealed record ImportLimits
{
    /// <summary>The defaults.</summary>
    public static ImportLimits Default { get; } = new();

    /// <summary>Bytes of the file, and of each file of external data.</summary>
    public long FileBytes { get; init; } = 2L << 30;

    /// <summary>Bytes of all tensors together, as float32, after decompression.</summary>
    public long TensorBytes { get; init; } = 2L << 30;

    /// <summary>Tensors, or data sets, of a file.</summary>
    public int Tensors { get; init; } = 65_536;

    /// <summary>Nodes of a graph, and of what is derived from it.</summary>
    public int Nodes { get; init; } = 65_536;

    /// <summary>Dimensions of a tensor.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>UTF-8 bytes of a name.</summary>
    public int NameBytes { get; init; } = 1_024;

    /// <summary>Bytes of text – JSON, metadata – beside weights that are text themselves.</summary>
    public int TextBytes { get; init; } = 16 << 20;

    /// <summary>Values nested in each other in JSON.</summary>
    public int JsonDepth { get; init; } = 32;

    /// <summary>Groups nested in each other in HDF5.</summary>
    public int Depth { get; init; } = 32;

    /// <summary>Bytes that a compressed byte may become.</summary>
    public int CompressionRatio { get; init; } = 200;
}
