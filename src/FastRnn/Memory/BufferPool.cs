namespace FastRnn.Memory;

/// <summary>
/// Power-of-two native blocks to rent and return: after the first step of a training loop nothing is allocated any more.
/// Contents are whatever the last tenant left. Debug builds detect a double or foreign return at once and, on
/// <see cref="Dispose"/>, a block that was never returned. One thread at a time.
/// </summary>
/// <param name="check">Whether to detect these mistakes.</param>
internal sealed class BufferPool(bool check = MemoryChecks.InThisBuild) : IDisposable
{
    private readonly Stack<AlignedBuffer>[] _free = NewStacks();
    private readonly HashSet<AlignedBuffer>? _rented = check ? [] : null;

    /// <summary>Blocks that are out at the moment.</summary>
    public int Outstanding { get; private set; }

    /// <summary>A block of at least <paramref name="length"/> floats.</summary>
    public AlignedBuffer Rent(nint length)
    {
        int size = SizeClass(length);
        AlignedBuffer block = _free[size].TryPop(out AlignedBuffer? used) ? used : new AlignedBuffer((nint)1 << size);
        Outstanding++;
        _rented?.Add(block);
        return block;
    }

    /// <summary>Gives a rented block back.</summary>
    public void Return(AlignedBuffer block)
    {
        if (_rented?.Remove(block) == false)
            throw new InvalidOperationException($"block of {block.Length} floats returned twice, or to a pool it does not come from");
        Outstanding--;
        _free[SizeClass(block.Length)].Push(block);
    }

    public void Dispose()
    {
        foreach (Stack<AlignedBuffer> stack in _free)
        {
            while (stack.TryPop(out AlignedBuffer? block))
                block.Dispose();
        }
        if (_rented != null && Outstanding != 0)
            throw new InvalidOperationException($"{Outstanding} rented block(s) were never returned");
    }

    /// <summary>Number of sizes; blocks of a class have 2^class floats.</summary>
    public const int SizeClasses = 32;

    /// <summary>The class of the smallest block that has room.</summary>
    public static int SizeClass(nint length) => System.Numerics.BitOperations.Log2((uint)checked((int)Math.Max(length, 16)) - 1) + 1;

    private static Stack<AlignedBuffer>[] NewStacks()
    {
        var stacks = new Stack<AlignedBuffer>[SizeClasses];
        for (int i = 0; i < stacks.Length; i++)
            stacks[i] = new Stack<AlignedBuffer>();
        return stacks;
    }
}

/// <summary>Whether pools and arenas of this build look for mistakes of their users.</summary>
internal static class MemoryChecks
{
    public const bool InThisBuild =
#if DEBUG
        true;
#else
        false;
#endif
}
