namespace FastRnn.Memory;

/// <summary>
/// Counts the bytes of native blocks that this thread asks for. Inside <see cref="Plan"/> they are counted and not made: what is built then
/// has the sizes that it would have, and no contents.
/// </summary>
internal static class BlockBytes
{
    [ThreadStatic]
    private static bool _planning;

    /// <summary>Bytes asked for so far.</summary>
    [field: ThreadStatic]
    public static long Asked { get; private set; }

    /// <summary>Blocks are counted and not made: there is nothing to write to.</summary>
    public static bool IsPlanning => _planning;

    /// <summary>Bytes that something would ask for.</summary>
    public static long Plan(Action create)
    {
        if (_planning)
            throw new InvalidOperationException("a plan inside a plan");
        long before = Asked;
        _planning = true;
        try
        {
            create();
        }
        finally
        {
            _planning = false;
        }
        return Asked - before;
    }

    /// <summary>Notes a block; false when it is not to be made.</summary>
    internal static bool Note(nuint bytes)
    {
        Asked += (long)bytes;
        return !_planning;
    }
}
