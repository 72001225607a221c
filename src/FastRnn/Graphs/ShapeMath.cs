namespace FastRnn.Graphs;

/// <summary>Sizes, where −1 stands for one that is not known before the run.</summary>
internal static class ShapeMath
{
    public const int Unknown = -1;

    /// <summary>Dimensions of any value: so many that nobody misses more, and so few that a number for each has room on the stack.</summary>
    public const int MostDimensions = 32;

    /// <summary>Number of elements; −1 where a size is not known or the product passes 2⁶².</summary>
    public static long Length(ReadOnlySpan<int> shape)
    {
        UInt128 length = 1;
        bool empty = false, open = false;
        foreach (int size in shape)
        {
            open |= size < 0;
            empty |= size == 0;
            if (size > 0 && length < (UInt128)1 << 62)
                length *= (uint)size;
        }
        return open ? -1 : empty ? 0 : length >= (UInt128)1 << 59 ? -1 : (long)length;
    }

    public static bool IsKnown(int[]? shape) => shape != null && Array.IndexOf(shape, Unknown) < 0;

    /// <summary>An axis counted from the end made one counted from the begin.</summary>
    public static int Axis(long axis, int rank, GraphNode node) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis)
        : throw node.Error($"axis {axis} is none of a tensor of {rank} dimensions");

    /// <summary>Shape of what is computed element by element of two tensors: sizes of 1 stretch.</summary>
    public static int[]? Broadcast(int[]? a, int[]? b, GraphNode node)
    {
        if (a == null || b == null)
            return null;
        var result = new int[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= result.Length; i++)
        {
            int left = i <= a.Length ? a[^i] : 1, right = i <= b.Length ? b[^i] : 1;
            result[^i] = left == 1 ? right
                : right == 1 || left == right ? left
                : left == Unknown ? right
                : right == Unknown ? left
                : throw node.Error($"shapes {SafeText.Shape(a)} and {SafeText.Shape(b)} do not match");
        }
        return result;
    }

    /// <summary>Elements between neighbours along each axis.</summary>
    public static void Strides(ReadOnlySpan<int> shape, Span<int> strides)
    {
        int stride = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }
    }

    /// <summary>Strides of a tensor that is stretched to a shape: 0 along axes that it lacks or has once.</summary>
    public static void StretchedStrides(ReadOnlySpan<int> shape, ReadOnlySpan<int> to, Span<int> strides)
    {
        strides.Clear();
        int stride = 1, lead = to.Length - shape.Length;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[lead + i] = shape[i] == 1 ? 0 : stride;
            stride *= shape[i];
        }
    }

    /// <summary>Known sizes multiplied.</summary>
    public static int Product(ReadOnlySpan<int> sizes, GraphNode node)
    {
        long product = Length(sizes);
        return product is >= 0 and <= int.MaxValue ? (int)product : throw node.Error($"{SafeText.Shape(sizes)} is too large");
    }

    /// <summary>Asked before an array of so many sizes is made.</summary>
    public static void CheckRank(long rank, GraphNode node)
    {
        if (rank > MostDimensions)
            throw node.Error($"{rank} dimensions are more than {MostDimensions}");
    }
}
