namespace FastRnn.Graphs.Operators;

/// <summary>A function of two elements.</summary>
internal interface IBinaryFunction<TLeft, TRight, TResult>
{
    TResult Apply(TLeft a, TRight b);
}

/// <summary>A function of one element.</summary>
internal interface IUnaryFunction<T>
{
    T Apply(T x);
}

/// <summary>The loops of operators that work element by element.</summary>
internal static class ElementLoops
{
    /// <summary>y = f(a, b), where sizes of 1 stretch.</summary>
    public static void Binary<TLeft, TRight, TResult, TFunction>(GraphTensor a, GraphTensor b, GraphTensor y, TFunction function)
        where TLeft : unmanaged
        where TRight : unmanaged
        where TResult : unmanaged
        where TFunction : struct, IBinaryFunction<TLeft, TRight, TResult>
    {
        Span<TLeft> left = a.Values<TLeft>();
        Span<TRight> right = b.Values<TRight>();
        Span<TResult> to = y.Values<TResult>();
        if (a.Length == y.Length && b.Length == y.Length)
        {
            for (int i = 0; i < to.Length; i++)
                to[i] = function.Apply(left[i], right[i]);
            return;
        }
        int rank = y.Shape.Length;
        Span<int> leftStrides = stackalloc int[rank], rightStrides = stackalloc int[rank], index = stackalloc int[rank];
        ShapeMath.StretchedStrides(a.Shape, y.Shape, leftStrides);
        ShapeMath.StretchedStrides(b.Shape, y.Shape, rightStrides);
        index.Clear();
        int width = rank == 0 ? 1 : y.Shape[^1], leftStep = rank == 0 ? 0 : leftStrides[^1], rightStep = rank == 0 ? 0 : rightStrides[^1];
        int l = 0, r = 0;
        for (int start = 0; start < to.Length; start += width)
        {
            for (int i = 0; i < width; i++)
                to[start + i] = function.Apply(left[l + (i * leftStep)], right[r + (i * rightStep)]);
            Next(y.Shape, index, leftStrides, rightStrides, ref l, ref r);
        }
    }

    /// <summary>y = f(x).</summary>
    public static void Unary<T, TFunction>(GraphTensor x, GraphTensor y, TFunction function)
        where T : unmanaged
        where TFunction : struct, IUnaryFunction<T>
    {
        Span<T> from = x.Values<T>(), to = y.Values<T>();
        for (int i = 0; i < to.Length; i++)
            to[i] = function.Apply(from[i]);
    }

    /// <summary>The places of the next row of the last axis in two tensors.</summary>
    public static void Next(ReadOnlySpan<int> shape, Span<int> index, ReadOnlySpan<int> leftStrides, ReadOnlySpan<int> rightStrides, ref int left, ref int right)
    {
        for (int axis = shape.Length - 2; axis >= 0; axis--)
        {
            left += leftStrides[axis];
            right += rightStrides[axis];
            if (++index[axis] < shape[axis])
                return;
            left -= leftStrides[axis] * shape[axis];
            right -= rightStrides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}
