namespace FastRnn.Backends;

/// <summary>
/// An opaque [rows, columns] array that lives where its back end computes. Floors above the back ends hold buffers and wire them to
/// operations; they never see pointers. Only <see cref="Backend.Read(DeviceBuffer, Span{float})"/> and
/// <see cref="Backend.Write(DeviceBuffer, ReadOnlySpan{float})"/> copy to and from the host.
/// A sequence [T, B, F] is stored time-major as T·B rows of F columns.
/// </summary>
internal abstract class DeviceBuffer(int rows, int columns)
{
    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    /// <summary>Number of elements that exist for the user; a back end may pad its own storage.</summary>
    public int Length => Rows * Columns;

    /// <summary>Rises with every write, so that weights packed from this buffer know when they are stale.</summary>
    public int Version { get; private set; }

    /// <summary>Of the parameter that this buffer holds, or null.</summary>
    public WeightClock? Clock { get; set; }

    /// <summary>Says that an operation has written this buffer.</summary>
    public void Touch()
    {
        Version++;
        Clock?.Tick();
    }

    public override string ToString() => $"[{Rows}, {Columns}]";
}
