using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>What a data set or attribute is made of.</summary>
internal enum HdfKind
{
    /// <summary>IEEE 754, 16 bits.</summary>
    Half,

    /// <summary>IEEE 754, 32 bits.</summary>
    Single,

    /// <summary>IEEE 754, 64 bits.</summary>
    Double,

    /// <summary>Text of a fixed number of bytes.</summary>
    FixedText,

    /// <summary>Text in the global heap.</summary>
    Text,

    /// <summary>Anything else, by name.</summary>
    Other,
}

/// <summary>A data type: IEEE numbers and texts are read, all others have a name for messages.</summary>
internal readonly record struct HdfType(HdfKind Kind, int Bytes, string Name, int Padding = 0)
{
    private static readonly string[] _classes =
        ["integers", "floating point of a kind that is not IEEE", "times", "text", "bit fields", "opaque bytes", "compounds", "references", "enumerations", "lists of any length", "arrays"];

    public bool IsNumber => Kind <= HdfKind.Double;

    public bool IsText => Kind is HdfKind.FixedText or HdfKind.Text;

    public static HdfType Read(HdfCursor cursor)
    {
        int head = cursor.Byte(), kind = head & 15, version = head >> 4;
        uint bits = (uint)cursor.Number(3), size = cursor.UInt32();
        if (version is < 1 or > 3 || size is 0 or > int.MaxValue || kind >= _classes.Length)
            throw cursor.ErrorAtStart($"a data type of class {kind}, version {version} and {size} bytes is not read");
        return kind switch
        {
            1 => Number(cursor, bits, (int)size),
            3 => new(HdfKind.FixedText, (int)size, "text", (int)(bits & 15)),
            9 when (bits & 15) == 1 && size == 16 => new(HdfKind.Text, 16, "text"),
            _ => new(HdfKind.Other, (int)size, _classes[kind]),
        };
    }

    /// <summary>Little-endian IEEE 754 and nothing that only looks like it.</summary>
    private static HdfType Number(HdfCursor cursor, uint bits, int size)
    {
        (HdfKind kind, int exponent, int mantissa, uint bias) = size switch
        {
            2 => (HdfKind.Half, 5, 10, 15u),
            4 => (HdfKind.Single, 8, 23, 127u),
            8 => (HdfKind.Double, 11, 52, 1023u),
            _ => (HdfKind.Other, 0, 0, 0u),
        };
        bool plain = bits == (0x20u | ((uint)((size * 8) - 1) << 8)) && cursor.UInt16() == 0 && cursor.UInt16() == size * 8
            && cursor.Byte() == mantissa && cursor.Byte() == exponent && cursor.Byte() == 0 && cursor.Byte() == mantissa && cursor.UInt32() == bias;
        if (plain && kind != HdfKind.Other)
            return new(kind, size, $"float{size * 8}");
        return new(HdfKind.Other, size, (bits & 1) != 0 ? "big-endian floating point" : _classes[1]);
    }
}

/// <summary>The sizes of a data set or attribute; empty for one value.</summary>
internal static class HdfShape
{
    /// <summary>At most so many dimensions, none beyond 2³¹ − 1.</summary>
    public static int[] Read(HdfCursor cursor, ImportLimits limits)
    {
        long at = cursor.Offset;
        int version = cursor.Byte(), rank = cursor.Byte(), flags = cursor.Byte();
        if (version is not (1 or 2))
            throw cursor.ErrorAtStart($"version {version} of sizes; 1 and 2 are read");
        if (rank > limits.Rank)
            throw cursor.ErrorAtStart($"{rank} dimensions; {limits.Rank} are the most");
        if (version == 1)
            cursor.Skip(5);
        else if (cursor.Byte() == 2)
            throw cursor.ErrorAtStart("a null data space holds no values");
        var shape = new int[rank];
        for (int i = 0; i < rank; i++)
        {
            ulong size = cursor.UInt64();
            shape[i] = size <= int.MaxValue ? (int)size : throw cursor.ErrorAtStart($"dimension {i} is {size}; {int.MaxValue} is the most");
        }
        if ((flags & 1) != 0)
            cursor.Skip(8 * rank);
        return shape;
    }

    /// <summary>The product of the sizes. 2⁶⁴ stands for all that no file can hold: times the bytes of an element it does not wrap.</summary>
    public static UInt128 Count(ReadOnlySpan<int> shape) => ShapeMath.Length(shape) is >= 0 and var count ? (UInt128)count : (UInt128)1 << 64;
}
