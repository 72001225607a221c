using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>One stream, a stage for every layer: no call of anything that a step does not need.</summary>
internal sealed class PlanEngine(StepPlan shared, WeightPrecision weights, int inputSize, int outputSize) : SessionEngine
{
    public StepPlan Plan { get; } = shared.Fork();

    public override int StateLength => Plan.StateLength;

    public override void Use(WeightSet set) => Plan.Share(set.Steps(weights)!);

    public override void Step(SessionInput input, ReadOnlySpan<int> streams, Span<float> y) => Process(input, 1, y);

    public override void Process(SessionInput input, int steps, Span<float> y)
    {
        for (int t = 0; t < steps; t++)
        {
            Span<float> row = y.Slice(t * outputSize, outputSize);
            if (input.Tokens.IsEmpty)
                Plan.Step(input.Values.Slice(t * inputSize, inputSize), row);
            else
                Plan.Step(input.Tokens[t], row);
        }
    }

    public override void Reset(int stream) => Plan.Reset();

    public override void Read(int stream, Span<float> state) => Plan.Read(state);

    public override void Write(int stream, ReadOnlySpan<float> state) => Plan.Write(state);
}
