using System.Globalization;
using System.Runtime.InteropServices;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>Elements that come as text, one after the other; as many as the file has are kept, so a shape cannot ask for more.</summary>
internal sealed class TensorText(ElementType type, ImportLimits limits)
{
    private readonly List<byte> _bytes = [];

    public ElementType Type => type;

    public int Count => _bytes.Count / type.Size();

    /// <summary>Whether another element would be more than may be.</summary>
    public bool IsFull => _bytes.Count + 8L > Math.Min(limits.TensorBytes, Array.MaxLength);

    /// <summary>Takes an element; false where the text is none of the type.</summary>
    public bool Add(ReadOnlySpan<byte> text)
    {
        const NumberStyles Whole = NumberStyles.AllowLeadingSign;
        Span<byte> bytes = stackalloc byte[8];
        bytes = bytes[..type.Size()];
        bool known = !text.Contains((byte)0) && type switch // .NET's own conversions would pass over zeros at the end
        {
            ElementType.Float32 => Single(text, out float value) && BitConverter.TryWriteBytes(bytes, value),
            ElementType.Float64 => Double(text, out double value) && BitConverter.TryWriteBytes(bytes, value),
            ElementType.Int64 => long.TryParse(text, Whole, CultureInfo.InvariantCulture, out long value) && BitConverter.TryWriteBytes(bytes, value),
            ElementType.Int32 => int.TryParse(text, Whole, CultureInfo.InvariantCulture, out int value) && BitConverter.TryWriteBytes(bytes, value),
            _ => Truth(text, out bool value) && BitConverter.TryWriteBytes(bytes, value),
        };
        if (known)
            _bytes.AddRange(bytes);
        return known;
    }

    /// <summary>The elements; as many as the shape holds.</summary>
    public GraphTensor Tensor(ReadOnlySpan<int> shape)
    {
        var tensor = new GraphTensor(type, shape);
        CollectionsMarshal.AsSpan(_bytes).CopyTo(tensor.Bytes);
        return tensor;
    }

    /// <summary>An element as text that reads back as the same.</summary>
    public static string Write(GraphTensor tensor, int index) => tensor.Type switch
    {
        ElementType.Float32 => tensor.Values<float>()[index].ToString("R", CultureInfo.InvariantCulture),
        ElementType.Float64 => tensor.Values<double>()[index].ToString("R", CultureInfo.InvariantCulture),
        ElementType.Int64 => tensor.Values<long>()[index].ToString(CultureInfo.InvariantCulture),
        ElementType.Int32 => tensor.Values<int>()[index].ToString(CultureInfo.InvariantCulture),
        _ => tensor.Values<bool>()[index] ? "true" : "false",
    };

    /// <summary>Infinity and NaN also as C and NumPy write them; a number too large for its type is none of it.</summary>
    private static bool Single(ReadOnlySpan<byte> text, out float value)
    {
        bool known = Double(text, out double wide);
        value = known && float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float narrow) ? narrow : (float)wide;
        return known && (float.IsFinite(value) || !double.IsFinite(wide));
    }

    private static bool Double(ReadOnlySpan<byte> text, out double value)
    {
        value = text switch
        {
            _ when Is(text, "inf") || Is(text, "+inf") || Is(text, "infinity") => double.PositiveInfinity,
            _ when Is(text, "-inf") || Is(text, "-infinity") => double.NegativeInfinity,
            _ when Is(text, "nan") => double.NaN,
            _ => 0,
        };
        return value != 0 || (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value));
    }

    private static bool Truth(ReadOnlySpan<byte> text, out bool value)
    {
        value = Is(text, "true") || Is(text, "1");
        return value || Is(text, "false") || Is(text, "0");
    }

    private static bool Is(ReadOnlySpan<byte> text, string word) => System.Text.Ascii.EqualsIgnoreCase(text, word);
}
