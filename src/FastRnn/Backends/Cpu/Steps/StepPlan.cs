using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The stages of a model in order: what a session runs when the back end has a stage for every layer. Lengths are checked by the session; from here
/// on there are pointers.
/// </summary>
internal sealed unsafe class StepPlan(CpuBackend backend, WeightPrecision weights) : LayerPlan
{
    /// <summary>Steps of a block that go through a stage together.</summary>
    public const int BlockSteps = 32;

    private StepStage[] _stages = [];

    /// <summary>Two blocks of rows, from one stage to the next; none where no stage has blocks.</summary>
    private AlignedBuffer? _rows, _others;

    public override WeightPrecision Weights => weights;

    public IReadOnlyList<StepStage> Stages => _stages;

    /// <summary>Floats of <see cref="Read"/> and <see cref="Write"/>.</summary>
    public int StateLength { get; private set; }

    public override bool Add(RecurrentWeights weights) => Add(backend.CreateStepStage(weights, Weights));

    public override bool Add(LinearWeights weights) => Add(backend.CreateStepStage(weights, Weights));

    public override bool Add(DeviceBuffer embeddingTable) => Add(CpuBackend.CreateStepStage(embeddingTable));

    public override bool Add(in ActivationFunction function, int width) => Add(backend.CreateStepStage(function, width));

    public override bool Add(in LayerNormParameters parameters) => Add(backend.CreateStepStage(parameters));

    public override bool Add(in ResidualRow row, Func<LayerPlan, bool> inner)
    {
        var plan = new StepPlan(backend, Weights);
        return inner(plan) && Add(new ResidualStage(OneOrNone(plan._stages), row));
    }

    /// <summary>Floats of the widest row.</summary>
    private int RowLength { get; set; }

    /// <summary>A plan with the same weights and a zero state of its own.</summary>
    public StepPlan Fork()
    {
        var fork = new StepPlan(backend, weights);
        foreach (StepStage stage in _stages)
            fork.Add(stage.Fork());
        if (_stages.Any(stage => stage.HasBlocks))
            (fork._rows, fork._others) = (new(BlockSteps * (nint)RowLength), new(BlockSteps * (nint)RowLength));
        return fork;
    }

    /// <summary>Goes on with the weights of another plan, of the same model. Allocates nothing.</summary>
    public void Share(StepPlan other)
    {
        for (int i = 0; i < _stages.Length; i++)
            _stages[i].Share(other._stages[i]);
    }

    /// <summary>One step of a model that reads values.</summary>
    public void Step(ReadOnlySpan<float> x, Span<float> y)
    {
        fixed (float* first = x)
            Run(first, y);
    }

    /// <summary>One step of a model that reads tokens.</summary>
    public void Step(int token, Span<float> y) => Run((float*)&token, y);

    /// <summary>Steps one after the other, in blocks where that is less work.</summary>
    /// <param name="x">[steps, input width], or tokens.</param>
    /// <param name="steps">How many.</param>
    /// <param name="y">[steps, output width]; may be x, if the widths are equal.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Process(float* x, int steps, Span<float> y)
    {
        nint width = _stages[0].Input;
        int outputs = _stages[^1].Output;
        if (_rows == null)
        {
            for (; steps > 0; steps--, x += width, y = y[outputs..])
                Run(x, y[..outputs]);
            return;
        }
        for (int t = 0, count; t < steps; t += count)
        {
            count = Math.Min(BlockSteps, steps - t);
            if (count == 1)
                Run(x + (t * width), y.Slice(t * outputs, outputs));
            else
                RunBlock(new BatchRows(x + (t * width), width, count), y.Slice(t * outputs, count * outputs));
        }
    }

    public void Reset()
    {
        foreach (StepStage stage in _stages)
            stage.Reset();
    }

    /// <summary>Copies the state, stage by stage.</summary>
    public void Read(Span<float> state)
    {
        foreach (StepStage stage in _stages)
        {
            stage.Read(state[..stage.StateLength]);
            state = state[stage.StateLength..];
        }
    }

    /// <summary>Takes over such a state.</summary>
    public void Write(ReadOnlySpan<float> state)
    {
        foreach (StepStage stage in _stages)
        {
            stage.Write(state[..stage.StateLength]);
            state = state[stage.StateLength..];
        }
    }

    private void RunBlock(BatchRows at, Span<float> y)
    {
        (AlignedBuffer next, AlignedBuffer other) = (_rows!, _others!);
        foreach (StepStage stage in _stages)
        {
            stage.StepBlock(at, next.Pointer, RowLength);
            at = new BatchRows(next.Pointer, RowLength, at.Count);
            (next, other) = (other, next);
        }
        int width = _stages[^1].Output;
        for (int row = 0; row < (int)at.Count; row++)
            new ReadOnlySpan<float>(at.Row(row), width).CopyTo(y.Slice(row * width, width));
        GC.KeepAlive(this);
    }

    private bool Add(StepStage? stage)
    {
        if (stage == null)
            return false;
        _stages = [.. _stages, stage];
        StateLength += stage.StateLength;
        RowLength = Math.Max(RowLength, AlignedBuffer.Pad(stage.Output));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Run(float* x, Span<float> y)
    {
        foreach (StepStage stage in _stages)
            x = stage.Step(x);
        HandOn(x, ref MemoryMarshal.GetReference(y), y.Length);
        GC.KeepAlive(this);
    }

    /// <summary>
    /// Copies what a stage has just stored by registers. A load that lies within one store gets its data at once; the runtime's own copy loads
    /// across two of them and waits until both are in the cache, for which the next step waits too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void HandOn(float* from, ref float to, nint length)
    {
        nint i = 0;
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
