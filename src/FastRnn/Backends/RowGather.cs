namespace FastRnn.Backends;

/// <summary>What a gathered element does to the one that is there.</summary>
internal enum GatherMode
{
    /// <summary>y = x</summary>
    Write,

    /// <summary>y += x</summary>
    Add,

    /// <summary>y = y·x</summary>
    Multiply,
}

/// <summary>
/// Columns SourceColumn … of a row, Columns of them, times Factor, into columns DestinationColumn … of another; the columns beside them stay.
/// </summary>
internal readonly record struct RowGather(GatherMode Mode, int SourceColumn, int DestinationColumn, int Columns, float Factor)
{
    /// <summary>Whole rows of two buffers of equal width.</summary>
    public static RowGather Whole(GatherMode mode, int columns) => new(mode, 0, 0, columns, 1);

    /// <exception cref="ArgumentException">The shapes, columns or indices do not fit.</exception>
    public void Check(DeviceBuffer source, ReadOnlySpan<int> rows, DeviceBuffer destination)
    {
        if (Columns < 0 || SourceColumn < 0 || SourceColumn > source.Columns - Columns)
            throw new ArgumentException($"columns {SourceColumn}…{SourceColumn + Columns - 1} of a buffer {source}");
        if (DestinationColumn < 0 || DestinationColumn > destination.Columns - Columns)
            throw new ArgumentException($"columns {DestinationColumn}…{DestinationColumn + Columns - 1} of a buffer {destination}");
        if (destination.Rows != (rows.IsEmpty ? source.Rows : rows.Length))
            throw new ArgumentException($"{(rows.IsEmpty ? source.Rows : rows.Length)} rows into a buffer {destination}");
        foreach (int row in rows)
        {
            if (row >= source.Rows)
                throw new ArgumentException($"row {row} of a buffer {source}");
        }
    }
}
