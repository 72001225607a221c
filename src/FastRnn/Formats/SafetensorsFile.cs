using System.Runtime.InteropServices;

namespace FastRnn.Formats;

/// <summary>
/// The content of a safetensors file: text metadata and named tensors, in the order of their bytes in the file.
/// </summary>
internal sealed class SafetensorsFile
{
    /// <summary>The <c>__metadata__</c> object without FastRnn's own envelope keys; written in ordinal order.</summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public List<SafetensorsTensor> Tensors { get; } = [];

    /// <summary>The tensor of that name, or null.</summary>
    public SafetensorsTensor? Find(string name) => Tensors.Find(tensor => tensor.Name == name);
}

/// <summary>One tensor: row-major little-endian bytes, owned by this object.</summary>
internal sealed class SafetensorsTensor
{
    /// <summary>A zeroed tensor.</summary>
    public SafetensorsTensor(string name, TensorType type, params int[] shape)
        : this(name, type, shape, new byte[Length(name, type, shape)])
    {
    }

    public SafetensorsTensor(string name, TensorType type, int[] shape, byte[] bytes, long offset = 0)
    {
        if (bytes.LongLength != Length(name, type, shape))
            throw new ArgumentException($"{name}: {bytes.LongLength} bytes do not fill {type.Name()} {ShapeText(shape)}.");
        (Name, Type, Shape, Bytes, Offset) = (name, type, shape, bytes, offset);
    }

    public string Name { get; }

    public TensorType Type { get; }

    public int[] Shape { get; }

    public byte[] Bytes { get; }

    /// <summary>Where the bytes begin in the file they were read from: errors about values point there.</summary>
    public long Offset { get; }

    public Span<float> Floats => View<float>(TensorType.F32);

    public Span<double> Doubles => View<double>(TensorType.F64);

    public Span<long> Longs => View<long>(TensorType.I64);

    public static string ShapeText(IReadOnlyList<int> shape) => $"[{string.Join(", ", shape)}]";

    public override string ToString() => $"{Name} {Type.Name()} {ShapeText(Shape)}";

    private static long Length(string name, TensorType type, int[] shape)
    {
        long length = Array.IndexOf(shape, 0) >= 0 ? 0 : type.Size(); // Asked first: the other sizes of an empty tensor may have any product.
        for (int i = 0; i < shape.Length && length > 0; i++)
        {
            if (length > SafetensorsLimits.TensorBytes / shape[i])
                throw new NotSupportedException($"tensor {name} {ShapeText(shape)} is larger than the {SafetensorsLimits.TensorBytes} bytes that a file holds of one");
            length *= shape[i];
        }
        return length;
    }

    /// <summary>The bytes as numbers. Arrays start 8-byte aligned and every platform of .NET that FastRnn targets is little-endian.</summary>
    private Span<T> View<T>(TensorType type)
        where T : struct
    {
        if (Type != type)
            throw new InvalidOperationException($"{Name} holds {Type.Name()}, not {type.Name()}.");
        return MemoryMarshal.Cast<byte, T>(Bytes.AsSpan());
    }
}
