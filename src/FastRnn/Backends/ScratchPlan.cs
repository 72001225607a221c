using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Gathers what operations take from the pool and the arenas of a back end, which keep the most that any of them has asked for.</summary>
internal sealed class ScratchPlan
{
    private readonly int[] _blocks = new int[BufferPool.SizeClasses];
    private readonly List<nint> _arenas = [];

    /// <summary>Bytes that the back end holds when all of them have run.</summary>
    public long Bytes
    {
        get
        {
            long floats = 0;
            for (int size = 0; size < _blocks.Length; size++)
                floats += (long)_blocks[size] << size;
            foreach (nint arena in _arenas)
                floats += arena;
            return floats * sizeof(float);
        }
    }

    /// <summary>Blocks that one operation has at the same time; those of no length are not rented.</summary>
    public void Rent(params ReadOnlySpan<nint> lengths)
    {
        Span<int> blocks = stackalloc int[BufferPool.SizeClasses];
        blocks.Clear();
        foreach (nint length in lengths)
        {
            if (length > 0)
                blocks[BufferPool.SizeClass(length)]++;
        }
        for (int size = 0; size < blocks.Length; size++)
            _blocks[size] = Math.Max(_blocks[size], blocks[size]);
    }

    /// <summary>An arena's least length in floats.</summary>
    public void Arena(int thread, nint length)
    {
        while (_arenas.Count <= thread)
            _arenas.Add(0);
        _arenas[thread] = Math.Max(_arenas[thread], length);
    }
}

/// <summary>What is known of a pass before it runs.</summary>
/// <param name="Training">There is a backward pass.</param>
/// <param name="Flags">There are flags.</param>
/// <param name="InputGradient">The layer's input wants its gradient.</param>
/// <param name="StepNorms">Norms of the state gradients are recorded.</param>
internal readonly record struct PlannedPass(bool Training, bool Flags, bool InputGradient, bool StepNorms);
