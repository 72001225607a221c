using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Softmax and cross-entropy of one row of logits, fused:
/// <code>loss = log Σ exp(z − max z) + (max z − z_target)        dz = (softmax(z) − onehot(target)) · scale</code>
/// Subtracting the true maximum keeps every exponent ≤ 0, so no finite logits overflow. The sum runs in sixteen virtual accumulators.
/// </summary>
internal static unsafe class SoftmaxCrossEntropy
{
    /// <summary>
    /// Loss of one row in nats. logits [padded to 16], classes ≥ 1, target in [0, classes). Unless null, gradient [padded to 16] is
    /// written, its padding zero. The two may not overlap.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Row<L, V>(float* logits, nint classes, nint target, float scale, float* gradient)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* tail = stackalloc float[32];
        float* acc = tail + 16;
        nint body = (classes - 1) & ~(nint)15;
        CopyTail(logits, body, classes, tail);

        float max = Maximum<L, V>(logits, body, tail, acc);
        V vmax = L.Broadcast(max);
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V sum = L.Broadcast(0f);
            for (nint i = lane; i < body; i += 16)
            {
                V e = VectorMath.Exp<L, V>(L.Subtract(L.Load(logits + i), vmax));
                sum = L.Add(sum, e);
                if (gradient != null)
                    L.Store(gradient + i, e);
            }
            V last = VectorMath.Exp<L, V>(L.Subtract(L.Load(tail + lane), vmax));
            L.Store(acc + lane, L.Add(sum, last));
            if (gradient != null)
                L.Store(gradient + body + lane, last);
        }
        float total = Reductions.Tree(acc);
        float loss = ScalarLog(total) + (max - logits[target]);
        if (gradient != null)
            ScaleGradient<L, V>(gradient, body + 16, target, total, scale);
        return loss;
    }

    /// <summary>
    /// The last 16 logits, from <paramref name="body"/> on, with −∞ where there is none: exp makes it an exact zero, and the maximum ignores it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CopyTail(float* logits, nint body, nint count, float* tail)
    {
        for (int i = 0; i < 16; i++)
            tail[i] = body + i < count ? logits[body + i] : float.NegativeInfinity;
    }

    /// <summary>The largest of body logits (a multiple of 16) and of the 16 in tail; acc is scratch for 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float Maximum<L, V>(float* logits, nint body, float* tail, float* acc)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V max = L.Load(tail + lane);
            for (nint i = lane; i < body; i += 16)
                max = L.Max(max, L.Load(logits + i)); // a NaN logit survives here or shows up in the sum
            L.Store(acc + lane, max);
        }
        float result = acc[0];
        for (int i = 1; i < 16; i++)
            result = acc[i] > result ? acc[i] : result;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScaleGradient<L, V>(float* gradient, nint length, nint target, float total, float scale)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V vTotal = L.Broadcast(total), vScale = L.Broadcast(scale);
        float atTarget = ((gradient[target] / total) - 1f) * scale;
        for (nint i = 0; i < length; i += L.Width)
            L.Store(gradient + i, L.Multiply(L.Divide(L.Load(gradient + i), vTotal), vScale));
        gradient[target] = atTarget;
    }

    /// <summary>
    /// What label smoothing adds to one row with logits z, class weights w and target t:
    /// <code>returns Σ_c w_c·(z_t − z_c)        gradient_c −= scale·w_c</code>
    /// so that Σ_c w_c·(−log p_c) = −log p_t·Σ w + the sum. Both arrays are padded to 16 with zeros; gradient may be null. The sum runs in
    /// sixteen virtual accumulators.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float SmoothRow<L, V>(float* logits, float* weights, nint classes, nint target, float scale, float* gradient)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* acc = stackalloc float[16];
        V atTarget = L.Broadcast(logits[target]), vScale = L.Broadcast(scale);
        for (int lane = 0; lane < 16; lane += L.Width)
        {
            V sum = L.Broadcast(0f);
            for (nint i = lane; i < classes + lane; i += 16) // whole lines: the padding weighs nothing
            {
                V w = L.Load(weights + i);
                sum = L.MultiplyAdd(w, L.Subtract(atTarget, L.Load(logits + i)), sum);
                if (gradient != null)
                    L.Store(gradient + i, L.NegatedMultiplyAdd(w, vScale, L.Load(gradient + i)));
            }
            L.Store(acc + lane, sum);
        }
        return Reductions.Tree(acc);
    }

    private static float ScalarLog(float x) => VectorMath.Log<ScalarLanes, float>(x);
}
