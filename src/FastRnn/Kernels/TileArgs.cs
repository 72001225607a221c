namespace FastRnn.Kernels;

/// <summary>Arguments of one <see cref="Tile"/>. All lengths and strides count floats.</summary>
internal unsafe struct TileArgs
{
    /// <summary>
    /// A's element (m, k) is A[m·ARow + o·OuterStride + i / G·GroupStride + i % G·Stride] where k = o·Count + i and G is the walk's group. So the
    /// same tile walks a matrix row, gate-interleaved gradients, or the rows of a batch. A walk with a stride of its own ignores the two here.
    /// </summary>
    public float* A;
    public nint ARow;
    public nint Count, Stride, GroupStride, OuterCount, OuterStride;

    /// <summary>B's row k starts at B[k·16·P] in a panel of P registers, 64-byte aligned; its register v at 16·v.</summary>
    public float* B;

    /// <summary>Where the accumulators start: element (m, register v) at Init[m·InitRow + v·InitVector].</summary>
    public float* Init;
    public nint InitRow, InitVector;

    /// <summary>Where the result goes: element (m, register v) at C[m·CRow + v·CVector]. May be Init.</summary>
    public float* C;
    public nint CRow, CVector;

    /// <summary>
    /// The cache lines of <see cref="PrefetchStep"/> floats from here on, at most four, are prefetched with a group: the next panel or strip,
    /// so that streaming it from L3 overlaps with the products.
    /// </summary>
    public float* Prefetch;

    /// <summary>Floats from the prefetches of one group to those of the next.</summary>
    public nint PrefetchStep;

    /// <summary>Added to the prefetch address with every turn of the outer loop, so that it can follow a row pattern like A's.</summary>
    public nint PrefetchOuter;

    /// <summary>Add the finished chain to C instead of storing it.</summary>
    public bool Add;
}
