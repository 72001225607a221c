using System.Runtime.InteropServices;

namespace FastRnn.Graphs.Operators;

/// <summary>Copies a tensor whose elements lie elsewhere in another order: what transposing, slicing and stretching have in common. Of any element type.</summary>
internal static class StridedCopy
{
    /// <summary>Fills y in order; element (i, j, …) comes from element start + i·strides[0] + j·strides[1] + … of x.</summary>
    public static void Run(GraphTensor x, GraphTensor y, int start, ReadOnlySpan<int> strides)
    {
        switch (y.Type.Size())
        {
            case 1:
                Run<byte>(x.Bytes, y.Bytes, y.Shape, start, strides);
                break;
            case 4:
                Run(MemoryMarshal.Cast<byte, uint>(x.Bytes), MemoryMarshal.Cast<byte, uint>(y.Bytes), y.Shape, start, strides);
                break;
            default:
                Run(MemoryMarshal.Cast<byte, ulong>(x.Bytes), MemoryMarshal.Cast<byte, ulong>(y.Bytes), y.Shape, start, strides);
                break;
        }
    }

    private static void Run<T>(ReadOnlySpan<T> from, Span<T> to, ReadOnlySpan<int> shape, int start, ReadOnlySpan<int> strides)
    {
        if (to.Length == 0)
            return;
        if (shape.Length == 0)
        {
            to[0] = from[start];
            return;
        }
        Span<int> index = stackalloc int[shape.Length];
        index.Clear();
        int width = shape[^1], step = strides[^1], place = start, unused = 0;
        for (int row = 0; row < to.Length; row += width)
        {
            if (step == 1)
            {
                from.Slice(place, width).CopyTo(to[row..]);
            }
            else
            {
                for (int i = 0; i < width; i++)
                    to[row + i] = from[place + (i * step)];
            }
            ElementLoops.Next(shape, index, strides, strides, ref place, ref unused);
        }
    }
}
