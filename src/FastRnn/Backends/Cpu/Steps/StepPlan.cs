using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The stages of a model in order: what a session runs when the back end has a stage for every layer. Lengths are checked by the session; from here
/// on there are pointers.
/// </summary>
internal sealed unsafe class StepPlan(CpuBackend backend, WeightPrecision weights)
{
    private StepStage[] _stages = [];

    /// <summary>How the stages store their weights.</summary>
    public WeightPrecision Weights => weights;

    public IReadOnlyList<StepStage> Stages => _stages;

    /// <summary>Adds a layer's stage; false when there is none, and then there is no plan.</summary>
    public bool Add(StepStage? stage)
    {
        if (stage != null)
            _stages = [.. _stages, stage];
        return stage != null;
    }

    /// <summary>One step of a model that reads values.</summary>
    public void Step(ReadOnlySpan<float> x, Span<float> y)
    {
        fixed (float* first = x)
            Run(first, y);
    }

    /// <summary>One step of a model that reads tokens.</summary>
    public void Step(int token, Span<float> y) => Run((float*)&token, y);

    public void Reset()
    {
        foreach (StepStage stage in _stages)
            stage.Reset();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Run(float* x, Span<float> y)
    {
        backend.ThrowIfDisposed();
        foreach (StepStage stage in _stages)
            x = stage.Step(x);
        HandOut(x, y);
        GC.KeepAlive(this);
    }

    /// <summary>
    /// Copies what the last stage has just stored by registers. A load that lies within one store gets its data at once; the runtime's own copy loads
    /// across two of them and waits until both are in the cache, for which the next step waits too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void HandOut(float* from, Span<float> y)
    {
        ref float to = ref MemoryMarshal.GetReference(y);
        nint i = 0, length = y.Length;
        for (; i <= length - 8; i += 8)
            Vector256.Load(from + i).StoreUnsafe(ref to, (nuint)i);
        if ((length & 4) != 0)
        {
            Vector128.Load(from + i).StoreUnsafe(ref to, (nuint)i);
            i += 4;
        }
        for (; i < length; i++)
            Unsafe.Add(ref to, i) = from[i];
    }
}
