using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>Which draws make a row of a mask: Philox's key, the words of its counter but for the quad's number, and what the draws are compared with.</summary>
internal unsafe struct MaskArgs
{
    /// <summary>The two words of the key in every round: a sum that a row would otherwise repeat.</summary>
    public fixed uint Keys[2 * Philox.Rounds];

    /// <summary>Word 0 is this with the quad's number in its low bits.</summary>
    public uint Word0, Word1, Word2, Word3;

    /// <summary>Times 2²⁴, so that the draws need no scaling; exact.</summary>
    public float ScaledRate;

    /// <summary>Stands in the mask where the draw is at or above the rate; 0 elsewhere.</summary>
    public float Kept;

    public MaskArgs(ulong key, float rate, float kept)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < Philox.Rounds; round++, k0 += Philox.WeylA, k1 += Philox.WeylB)
            (Keys[2 * round], Keys[(2 * round) + 1]) = (k0, k1);
        ScaledRate = rate * (1 << 24);
        Kept = kept;
    }
}

/// <summary>Random masks and what is done with them. A mask selects: what it leaves out may be infinite or NaN and does not show.</summary>
internal static unsafe class Masks
{
    /// <summary>
    /// The mask of units first … first + length − 1; first is a multiple of 4, length anything. Lanes run over quads, so that each does what
    /// one draw alone would.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Draw<L, V>(MaskArgs* args, int first, nint length, float* to)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        int quad = first / 4;
        nint block = 4 * L.Width, i = 0;
        for (; i <= length - block; i += block, quad += L.Width)
            DrawQuads<L, V>(args, quad, to + i);
        if (i == length)
            return;
        float* last = stackalloc float[64];
        DrawQuads<L, V>(args, quad, last);
        new ReadOnlySpan<float>(last, (int)(length - i)).CopyTo(new Span<float>(to + i, (int)(length - i)));
    }

    /// <summary>y = x·mask; lengths are multiples of 16 here and below, y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply<L, V>(float* mask, float* x, float* y, nint length)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f);
        for (nint i = 0; i < length; i += L.Width)
        {
            V factor = L.Load(mask + i);
            L.Store(y + i, L.SelectLess(zero, factor, L.Multiply(L.Load(x + i), factor), zero));
        }
    }

    /// <summary>y = a where the mask is not 0, b elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Select<L, V>(float* mask, float* a, float* b, float* y, nint length)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f);
        for (nint i = 0; i < length; i += L.Width)
            L.Store(y + i, L.SelectLess(zero, L.Load(mask + i), L.Load(a + i), L.Load(b + i)));
    }

    /// <summary>The gradient of <see cref="Select"/>: y = x where the mask is not 0, and elsewhere x is added to <paramref name="other"/>; y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Divide<L, V>(float* mask, float* x, float* y, float* other, nint length)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V zero = L.Broadcast(0f);
        for (nint i = 0; i < length; i += L.Width)
        {
            V kept = L.Load(mask + i), value = L.Load(x + i);
            L.Store(other + i, L.Add(L.Load(other + i), L.SelectLess(zero, kept, zero, value)));
            L.Store(y + i, L.SelectLess(zero, kept, value, zero));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void DrawQuads<L, V>(MaskArgs* args, int quad, float* to)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        if (L.Width == 1)
        {
            DrawQuad(args, quad, to);
            return;
        }
        V a = Word<L, V>(Philox.MultiplierA), b = Word<L, V>(Philox.MultiplierB);
        V c0 = L.Or(L.QuadIndex(quad), Word<L, V>(args->Word0)), c1 = Word<L, V>(args->Word1);
        V c2 = Word<L, V>(args->Word2), c3 = Word<L, V>(args->Word3);
        for (int round = 0; round < Philox.Rounds; round++)
        {
            L.MultiplyWords(c0, a, out V highA, out V lowA);
            L.MultiplyWords(c2, b, out V highB, out V lowB);
            c0 = L.Xor(L.Xor(highB, c1), Word<L, V>(args->Keys[2 * round]));
            c2 = L.Xor(L.Xor(highA, c3), Word<L, V>(args->Keys[(2 * round) + 1]));
            (c1, c3) = (lowB, lowA);
        }
        L.StoreQuads(to, Compare<L, V>(args, c0), Compare<L, V>(args, c1), Compare<L, V>(args, c2), Compare<L, V>(args, c3));
    }

    /// <summary>One quad in portable code: words in general registers, and a comparison without a branch, which nobody could predict.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DrawQuad(MaskArgs* args, int quad, float* to)
    {
        ulong key = args->Keys[0] | ((ulong)args->Keys[1] << 32);
        var (x0, x1, x2, x3) = Philox.Draw((uint)quad | args->Word0, args->Word1, args->Word2, args->Word3, key);
        Vector128<float> draws = Vector128.ConvertToSingle((Vector128.Create(x0, x1, x2, x3) >>> 8).AsInt32());
        (Vector128.GreaterThanOrEqual(draws, Vector128.Create(args->ScaledRate)) & Vector128.Create(args->Kept)).Store(to);
    }

    /// <summary>As <see cref="Philox.ToUnit"/> does, both sides times 2²⁴.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Compare<L, V>(MaskArgs* args, V word)
        where L : struct, ILanes<V>
        where V : unmanaged =>
        L.SelectLess(L.FromInt32Bits(L.ShiftRightLogical(word, 8)), L.Broadcast(args->ScaledRate), L.Broadcast(0f), L.Broadcast(args->Kept));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Word<L, V>(uint word)
        where L : struct, ILanes<V>
        where V : unmanaged => L.Broadcast(BitConverter.UInt32BitsToSingle(word));
}
