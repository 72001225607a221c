namespace FastRnn.Formats;

/// <summary>
/// What a file may ask of its reader. Every limit is checked before anything of the declared size is allocated; a reader therefore never
/// needs more than about twice the file's own length.
/// </summary>
internal sealed record SafetensorsLimits
{
    public const int HeaderBytes = 100_000_000;
    public const int Tensors = 65_536;
    public const int NameBytes = 1_024;
    public const int Rank = 8;
    public const int MetadataBytes = 1_000_000;
    public const int JsonDepth = 8;

    public static SafetensorsLimits Default { get; } = new();

    /// <summary>Bytes of one tensor: it lives in one array.</summary>
    public const long TensorBytes = 0x7FFFFFC7; // Array.MaxLength

    /// <summary>Largest file that is read at all.</summary>
    public long FileBytes { get; init; } = 1L << 40;
}

/// <summary>
/// Two metadata keys that FastRnn adds to what it writes. Plain safetensors has no checksum. The CRC covers the whole file, with its own
/// eight digits read as zeros, so a flipped bit anywhere is found. A file with any <c>fastrnn.</c> key must have a checksum – otherwise one
/// flipped bit in the key would switch the check off. Whoever rewrites a file with another tool sets it to <c>none</c>.
/// </summary>
internal static class SafetensorsEnvelope
{
    public const string Prefix = "fastrnn.";
    public const string FormatKey = "fastrnn.format";
    public const string Format = "1";
    public const string ChecksumKey = "fastrnn.crc32c";
    public const string Unchecked = "none";
    public const string Blank = "00000000";

    public static string Digits(uint crc) => crc.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
}
