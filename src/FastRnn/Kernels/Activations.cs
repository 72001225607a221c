using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// y = f(x) and dX = dY·f′(x), element by element, over one row. Padding may hold anything where it is read and is zero where it is
/// written: f(0) need not be 0.
/// </summary>
internal static unsafe class Activations
{
    /// <summary>y = f(x); both padded to 16, y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward<L, V, TFunction>(float* x, float* y, nint columns, CellFunctionArgs chosen)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TFunction : struct, IFunction
    {
        float* last = stackalloc float[16];
        nint body = (columns - 1) & ~(nint)15;
        for (nint i = 0; i < body; i += L.Width)
            L.Store(y + i, TFunction.Value<L, V>(chosen, L.Load(x + i)));
        for (int lane = 0; lane < 16; lane += L.Width)
            L.Store(last + lane, TFunction.Value<L, V>(chosen, L.Load(x + body + lane)));
        StoreLast(last, y + body, columns - body);
    }

    /// <summary>dX = dY·f′, from x and y = f(x); all padded to 16, dX may be dY.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward<L, V, TFunction>(float* x, float* y, float* dY, float* dX, nint columns, CellFunctionArgs chosen)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TFunction : struct, IFunction
    {
        float* last = stackalloc float[16];
        nint body = (columns - 1) & ~(nint)15;
        for (nint i = 0; i < body; i += L.Width)
            L.Store(dX + i, TFunction.Gradient<L, V>(chosen, L.Load(x + i), L.Load(y + i), L.Load(dY + i)));
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            nint i = body + lane;
            L.Store(last + lane, TFunction.Gradient<L, V>(chosen, L.Load(x + i), L.Load(y + i), L.Load(dY + i)));
        }
        StoreLast(last, dX + body, columns - body);
    }

    /// <summary>The last line of a row: <paramref name="count"/> elements, then zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreLast(float* last, float* target, nint count)
    {
        for (int i = 0; i < 16; i++)
            target[i] = i < count ? last[i] : 0f;
    }
}

/// <summary>A point-wise function whose derivative may need its argument. All but one do without a choice at run time.</summary>
internal interface IFunction
{
    /// <summary>y = f(x).</summary>
    static abstract V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged;

    /// <summary>dy·f'(x), from x and y, whichever is cheaper.</summary>
    static abstract V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged;
}

/// <summary>A function of the recurrent cells.</summary>
internal readonly unsafe struct CellFunction<TActivation> : IFunction
    where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged => TActivation.Value<L, V>(null, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => TActivation.Gradient<L, V>(null, y, dy);
}

/// <summary>The function of the cells that is chosen at run time.</summary>
internal readonly struct ChosenFunction : IFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged => CellFunctions.Value<L, V>(chosen, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, CellFunctions.Slope<L, V>(chosen, y));
}

/// <summary>(x + 3)/6 within [0, 1]; 1 ulp.</summary>
internal readonly struct HardSigmoidFunction : IFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V six = L.Broadcast(6f);
        return L.Divide(L.Min(six, L.Max(L.Broadcast(0f), L.Add(x, L.Broadcast(3f)))), six);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f);
        V inside = L.SelectLess(L.Broadcast(-3f), x, L.Broadcast(1f / 6f), zero);
        return L.Multiply(dy, L.SelectLess(x, L.Broadcast(3f), inside, zero));
    }
}

/// <summary>log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|}), slope σ(x).</summary>
internal readonly struct SoftplusFunction : IFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged =>
        L.Add(L.Max(L.Broadcast(0f), x), LogisticLoss.Log1p<L, V>(VectorMath.Exp<L, V>(L.Or(x, L.Broadcast(-0f)))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(dy, VectorMath.Sigmoid<L, V>(x));
}

/// <summary>x·σ(x), slope σ·(1 + x·(1 − σ)).</summary>
internal readonly struct SiluFunction : IFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<L, V>(in CellFunctionArgs chosen, V x)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Multiply(x, VectorMath.Sigmoid<L, V>(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<L, V>(in CellFunctionArgs chosen, V x, V y, V dy)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V one = L.Broadcast(1f), sigmoid = VectorMath.Sigmoid<L, V>(x);
        return L.Multiply(dy, L.Multiply(sigmoid, L.MultiplyAdd(x, L.Subtract(one, sigmoid), one)));
    }
}
