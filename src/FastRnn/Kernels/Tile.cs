using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The hot loop of everything: one register tile of a product, up to 6 rows by 4 registers or 8 by 3. For every row m and column n
/// <code>C[m, n] = chain(Init[m, n]; A[m, k]·B[k, n] for k in order)      (Add: C[m, n] += that chain)</code>
/// where a chain is one fused multiply-add after the other. How k walks through A, and in what groups, is <see cref="IWalk"/>'s.
/// Accumulators are named locals, because the compiler keeps no array in registers; tests on sizes (<see cref="ICount"/>) vanish, and with them the unused
/// locals. Helpers take accumulators by reference, which is free as long as all of them are inlined: one call left, and the loop goes through memory. 6×4 registers of 16 floats use 24 accumulators, 4 registers for B and 1 for the broadcast of A: 29 of 32; 3×4 registers of 8
/// floats use all 16. None is spilled: FastRnn.Bench's <c>spills</c> looks at the machine code.
/// Four k a turn, with strides that are constants: 94–98 % of FMA peak from L1 or L2. Rejected, LSTM tile at K = 512 from L2: one k a turn
/// 89 % (the counters and addresses of the loop take slots of the FMA ports), a stride in a register 1–2 % less than a constant, a test
/// after each of the four k whether there is another 5 % less. Where A's stride is a constant it goes into the addresses (<c>at</c>): registers that
/// held k + stride spilled pointers of the 8×3 tile, forward pass of GRU 512→512, T 64, B 64 8 % slower.
/// Rejected for plain matrices: 12×2 registers, which have as many accumulators and read half of B. Alone as fast (97–98 % at K = 512), in products
/// 1600×512×512, ×2048 and 1600×2048×512 83–85 % where 6×4 have 88–92 %: twelve rows of A a power of two apart share few sets of L1.
/// Rejected for rows of a batch that come 16 at a time: the next 16 without leaving the inner loop (forward and backward of LSTM 512→512, T 64, B 64
/// between 0 and 1 % faster in two runs, no gain with gates' walks as well), C's rows fetched into L1 in the last turns (no gain).
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Runs one tile over all columns in steps of a register; those of a tile stand 16 floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<L, V, TRows, TColumns, TPanel, TWalk>(TileArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
        where TColumns : unmanaged, ICount
        where TPanel : unmanaged, ICount
        where TWalk : struct, IWalk
    {
        V c00 = default, c01 = default, c02 = default, c03 = default;
        V c10 = default, c11 = default, c12 = default, c13 = default;
        V c20 = default, c21 = default, c22 = default, c23 = default;
        V c30 = default, c31 = default, c32 = default, c33 = default;
        V c40 = default, c41 = default, c42 = default, c43 = default;
        V c50 = default, c51 = default, c52 = default, c53 = default;
        V c60 = default, c61 = default, c62 = default, c70 = default, c71 = default, c72 = default, none = default;
        V b0 = none, b1 = none, b2 = none, b3 = none;
        float* init = args->Init;
        nint row = args->InitRow, vector = args->InitVector;
        LoadRow<L, V, TColumns>(init, vector, ref c00, ref c01, ref c02, ref c03);
        if (sizeof(TRows) > 1)
            LoadRow<L, V, TColumns>(init += row, vector, ref c10, ref c11, ref c12, ref c13);
        if (sizeof(TRows) > 2)
            LoadRow<L, V, TColumns>(init += row, vector, ref c20, ref c21, ref c22, ref c23);
        if (sizeof(TRows) > 3)
            LoadRow<L, V, TColumns>(init += row, vector, ref c30, ref c31, ref c32, ref c33);
        if (sizeof(TRows) > 4)
            LoadRow<L, V, TColumns>(init += row, vector, ref c40, ref c41, ref c42, ref c43);
        if (sizeof(TRows) > 5)
            LoadRow<L, V, TColumns>(init += row, vector, ref c50, ref c51, ref c52, ref c53);
        if (sizeof(TRows) > 6)
            LoadRow<L, V, TColumns>(init += row, vector, ref c60, ref c61, ref c62, ref none);
        if (sizeof(TRows) > 7)
            LoadRow<L, V, TColumns>(init += row, vector, ref c70, ref c71, ref c72, ref none);

        float* a0 = args->A, a1 = a0 + args->ARow, a2 = a1 + args->ARow;
        float* a3 = a2 + args->ARow, a4 = a3 + args->ARow, a5 = a4 + args->ARow;
        float* a6 = a5 + args->ARow, a7 = a6 + args->ARow;
        float* b = args->B, ahead = args->Prefetch;
        nint aheadStep = args->PrefetchStep, width = 16 * sizeof(TPanel), outerOffset = 0;
        int group = TWalk.Group, walk = TWalk.Stride; // once: each use of a property is a temporary, see ICount
        nint stride = walk == 0 ? args->Stride : walk, free = walk == 0 ? args->Stride : 0, groupStride = walk == 0 ? args->GroupStride : TWalk.GroupStride;
        for (nint outer = args->OuterCount; outer > 0; outer--)
        {
            nint k = outerOffset, left = args->Count;
            float* near = a0 + outerOffset + args->OuterStride;
            for (; left >= group; left -= group)
            {
                if (TWalk.GroupStride == 1)
                {
                    // The tile's rows of the next unit block, 64 floats each, in the turns of this one: else all these lines miss L1 at once. dX and dh
                    // of LSTM 512→512, B 64 5 % faster. Rejected: the same for rows of a matrix, 2 % slower, and of a batch, as fast.
                    L.PrefetchNear(near);
                    L.PrefetchNear(near + 16);
                    near += 4 * sizeof(TRows);
                }
                // No line twice: fetching four a turn whatever the step is was 3–4 % slower in training of LSTM 512→512, B 64.
                L.Prefetch(ahead);
                if (aheadStep > 16)
                {
                    L.Prefetch(ahead + 16);
                    if (aheadStep > 32)
                    {
                        L.Prefetch(ahead + 32);
                        L.Prefetch(ahead + 48);
                    }
                }
                First<L, V, TRows, TColumns>(
                    a0, a1, a2, a3, k, 0, b, ref b0, ref b1, ref b2, ref b3, ref c00, ref c01, ref c02, ref c03,
                    ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
                Rows<L, V, TColumns>(
                    sizeof(TRows) - 4, a4, a5, a6, a7, k, 0, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43,
                    ref c50, ref c51, ref c52, ref c53, ref c60, ref c61, ref c62, ref none, ref c70, ref c71, ref c72, ref none);
                if (group > 1)
                {
                    First<L, V, TRows, TColumns>(
                        a0, a1, a2, a3, k + (1 * free), 1 * TWalk.Stride, b + (1 * width), ref b0, ref b1, ref b2, ref b3, ref c00, ref c01, ref c02, ref c03,
                        ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
                    Rows<L, V, TColumns>(
                        sizeof(TRows) - 4, a4, a5, a6, a7, k + (1 * free), 1 * TWalk.Stride, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43,
                        ref c50, ref c51, ref c52, ref c53, ref c60, ref c61, ref c62, ref none, ref c70, ref c71, ref c72, ref none);
                }
                if (group > 2)
                {
                    First<L, V, TRows, TColumns>(
                        a0, a1, a2, a3, k + (2 * free), 2 * TWalk.Stride, b + (2 * width), ref b0, ref b1, ref b2, ref b3, ref c00, ref c01, ref c02, ref c03,
                        ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
                    Rows<L, V, TColumns>(
                        sizeof(TRows) - 4, a4, a5, a6, a7, k + (2 * free), 2 * TWalk.Stride, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43,
                        ref c50, ref c51, ref c52, ref c53, ref c60, ref c61, ref c62, ref none, ref c70, ref c71, ref c72, ref none);
                }
                if (group > 3)
                {
                    First<L, V, TRows, TColumns>(
                        a0, a1, a2, a3, k + (3 * free), 3 * TWalk.Stride, b + (3 * width), ref b0, ref b1, ref b2, ref b3, ref c00, ref c01, ref c02, ref c03,
                        ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
                    Rows<L, V, TColumns>(
                        sizeof(TRows) - 4, a4, a5, a6, a7, k + (3 * free), 3 * TWalk.Stride, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43,
                        ref c50, ref c51, ref c52, ref c53, ref c60, ref c61, ref c62, ref none, ref c70, ref c71, ref c72, ref none);
                }
                b += group * width;
                ahead += aheadStep;
                k += groupStride;
            }
            for (; left > 0; left--)
            {
                First<L, V, TRows, TColumns>(
                    a0, a1, a2, a3, k, 0, b, ref b0, ref b1, ref b2, ref b3, ref c00, ref c01, ref c02, ref c03,
                    ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
                Rows<L, V, TColumns>(
                    sizeof(TRows) - 4, a4, a5, a6, a7, k, 0, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43,
                    ref c50, ref c51, ref c52, ref c53, ref c60, ref c61, ref c62, ref none, ref c70, ref c71, ref c72, ref none);
                b += width;
                k += stride;
            }
            outerOffset += args->OuterStride;
            ahead += args->PrefetchOuter;
        }

        float* c = args->C;
        (row, vector) = (args->CRow, args->CVector);
        if (args->Add)
        {
            AddRow<L, V, TColumns>(c, vector, ref c00, ref c01, ref c02, ref c03);
            if (sizeof(TRows) > 1)
                AddRow<L, V, TColumns>(c += row, vector, ref c10, ref c11, ref c12, ref c13);
            if (sizeof(TRows) > 2)
                AddRow<L, V, TColumns>(c += row, vector, ref c20, ref c21, ref c22, ref c23);
            if (sizeof(TRows) > 3)
                AddRow<L, V, TColumns>(c += row, vector, ref c30, ref c31, ref c32, ref c33);
            if (sizeof(TRows) > 4)
                AddRow<L, V, TColumns>(c += row, vector, ref c40, ref c41, ref c42, ref c43);
            if (sizeof(TRows) > 5)
                AddRow<L, V, TColumns>(c += row, vector, ref c50, ref c51, ref c52, ref c53);
            if (sizeof(TRows) > 6)
                AddRow<L, V, TColumns>(c += row, vector, ref c60, ref c61, ref c62, ref none);
            if (sizeof(TRows) > 7)
                AddRow<L, V, TColumns>(c += row, vector, ref c70, ref c71, ref c72, ref none);
            c = args->C;
        }
        StoreRow<L, V, TColumns>(c, vector, c00, c01, c02, c03);
        if (sizeof(TRows) > 1)
            StoreRow<L, V, TColumns>(c += row, vector, c10, c11, c12, c13);
        if (sizeof(TRows) > 2)
            StoreRow<L, V, TColumns>(c += row, vector, c20, c21, c22, c23);
        if (sizeof(TRows) > 3)
            StoreRow<L, V, TColumns>(c += row, vector, c30, c31, c32, c33);
        if (sizeof(TRows) > 4)
            StoreRow<L, V, TColumns>(c += row, vector, c40, c41, c42, c43);
        if (sizeof(TRows) > 5)
            StoreRow<L, V, TColumns>(c += row, vector, c50, c51, c52, c53);
        if (sizeof(TRows) > 6)
            StoreRow<L, V, TColumns>(c += row, vector, c60, c61, c62, none);
        if (sizeof(TRows) > 7)
            StoreRow<L, V, TColumns>(c += row, vector, c70, c71, c72, none);
    }

    /// <summary>
    /// One k for the first four rows; the row of B stays for the others. Row by row, 3–5 % faster than column by column where 32 registers hold
    /// either. With 16 registers column by column: 12 accumulators, 3 broadcasts of A and one register for B are all of them; row by row takes a
    /// 17th, which spilled in the loop: 50 % instead of 70–75 % of the FMA peak. (On a CPU with AVX-512 the compiler has 32 for AVX2 as well;
    /// only DOTNET_EnableAVX512=0 shows what an AVX2 machine does.)
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void First<L, V, TRows, TColumns>(
        float* a0, float* a1, float* a2, float* a3, nint k, int at, float* b, ref V b0, ref V b1, ref V b2, ref V b3, ref V c00, ref V c01, ref V c02, ref V c03,
        ref V c10, ref V c11, ref V c12, ref V c13, ref V c20, ref V c21, ref V c22, ref V c23, ref V c30, ref V c31, ref V c32, ref V c33)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
        where TColumns : unmanaged, ICount
    {
        if (sizeof(V) < 64 && sizeof(TColumns) == 4)
        {
            V r0 = L.Broadcast(a0[k + at]), r1 = sizeof(TRows) > 1 ? L.Broadcast(a1[k + at]) : r0, r2 = sizeof(TRows) > 2 ? L.Broadcast(a2[k + at]) : r0;
            Column<L, V, TRows>(L.Load(b), r0, r1, r2, ref c00, ref c10, ref c20);
            Column<L, V, TRows>(L.Load(b + 16), r0, r1, r2, ref c01, ref c11, ref c21);
            Column<L, V, TRows>(L.Load(b + 32), r0, r1, r2, ref c02, ref c12, ref c22);
            Column<L, V, TRows>(L.Load(b + 48), r0, r1, r2, ref c03, ref c13, ref c23);
            return;
        }
        // LoadRow written out: each argument of a method that is inlined is a temporary, of which the compiler has 512 for a whole tile, see ICount.
        b0 = L.Load(b);
        if (sizeof(TColumns) > 1)
            b1 = L.Load(b + 16);
        if (sizeof(TColumns) > 2)
            b2 = L.Load(b + 32);
        if (sizeof(TColumns) > 3)
            b3 = L.Load(b + 48);
        Rows<L, V, TColumns>(
            sizeof(TRows), a0, a1, a2, a3, k, at, b0, b1, b2, b3, ref c00, ref c01, ref c02, ref c03,
            ref c10, ref c11, ref c12, ref c13, ref c20, ref c21, ref c22, ref c23, ref c30, ref c31, ref c32, ref c33);
    }

    /// <summary>One k for up to four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows<L, V, TColumns>(
        int rows, float* a0, float* a1, float* a2, float* a3, nint k, int at, V b0, V b1, V b2, V b3, ref V c00, ref V c01, ref V c02, ref V c03,
        ref V c10, ref V c11, ref V c12, ref V c13, ref V c20, ref V c21, ref V c22, ref V c23, ref V c30, ref V c31, ref V c32, ref V c33)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : unmanaged, ICount
    {
        if (rows > 0)
            Row<L, V, TColumns>(a0[k + at], b0, b1, b2, b3, ref c00, ref c01, ref c02, ref c03);
        if (rows > 1)
            Row<L, V, TColumns>(a1[k + at], b0, b1, b2, b3, ref c10, ref c11, ref c12, ref c13);
        if (rows > 2)
            Row<L, V, TColumns>(a2[k + at], b0, b1, b2, b3, ref c20, ref c21, ref c22, ref c23);
        if (rows > 3)
            Row<L, V, TColumns>(a3[k + at], b0, b1, b2, b3, ref c30, ref c31, ref c32, ref c33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<L, V, TColumns>(float x, V b0, V b1, V b2, V b3, ref V c0, ref V c1, ref V c2, ref V c3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : unmanaged, ICount
    {
        V a = L.Broadcast(x);
        c0 = L.MultiplyAdd(a, b0, c0);
        if (sizeof(TColumns) > 1)
            c1 = L.MultiplyAdd(a, b1, c1);
        if (sizeof(TColumns) > 2)
            c2 = L.MultiplyAdd(a, b2, c2);
        if (sizeof(TColumns) > 3)
            c3 = L.MultiplyAdd(a, b3, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column<L, V, TRows>(V b, V r0, V r1, V r2, ref V c0, ref V c1, ref V c2)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
    {
        c0 = L.MultiplyAdd(r0, b, c0);
        if (sizeof(TRows) > 1)
            c1 = L.MultiplyAdd(r1, b, c1);
        if (sizeof(TRows) > 2)
            c2 = L.MultiplyAdd(r2, b, c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRow<L, V, TColumns>(float* p, nint step, ref V v0, ref V v1, ref V v2, ref V v3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : unmanaged, ICount
    {
        v0 = L.Load(p);
        if (sizeof(TColumns) > 1)
            v1 = L.Load(p + step);
        if (sizeof(TColumns) > 2)
            v2 = L.Load(p + (2 * step));
        if (sizeof(TColumns) > 3)
            v3 = L.Load(p + (3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<L, V, TColumns>(float* p, nint step, V v0, V v1, V v2, V v3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : unmanaged, ICount
    {
        L.Store(p, v0);
        if (sizeof(TColumns) > 1)
            L.Store(p + step, v1);
        if (sizeof(TColumns) > 2)
            L.Store(p + (2 * step), v2);
        if (sizeof(TColumns) > 3)
            L.Store(p + (3 * step), v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<L, V, TColumns>(float* p, nint step, ref V v0, ref V v1, ref V v2, ref V v3)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TColumns : unmanaged, ICount
    {
        v0 = L.Add(L.Load(p), v0);
        if (sizeof(TColumns) > 1)
            v1 = L.Add(L.Load(p + step), v1);
        if (sizeof(TColumns) > 2)
            v2 = L.Add(L.Load(p + (2 * step)), v2);
        if (sizeof(TColumns) > 3)
            v3 = L.Add(L.Load(p + (3 * step)), v3);
    }
}
