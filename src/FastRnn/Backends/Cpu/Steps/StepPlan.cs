using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// The stages of a model in order: what a session runs when the back end has a stage for every layer. Lengths are checked by the session; from here
/// on there are pointers.
/// </summary>
internal sealed unsafe class StepPlan(CpuBackend backend, WeightPrecision weights) : LayerPlan
{
    private StepStage[] _stages = [];

    public override WeightPrecision Weights => weights;

    public IReadOnlyList<StepStage> Stages => _stages;

    /// <summary>Floats of <see cref="Read"/> and <see cref="Write"/>.</summary>
    public int StateLength { get; private set; }

    public override bool Add(RecurrentWeights weights) => Add(backend.CreateStepStage(weights, Weights));

    public override bool Add(LinearWeights weights) => Add(backend.CreateStepStage(weights, Weights));

    public override bool Add(DeviceBuffer embeddingTable) => Add(CpuBackend.CreateStepStage(embeddingTable));

    public override bool Add(ActivationKind kind, int width) => Add(backend.CreateStepStage(kind, width));

    /// <summary>A plan with the same weights and a zero state of its own.</summary>
    public StepPlan Fork()
    {
        var fork = new StepPlan(backend, weights);
        foreach (StepStage stage in _stages)
            fork.Add(stage.Fork());
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

    private bool Add(StepStage? stage)
    {
        if (stage == null)
            return false;
        _stages = [.. _stages, stage];
        StateLength += stage.StateLength;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Run(float* x, Span<float> y)
    {
        foreach (StepStage stage in _stages)
            x = stage.Step(x);
        new ReadOnlySpan<float>(x, y.Length).CopyTo(y);
        GC.KeepAlive(this);
    }
}
