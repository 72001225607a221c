namespace FastRnn.Backends;

/// <summary>
/// Steps that go from one window into another: <paramref name="Count"/> steps from <paramref name="SourceStep"/> on become those from
/// <paramref name="Step"/> on. The flags are those of either window, null where all of it counts.
/// </summary>
internal readonly record struct StepRange(StepFlags? SourceFlags, int SourceStep, StepFlags? Flags, int Step, int Count);

internal static class RowRange
{
    /// <exception cref="ArgumentException">The rows are not in both buffers, or widths differ.</exception>
    public static void Check(DeviceBuffer source, int sourceRow, DeviceBuffer destination, int destinationRow, int rows)
    {
        if (source.Columns != destination.Columns)
            throw new ArgumentException($"rows of a buffer {source} do not fit into one {destination}");
        if (rows < 0 || sourceRow < 0 || sourceRow > source.Rows - rows || destinationRow < 0 || destinationRow > destination.Rows - rows)
            throw new ArgumentException($"{rows} rows from {sourceRow} of {source} to {destinationRow} of {destination}");
    }
}
