using System.Runtime.InteropServices;

namespace FastRnn.Tests.Support;

/// <summary>A tensor as ONNX knows it: element type by ONNX's number, sizes, and the elements' little-endian bytes in row-major order.</summary>
internal sealed record OnnxValue(int Type, long[] Shape, byte[] Bytes)
{
    public const int Float = 1, Int32 = 6, Int64 = 7, Bool = 9;

    public float[] Floats => Type == Float ? MemoryMarshal.Cast<byte, float>(Bytes).ToArray() : throw new InvalidOperationException($"elements have the type {Type}");

    public long[] Longs => Type == Int64 ? MemoryMarshal.Cast<byte, long>(Bytes).ToArray() : throw new InvalidOperationException($"elements have the type {Type}");

    public static OnnxValue Of(float[] values, params long[] shape) => Of(Float, values, shape);

    public static OnnxValue Of(int[] values, params long[] shape) => Of(Int32, values, shape);

    public static OnnxValue Of(long[] values, params long[] shape) => Of(Int64, values, shape);

    public static OnnxValue Of(bool[] values, params long[] shape) => Of(Bool, values, shape);

    private static OnnxValue Of<T>(int type, T[] values, long[] shape)
        where T : unmanaged
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        return count == values.Length
            ? new(type, shape, MemoryMarshal.AsBytes<T>(values).ToArray())
            : throw new ArgumentException($"{values.Length} values, the shape holds {count}");
    }
}
