using FastRnn.Memory;

namespace FastRnn.Kernels;

/// <summary>
/// Sums of slices combined in a fixed binary tree as they arrive, like the carries of a binary counter: ((s0+s1)+(s2+s3))+s4 …
/// Needs only ⌊log₂ slices⌋ + 2 buffers.
/// </summary>
internal unsafe ref struct SliceTree
{
    private readonly KernelTable _table;
    private readonly float* _buffers;
    private readonly nint _length;
    private fixed int _levels[40];
    private int _count;

    public SliceTree(KernelTable table, Arena arena, nint batch, nint length)
    {
        _table = table;
        _length = length;
        _buffers = arena.Take(Depth(batch) * length);
    }

    /// <summary>Buffers needed for a batch.</summary>
    public static int Depth(nint batch) => System.Numerics.BitOperations.Log2((uint)((batch + 15) / 16)) + 2;

    /// <summary>A buffer for the next slice's sum; the caller overwrites it. Equal levels below are combined first.</summary>
    public float* Push()
    {
        while (_count >= 2 && _levels[_count - 1] == _levels[_count - 2])
            Combine();
        _levels[_count] = 0;
        return _buffers + (_count++ * _length);
    }

    /// <summary>The total; the tree is empty again.</summary>
    public float* Finish()
    {
        while (_count >= 2)
            Combine();
        _count = 0;
        return _buffers;
    }

    private void Combine()
    {
        _table.AddTo(_buffers + ((_count - 1) * _length), _buffers + ((_count - 2) * _length), _length);
        _count--;
        _levels[_count - 1]++;
    }
}
