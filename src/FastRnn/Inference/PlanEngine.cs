using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>One stream, a stage for every layer: no call of anything that a step does not need.</summary>
internal sealed class PlanEngine(StepPlan shared, WeightPrecision weights) : SessionEngine
{
    public StepPlan Plan { get; } = shared.Fork();

    public override int StateLength => Plan.StateLength;

    public override void Use(WeightSet set) => Plan.Share(set.Steps(weights)!);

    public override void Step(SessionInput input, ReadOnlySpan<int> streams, Span<float> y) => Process(input, 1, y);

    public override unsafe void Process(SessionInput input, int steps, Span<float> y)
    {
        fixed (float* values = input.Values)
        fixed (int* tokens = input.Tokens)
            Plan.Process(tokens == null ? values : (float*)tokens, steps, y);
    }

    public override void Reset(int stream) => Plan.Reset();

    public override void Read(int stream, Span<float> state) => Plan.Read(state);

    public override void Write(int stream, ReadOnlySpan<float> state) => Plan.Write(state);
}
