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
}
