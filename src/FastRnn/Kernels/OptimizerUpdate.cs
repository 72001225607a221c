using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>Constants of one update, the same for every element.</summary>
internal struct AdamConstants
{
    /// <summary>Clipping: multiplies the gradient first.</summary>
    public float Scale;
    public float Beta1, OneMinusBeta1, Beta2, OneMinusBeta2;

    /// <summary>rate / (1 − β1^step).</summary>
    public float StepSize;

    /// <summary>√(1 − β2^step).</summary>
    public float RootCorrection2;
    public float Epsilon;
}

/// <summary>Arrays and constants of the rule that all optimisers are cases of; null leaves out the line of an array.</summary>
internal unsafe struct UpdateArgs
{
    public float* W, G, First, Second, Mean, Largest;
    public float Scale, L2, WeightFactor;
    public float SecondKeep, SecondAdd, MeanKeep, MeanAdd;
    public float EpsilonInside, RootDivisor, EpsilonOutside;
    public float FirstKeep, FirstAdd, RateOfFirst, RateOfGradient;
    public bool FirstOfQuotient;
}

/// <summary>Updates of one flat run of weights; every length is a multiple of 16 and padding stays zero.</summary>
internal static unsafe class OptimizerUpdate
{
    /// <summary>w −= rate·(scale·g).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Sgd<L, V>(float* w, float* g, nint length, float rate, float scale)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V vRate = L.Broadcast(rate), vScale = L.Broadcast(scale);
        for (nint i = 0; i < length; i += L.Width)
            L.Store(w + i, L.NegatedMultiplyAdd(vRate, L.Multiply(vScale, L.Load(g + i)), L.Load(w + i)));
    }

    /// <summary>
    /// Adam (Kingma, Ba 2015), ε added to the bias-corrected root as in PyTorch:
    /// m = β1·m + (1−β1)·g   v = β2·v + (1−β2)·g²   w −= stepSize · m / (√v / rootCorrection2 + ε). Moments below 2⁻¹⁰⁰ become 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Adam<L, V>(float* w, float* g, float* m, float* v, nint length, AdamConstants* k)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V scale = L.Broadcast(k->Scale), beta1 = L.Broadcast(k->Beta1), rest1 = L.Broadcast(k->OneMinusBeta1);
        V beta2 = L.Broadcast(k->Beta2), rest2 = L.Broadcast(k->OneMinusBeta2);
        V step = L.Broadcast(k->StepSize), root2 = L.Broadcast(k->RootCorrection2), epsilon = L.Broadcast(k->Epsilon);
        for (nint i = 0; i < length; i += L.Width)
        {
            V gradient = L.Multiply(scale, L.Load(g + i));
            V first = LstmCell.Flush<L, V>(L.MultiplyAdd(beta1, L.Load(m + i), L.Multiply(rest1, gradient)));
            V second = LstmCell.Flush<L, V>(L.MultiplyAdd(beta2, L.Load(v + i), L.Multiply(L.Multiply(rest2, gradient), gradient)));
            L.Store(m + i, first);
            L.Store(v + i, second);
            V denominator = L.Add(L.Divide(L.Sqrt(second), root2), epsilon);
            L.Store(w + i, L.NegatedMultiplyAdd(step, L.Divide(first, denominator), L.Load(w + i)));
        }
    }

    /// <summary>
    /// Elements first … end − 1, multiples of 16, of SGD with momentum, AdaGrad, RMSProp, Adam's family and Nadam, in this order of roundings:
    /// g = fma(l2, w, scale·g)   v = fma(keep, v, (add·g)·g)   c = fma(keep, c, add·g)   s = fma(−c, c, v)   d = √(s + inside)/divisor + outside
    /// m = fma(keep, m, add·q)   u = fma(rate, m, rate'·q)   w = fma(factor, w, −u) or fma(factor, w, −u/d). Error: that of these roundings.
    /// The arrays come from memory and each is touched once, so the tests for absent ones cost nothing that could be seen.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Update<L, V>(UpdateArgs* a, nint first, nint end)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        bool normalised = a->Second != null, early = a->FirstOfQuotient;
        V scale = L.Broadcast(a->Scale), l2 = L.Broadcast(a->L2), factor = L.Broadcast(a->WeightFactor);
        V keep = L.Broadcast(a->FirstKeep), add = L.Broadcast(a->FirstAdd);
        // Negated, so that the last line is one rounding: negation rounds nothing.
        V rateOfFirst = L.Broadcast(-a->RateOfFirst), rateOfGradient = L.Broadcast(-a->RateOfGradient);
        for (nint i = first; i < end; i += L.Width)
        {
            V weight = L.Load(a->W + i);
            V gradient = L.MultiplyAdd(l2, weight, L.Multiply(scale, L.Load(a->G + i)));
            V denominator = normalised ? Denominator<L, V>(a, i, gradient) : L.Broadcast(1f);
            V source = early ? L.Divide(gradient, denominator) : gradient;
            V change = L.Multiply(rateOfGradient, source);
            if (a->First != null)
            {
                V m = LstmCell.Flush<L, V>(L.MultiplyAdd(keep, L.Load(a->First + i), L.Multiply(add, source)));
                L.Store(a->First + i, m);
                change = L.MultiplyAdd(rateOfFirst, m, change);
            }
            if (normalised && !early)
                change = L.Divide(change, denominator);
            L.Store(a->W + i, L.MultiplyAdd(factor, weight, change));
        }
    }

    /// <summary>Moves v, c and the largest v one step on and returns d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Denominator<L, V>(UpdateArgs* a, nint i, V gradient)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V square = L.Multiply(L.Multiply(L.Broadcast(a->SecondAdd), gradient), gradient);
        V s = LstmCell.Flush<L, V>(L.MultiplyAdd(L.Broadcast(a->SecondKeep), L.Load(a->Second + i), square));
        L.Store(a->Second + i, s);
        if (a->Mean != null)
        {
            V added = L.Multiply(L.Broadcast(a->MeanAdd), gradient);
            V mean = LstmCell.Flush<L, V>(L.MultiplyAdd(L.Broadcast(a->MeanKeep), L.Load(a->Mean + i), added));
            L.Store(a->Mean + i, mean);
            s = L.Max(L.Broadcast(0f), L.NegatedMultiplyAdd(mean, mean, s)); // a variance; rounding may have made it negative
        }
        if (a->Largest != null)
        {
            s = L.Max(L.Load(a->Largest + i), s);
            L.Store(a->Largest + i, s);
        }
        V root = L.Sqrt(L.Add(s, L.Broadcast(a->EpsilonInside)));
        return L.Add(L.Divide(root, L.Broadcast(a->RootDivisor)), L.Broadcast(a->EpsilonOutside));
    }

    /// <summary>x = min(max(x, −limit), limit); NaN stays. length is a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Clamp<L, V>(float* x, nint length, float limit)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V low = L.Broadcast(-limit), high = L.Broadcast(limit);
        for (nint i = 0; i < length; i += L.Width)
            L.Store(x + i, L.Min(high, L.Max(low, L.Load(x + i))));
    }
}
