using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// One row of a product whose other rows do not exist, k over one row of numbers and then, where the weights go on for it, over another. Lengths and
/// strides count floats.
/// </summary>
internal unsafe struct RowTileArgs
{
    /// <summary>The numbers of the row; <see cref="ThenDepth"/> may be 0.</summary>
    public float* X, Then;
    public nint Depth, ThenDepth;

    /// <summary>The first panel, and the way from it to the second.</summary>
    public float* W;
    public nint WPanel;

    /// <summary>Where the chains begin and where they end: 16 numbers of gate g in panel p at p·Panel + g·Gate. Both may be the same.</summary>
    public float* Init, C;
    public nint Panel, Gate;
}

/// <summary>
/// One row times the weights of two registers of units, all gates of each:
/// <code>a_g += x[k]·W[k, g, first units]      b_g += x[k]·W[k, g, second units]      for k = 0…depth−1</code>
/// every output a chain of its own, one fused multiply-add after the other. Panels are [k][gate][16] (a cell with one gate: [k][block][16] of
/// four unit blocks); the second units are the other half of the same 16, or where a register holds 16 the next panel.
/// A step of one sample reads every weight once, so what counts is that a line a clock comes from level 2. Eight chains do not wait for each
/// other; four k go together, because one load then brings four numbers of the row: the level-1 cache cannot take a line in a clock in which it answers
/// two loads. Measured from L2, GB/s, against 188 for summing the same bytes up: 178 this way, 164 with a load for every k; four k of a register
/// after each other, not four registers, 172. Rejected: 16 chains (177), lines
/// prefetched within the stream (165 to level 1, 100 to level 2, which costs level 2 a turn each), the next tile's first lines prefetched under a
/// step's point-wise part (1–3 % slower: the loads overlap with it by themselves).
/// </summary>
internal static unsafe class RowTile
{
    /// <summary>
    /// One panel, or two where a register holds 16, with chains that begin and end in memory; of those named here, some gates and registers of units (1 or 2)
    /// alone. All in one method: a part of it the inliner of .NET 9 left a call, which took the chains through memory, 2 to 4 times as long.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<L, V, F, TGates, TPair>(RowTileArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IWeightFormat
        where TGates : unmanaged, ICount
        where TPair : unmanaged, ICount
    {
        nint step = sizeof(TGates) * 16, gate = args->Gate;
        nint second = L.Width == 16 ? args->WPanel : L.Width, secondChains = L.Width == 16 ? args->Panel : L.Width;
        for (nint lane = 0; lane < 16; lane += 2 * L.Width)
        {
            float* c = args->Init + lane;
            V a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
            LoadGates<L, V, TGates>(c, gate, ref a0, ref a1, ref a2, ref a3);
            if (sizeof(TPair) > 1)
                LoadGates<L, V, TGates>(c + secondChains, gate, ref b0, ref b1, ref b2, ref b3);
            float* x = args->X, w = args->W + lane;
            nint depth = args->Depth, then = args->ThenDepth;
            while (true) // twice at most
            {
                for (nint fours = depth >> 2; fours > 0; fours--, x += 4, w += 4 / F.Share * step)
                {
                    float* v = w + second;
                    L.BroadcastFour(x, out V x0, out V x1, out V x2, out V x3);
                    a0 = F.MultiplyAdd<L, V>(w, step, 0, x0, a0);
                    if (sizeof(TGates) > 1)
                        a1 = F.MultiplyAdd<L, V>(w + 16, step, 0, x0, a1);
                    if (sizeof(TGates) > 2)
                        a2 = F.MultiplyAdd<L, V>(w + 32, step, 0, x0, a2);
                    if (sizeof(TGates) > 3)
                        a3 = F.MultiplyAdd<L, V>(w + 48, step, 0, x0, a3);
                    if (sizeof(TPair) > 1)
                        b0 = F.MultiplyAdd<L, V>(v, step, 0, x0, b0);
                    if (sizeof(TGates) > 1 && sizeof(TPair) > 1)
                        b1 = F.MultiplyAdd<L, V>(v + 16, step, 0, x0, b1);
                    if (sizeof(TGates) > 2 && sizeof(TPair) > 1)
                        b2 = F.MultiplyAdd<L, V>(v + 32, step, 0, x0, b2);
                    if (sizeof(TGates) > 3 && sizeof(TPair) > 1)
                        b3 = F.MultiplyAdd<L, V>(v + 48, step, 0, x0, b3);
                    a0 = F.MultiplyAdd<L, V>(w, step, 1, x1, a0);
                    if (sizeof(TGates) > 1)
                        a1 = F.MultiplyAdd<L, V>(w + 16, step, 1, x1, a1);
                    if (sizeof(TGates) > 2)
                        a2 = F.MultiplyAdd<L, V>(w + 32, step, 1, x1, a2);
                    if (sizeof(TGates) > 3)
                        a3 = F.MultiplyAdd<L, V>(w + 48, step, 1, x1, a3);
                    if (sizeof(TPair) > 1)
                        b0 = F.MultiplyAdd<L, V>(v, step, 1, x1, b0);
                    if (sizeof(TGates) > 1 && sizeof(TPair) > 1)
                        b1 = F.MultiplyAdd<L, V>(v + 16, step, 1, x1, b1);
                    if (sizeof(TGates) > 2 && sizeof(TPair) > 1)
                        b2 = F.MultiplyAdd<L, V>(v + 32, step, 1, x1, b2);
                    if (sizeof(TGates) > 3 && sizeof(TPair) > 1)
                        b3 = F.MultiplyAdd<L, V>(v + 48, step, 1, x1, b3);
                    a0 = F.MultiplyAdd<L, V>(w, step, 2, x2, a0);
                    if (sizeof(TGates) > 1)
                        a1 = F.MultiplyAdd<L, V>(w + 16, step, 2, x2, a1);
                    if (sizeof(TGates) > 2)
                        a2 = F.MultiplyAdd<L, V>(w + 32, step, 2, x2, a2);
                    if (sizeof(TGates) > 3)
                        a3 = F.MultiplyAdd<L, V>(w + 48, step, 2, x2, a3);
                    if (sizeof(TPair) > 1)
                        b0 = F.MultiplyAdd<L, V>(v, step, 2, x2, b0);
                    if (sizeof(TGates) > 1 && sizeof(TPair) > 1)
                        b1 = F.MultiplyAdd<L, V>(v + 16, step, 2, x2, b1);
                    if (sizeof(TGates) > 2 && sizeof(TPair) > 1)
                        b2 = F.MultiplyAdd<L, V>(v + 32, step, 2, x2, b2);
                    if (sizeof(TGates) > 3 && sizeof(TPair) > 1)
                        b3 = F.MultiplyAdd<L, V>(v + 48, step, 2, x2, b3);
                    a0 = F.MultiplyAdd<L, V>(w, step, 3, x3, a0);
                    if (sizeof(TGates) > 1)
                        a1 = F.MultiplyAdd<L, V>(w + 16, step, 3, x3, a1);
                    if (sizeof(TGates) > 2)
                        a2 = F.MultiplyAdd<L, V>(w + 32, step, 3, x3, a2);
                    if (sizeof(TGates) > 3)
                        a3 = F.MultiplyAdd<L, V>(w + 48, step, 3, x3, a3);
                    if (sizeof(TPair) > 1)
                        b0 = F.MultiplyAdd<L, V>(v, step, 3, x3, b0);
                    if (sizeof(TGates) > 1 && sizeof(TPair) > 1)
                        b1 = F.MultiplyAdd<L, V>(v + 16, step, 3, x3, b1);
                    if (sizeof(TGates) > 2 && sizeof(TPair) > 1)
                        b2 = F.MultiplyAdd<L, V>(v + 32, step, 3, x3, b2);
                    if (sizeof(TGates) > 3 && sizeof(TPair) > 1)
                        b3 = F.MultiplyAdd<L, V>(v + 48, step, 3, x3, b3);
                }
                for (int k = 0; k < (int)(depth & 3); k++)
                {
                    float* v = w + second;
                    V xk = L.Broadcast(x[k]);
                    a0 = F.MultiplyAdd<L, V>(w, step, k, xk, a0);
                    if (sizeof(TGates) > 1)
                        a1 = F.MultiplyAdd<L, V>(w + 16, step, k, xk, a1);
                    if (sizeof(TGates) > 2)
                        a2 = F.MultiplyAdd<L, V>(w + 32, step, k, xk, a2);
                    if (sizeof(TGates) > 3)
                        a3 = F.MultiplyAdd<L, V>(w + 48, step, k, xk, a3);
                    if (sizeof(TPair) > 1)
                        b0 = F.MultiplyAdd<L, V>(v, step, k, xk, b0);
                    if (sizeof(TGates) > 1 && sizeof(TPair) > 1)
                        b1 = F.MultiplyAdd<L, V>(v + 16, step, k, xk, b1);
                    if (sizeof(TGates) > 2 && sizeof(TPair) > 1)
                        b2 = F.MultiplyAdd<L, V>(v + 32, step, k, xk, b2);
                    if (sizeof(TGates) > 3 && sizeof(TPair) > 1)
                        b3 = F.MultiplyAdd<L, V>(v + 48, step, k, xk, b3);
                }
                if (then == 0)
                    break;
                w = args->W + lane + ((args->Depth + F.Share - 1) / F.Share * step);
                x = args->Then;
                (depth, then) = (then, 0);
            }
            c = args->C + lane;
            StoreGates<L, V, TGates>(c, gate, a0, a1, a2, a3);
            if (sizeof(TPair) > 1)
                StoreGates<L, V, TGates>(c + secondChains, gate, b0, b1, b2, b3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadGates<L, V, TGates>(float* c, nint gate, ref V a0, ref V a1, ref V a2, ref V a3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGates : unmanaged, ICount
    {
        a0 = L.Load(c);
        if (sizeof(TGates) > 1)
            a1 = L.Load(c + gate);
        if (sizeof(TGates) > 2)
            a2 = L.Load(c + (2 * gate));
        if (sizeof(TGates) > 3)
            a3 = L.Load(c + (3 * gate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreGates<L, V, TGates>(float* c, nint gate, V a0, V a1, V a2, V a3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGates : unmanaged, ICount
    {
        L.Store(c, a0);
        if (sizeof(TGates) > 1)
            L.Store(c + gate, a1);
        if (sizeof(TGates) > 2)
            L.Store(c + (2 * gate), a2);
        if (sizeof(TGates) > 3)
            L.Store(c + (3 * gate), a3);
    }
}
