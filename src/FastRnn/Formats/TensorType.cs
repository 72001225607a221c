namespace FastRnn.Formats;

/// <summary>Element types of safetensors that FastRnn reads and writes. Files are little-endian.</summary>
internal enum TensorType
{
    F32,
    F64,
    I64,
    I32,
    U8,
    F16,
    BF16,
}

internal static class TensorTypes
{
    /// <summary>Types that the format defines and FastRnn cannot read: an error can say so instead of calling the file broken.</summary>
    private static readonly string[] _unsupported =
        ["BOOL", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "U32", "U64", "C64"];

    /// <summary>Bytes per element.</summary>
    public static int Size(this TensorType type) => type switch
    {
        TensorType.F64 or TensorType.I64 => 8,
        TensorType.F32 or TensorType.I32 => 4,
        TensorType.F16 or TensorType.BF16 => 2,
        _ => 1,
    };

    /// <summary>The name used in the file.</summary>
    public static string Name(this TensorType type) => type switch
    {
        TensorType.F32 => "F32",
        TensorType.F64 => "F64",
        TensorType.I64 => "I64",
        TensorType.I32 => "I32",
        TensorType.F16 => "F16",
        TensorType.BF16 => "BF16",
        _ => "U8",
    };

    public static TensorType? Parse(string name) => name switch
    {
        "F32" => TensorType.F32,
        "F64" => TensorType.F64,
        "I64" => TensorType.I64,
        "I32" => TensorType.I32,
        "U8" => TensorType.U8,
        "F16" => TensorType.F16,
        "BF16" => TensorType.BF16,
        _ => null,
    };

    public static bool IsKnownButUnsupported(string name) => Array.IndexOf(_unsupported, name) >= 0;
}
