using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>float32, row-major, without padding. A view shares its owner's block.</summary>
internal sealed class OpenClBuffer : DeviceBuffer
{
    private readonly OpenClBuffer? _owner;

    public OpenClBuffer(DevicePool pool, int rows, int columns)
        : base(rows, columns) => Block = pool.Take((long)rows * columns * sizeof(float));

    private OpenClBuffer(OpenClBuffer owner, int firstRow, int rows)
        : base(rows, owner.Columns)
    {
        if (firstRow < 0 || rows < 0 || firstRow > owner.Rows - rows)
            throw new ArgumentOutOfRangeException(nameof(firstRow), $"rows {firstRow}…{firstRow + rows - 1} of a buffer {owner}");
        Block = owner.Block;
        First = owner.First + ((long)firstRow * owner.Columns);
        _owner = owner;
    }

    public DeviceBlock Block { get; }

    /// <summary>Its first element in the block.</summary>
    public long First { get; }

    public long Elements => (long)Rows * Columns;

    public OpenClBuffer View(int firstRow, int rows) => new(this, firstRow, rows);

    /// <summary>Marks this buffer, and the one it is a view of, as written.</summary>
    public void Written()
    {
        for (OpenClBuffer? buffer = this; buffer != null; buffer = buffer._owner)
            buffer.Touch();
    }
}
