using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// One register tile of a product: up to 6 rows by 4 registers. For every row m and column n
/// <code>C[m, n] = chain(Init[m, n]; A[m, k]·B[k, n] for k in order)      (Add: C[m, n] += that chain)</code>
/// where a chain is one fused multiply-add after the other. The order of k is three nested loops over A,
/// k = (outer, middle, inner), which lets the same tile walk a matrix row, gate-interleaved gradients, or the rows of a batch.
/// B is one packed panel: [k][64], 64-byte aligned. All lengths and strides count floats.
/// </summary>
internal unsafe struct TileArgs
{
    /// <summary>A's element (m, outer, middle, inner) is A[m·ARow + outer·OuterStride + middle·MiddleStride + inner·InnerStride].</summary>
    public float* A;
    public nint ARow;
    public nint InnerCount, InnerStride, MiddleCount, MiddleStride, OuterCount, OuterStride;

    /// <summary>B's row k starts at B[k·BStep]; its register v at 16·v.</summary>
    public float* B;
    public nint BStep;

    /// <summary>Where the accumulators start: element (m, register v) at Init[m·InitRow + v·InitVector].</summary>
    public float* Init;
    public nint InitRow, InitVector;

    /// <summary>Where the result goes: element (m, register v) at C[m·CRow + v·CVector]. May be Init.</summary>
    public float* C;
    public nint CRow, CVector;

    /// <summary>
    /// One cache line from here on is prefetched with every k: the next panel or strip, so that streaming it from L3 overlaps with the products.
    /// </summary>
    public float* Prefetch;

    /// <summary>Floats from one prefetch to the next.</summary>
    public nint PrefetchStep;

    /// <summary>Added to the prefetch address with every middle step, so that it can follow a row pattern like A's.</summary>
    public nint PrefetchMiddle;

    /// <summary>Add the finished chain to C instead of storing it.</summary>
    public bool Add;
}

/// <summary>A number that is a constant for the compiler, so that one source makes a tile of every shape.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal readonly struct N1 : ICount
{
    public static int Value => 1;
}

internal readonly struct N2 : ICount
{
    public static int Value => 2;
}

internal readonly struct N3 : ICount
{
    public static int Value => 3;
}

internal readonly struct N4 : ICount
{
    public static int Value => 4;
}

internal readonly struct N5 : ICount
{
    public static int Value => 5;
}

internal readonly struct N6 : ICount
{
    public static int Value => 6;
}

/// <summary>
/// The hot loop of everything: the register tile. Accumulators are named locals, because the compiler keeps no array in registers; tests on
/// the constants <c>TRows</c> and <c>TColumns</c> vanish, and with them the unused locals. 6×4 registers of 16 floats use 24
/// accumulators, 4 registers for B and 1–2 for the broadcast of A: 30 of 32; 3×4 registers of 8 floats use all 16. None is spilled.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Runs one tile; TRows ≤ 6 rows, TColumns ≤ 4 registers of <typeparamref name="V"/>, 16 floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<L, V, TRows, TColumns>(TileArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : struct, ICount
        where TColumns : struct, ICount
    {
        V c00 = default, c01 = default, c02 = default, c03 = default;
        V c10 = default, c11 = default, c12 = default, c13 = default;
        V c20 = default, c21 = default, c22 = default, c23 = default;
        V c30 = default, c31 = default, c32 = default, c33 = default;
        V c40 = default, c41 = default, c42 = default, c43 = default;
        V c50 = default, c51 = default, c52 = default, c53 = default;
        float* init = args->Init;
        nint initVector = args->InitVector;
        if (TRows.Value > 0)
        {
            c00 = L.Load(init);
            if (TColumns.Value > 1)
                c01 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c02 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c03 = L.Load(init + (3 * initVector));
            init += args->InitRow;
        }
        if (TRows.Value > 1)
        {
            c10 = L.Load(init);
            if (TColumns.Value > 1)
                c11 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c12 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c13 = L.Load(init + (3 * initVector));
            init += args->InitRow;
        }
        if (TRows.Value > 2)
        {
            c20 = L.Load(init);
            if (TColumns.Value > 1)
                c21 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c22 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c23 = L.Load(init + (3 * initVector));
            init += args->InitRow;
        }
        if (TRows.Value > 3)
        {
            c30 = L.Load(init);
            if (TColumns.Value > 1)
                c31 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c32 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c33 = L.Load(init + (3 * initVector));
            init += args->InitRow;
        }
        if (TRows.Value > 4)
        {
            c40 = L.Load(init);
            if (TColumns.Value > 1)
                c41 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c42 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c43 = L.Load(init + (3 * initVector));
            init += args->InitRow;
        }
        if (TRows.Value > 5)
        {
            c50 = L.Load(init);
            if (TColumns.Value > 1)
                c51 = L.Load(init + initVector);
            if (TColumns.Value > 2)
                c52 = L.Load(init + (2 * initVector));
            if (TColumns.Value > 3)
                c53 = L.Load(init + (3 * initVector));
        }

        float* a0 = args->A, a1 = a0 + args->ARow, a2 = a1 + args->ARow;
        float* a3 = a2 + args->ARow, a4 = a3 + args->ARow, a5 = a4 + args->ARow;
        float* b = args->B, ahead = args->Prefetch;
        nint aheadStep = args->PrefetchStep;
        nint bStep = args->BStep, innerStride = args->InnerStride, outerOffset = 0;
        for (nint outer = args->OuterCount; outer > 0; outer--)
        {
            nint middleOffset = outerOffset;
            for (nint middle = args->MiddleCount; middle > 0; middle--)
            {
                nint k = middleOffset;
                for (nint inner = args->InnerCount; inner > 0; inner--)
                {
                    if (L.TileRows == 3)
                    {
                        // Column by column: 12 accumulators, 3 broadcasts of A and one register for B are the 16 of AVX2. Row by row
                        // takes a 17th, which spilled in the loop: 50 % instead of 70–75 % of the FMA peak. (On a CPU with AVX-512 the
                        // compiler has 32 for AVX2 as well; only DOTNET_EnableAVX512=0 shows what an AVX2 machine does.)
                        V r0 = L.Broadcast(a0[k]), r1 = default, r2 = default;
                        if (TRows.Value > 1)
                            r1 = L.Broadcast(a1[k]);
                        if (TRows.Value > 2)
                            r2 = L.Broadcast(a2[k]);
                        V column = L.Load(b);
                        c00 = L.MultiplyAdd(r0, column, c00);
                        if (TRows.Value > 1)
                            c10 = L.MultiplyAdd(r1, column, c10);
                        if (TRows.Value > 2)
                            c20 = L.MultiplyAdd(r2, column, c20);
                        if (TColumns.Value > 1)
                        {
                            column = L.Load(b + 16);
                            c01 = L.MultiplyAdd(r0, column, c01);
                            if (TRows.Value > 1)
                                c11 = L.MultiplyAdd(r1, column, c11);
                            if (TRows.Value > 2)
                                c21 = L.MultiplyAdd(r2, column, c21);
                        }
                        if (TColumns.Value > 2)
                        {
                            column = L.Load(b + 32);
                            c02 = L.MultiplyAdd(r0, column, c02);
                            if (TRows.Value > 1)
                                c12 = L.MultiplyAdd(r1, column, c12);
                            if (TRows.Value > 2)
                                c22 = L.MultiplyAdd(r2, column, c22);
                        }
                        if (TColumns.Value > 3)
                        {
                            column = L.Load(b + 48);
                            c03 = L.MultiplyAdd(r0, column, c03);
                            if (TRows.Value > 1)
                                c13 = L.MultiplyAdd(r1, column, c13);
                            if (TRows.Value > 2)
                                c23 = L.MultiplyAdd(r2, column, c23);
                        }
                    }
                    else
                    {
                        // Row by row: 3–5 % faster than column by column where 32 registers hold either.
                        V b0 = L.Load(b), b1 = default, b2 = default, b3 = default;
                        if (TColumns.Value > 1)
                            b1 = L.Load(b + 16);
                        if (TColumns.Value > 2)
                            b2 = L.Load(b + 32);
                        if (TColumns.Value > 3)
                            b3 = L.Load(b + 48);
                        V a = L.Broadcast(a0[k]);
                        c00 = L.MultiplyAdd(a, b0, c00);
                        if (TColumns.Value > 1)
                            c01 = L.MultiplyAdd(a, b1, c01);
                        if (TColumns.Value > 2)
                            c02 = L.MultiplyAdd(a, b2, c02);
                        if (TColumns.Value > 3)
                            c03 = L.MultiplyAdd(a, b3, c03);
                        if (TRows.Value > 1)
                        {
                            a = L.Broadcast(a1[k]);
                            c10 = L.MultiplyAdd(a, b0, c10);
                            if (TColumns.Value > 1)
                                c11 = L.MultiplyAdd(a, b1, c11);
                            if (TColumns.Value > 2)
                                c12 = L.MultiplyAdd(a, b2, c12);
                            if (TColumns.Value > 3)
                                c13 = L.MultiplyAdd(a, b3, c13);
                        }
                        if (TRows.Value > 2)
                        {
                            a = L.Broadcast(a2[k]);
                            c20 = L.MultiplyAdd(a, b0, c20);
                            if (TColumns.Value > 1)
                                c21 = L.MultiplyAdd(a, b1, c21);
                            if (TColumns.Value > 2)
                                c22 = L.MultiplyAdd(a, b2, c22);
                            if (TColumns.Value > 3)
                                c23 = L.MultiplyAdd(a, b3, c23);
                        }
                        if (TRows.Value > 3)
                        {
                            a = L.Broadcast(a3[k]);
                            c30 = L.MultiplyAdd(a, b0, c30);
                            if (TColumns.Value > 1)
                                c31 = L.MultiplyAdd(a, b1, c31);
                            if (TColumns.Value > 2)
                                c32 = L.MultiplyAdd(a, b2, c32);
                            if (TColumns.Value > 3)
                                c33 = L.MultiplyAdd(a, b3, c33);
                        }
                        if (TRows.Value > 4)
                        {
                            a = L.Broadcast(a4[k]);
                            c40 = L.MultiplyAdd(a, b0, c40);
                            if (TColumns.Value > 1)
                                c41 = L.MultiplyAdd(a, b1, c41);
                            if (TColumns.Value > 2)
                                c42 = L.MultiplyAdd(a, b2, c42);
                            if (TColumns.Value > 3)
                                c43 = L.MultiplyAdd(a, b3, c43);
                        }
                        if (TRows.Value > 5)
                        {
                            a = L.Broadcast(a5[k]);
                            c50 = L.MultiplyAdd(a, b0, c50);
                            if (TColumns.Value > 1)
                                c51 = L.MultiplyAdd(a, b1, c51);
                            if (TColumns.Value > 2)
                                c52 = L.MultiplyAdd(a, b2, c52);
                            if (TColumns.Value > 3)
                                c53 = L.MultiplyAdd(a, b3, c53);
                        }
                    }
                    b += bStep;
                    L.Prefetch(ahead);
                    ahead += aheadStep;
                    k += innerStride;
                }
                middleOffset += args->MiddleStride;
                ahead += args->PrefetchMiddle;
            }
            outerOffset += args->OuterStride;
        }

        float* c = args->C;
        nint cVector = args->CVector;
        bool add = args->Add;
        if (TRows.Value > 0)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c00, c01, c02, c03);
            c += args->CRow;
        }
        if (TRows.Value > 1)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c10, c11, c12, c13);
            c += args->CRow;
        }
        if (TRows.Value > 2)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c20, c21, c22, c23);
            c += args->CRow;
        }
        if (TRows.Value > 3)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c30, c31, c32, c33);
            c += args->CRow;
        }
        if (TRows.Value > 4)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c40, c41, c42, c43);
            c += args->CRow;
        }
        if (TRows.Value > 5)
        {
            StoreRow<L, V, TColumns>(c, cVector, add, c50, c51, c52, c53);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<L, V, TColumns>(float* c, nint step, bool add, V v0, V v1, V v2, V v3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : struct, ICount
    {
        L.Store(c, add ? L.Add(L.Load(c), v0) : v0);
        if (TColumns.Value > 1)
            L.Store(c + step, add ? L.Add(L.Load(c + step), v1) : v1);
        if (TColumns.Value > 2)
            L.Store(c + (2 * step), add ? L.Add(L.Load(c + (2 * step)), v2) : v2);
        if (TColumns.Value > 3)
            L.Store(c + (3 * step), add ? L.Add(L.Load(c + (3 * step)), v3) : v3);
    }
}
