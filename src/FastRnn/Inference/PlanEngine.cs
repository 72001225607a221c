using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>A stage for every layer, for each stream: no call of anything that a step does not need.</summary>
internal sealed class PlanEngine(StepPlan shared, WeightPrecision weights, int inputSize, int outputSize, int streams) : SessionEngine
{
    private readonly StepPlan[] _plans = [.. Enumerable.Range(0, streams).Select(_ => shared.Fork())];

    /// <summary>Of the first stream.</summary>
    public StepPlan Plan => _plans[0];

    public override int StateLength => shared.StateLength;

    public override void Use(WeightSet set)
    {
        StepPlan from = set.Steps(weights)!;
        foreach (StepPlan plan in _plans)
            plan.Share(from);
    }

    public override void Step(SessionInput input, ReadOnlySpan<int> streams, Span<float> y)
    {
        int rows = streams.IsEmpty ? _plans.Length : streams.Length;
        for (int row = 0; row < rows; row++)
            Step(_plans[streams.IsEmpty ? row : streams[row]], input, row, y.Slice(row * outputSize, outputSize));
    }

    public override void Process(SessionInput input, int steps, Span<float> y)
    {
        for (int row = 0; row < steps * _plans.Length; row++)
            Step(_plans[row % _plans.Length], input, row, y.Slice(row * outputSize, outputSize));
    }

    public override void Reset(int stream) => _plans[stream].Reset();

    public override void Read(int stream, Span<float> state) => _plans[stream].Read(state);

    public override void Write(int stream, ReadOnlySpan<float> state) => _plans[stream].Write(state);

    private void Step(StepPlan plan, SessionInput input, int row, Span<float> y)
    {
        if (input.Tokens.IsEmpty)
            plan.Step(input.Values.Slice(row * inputSize, inputSize), y);
        else
            plan.Step(input.Tokens[row], y);
    }
}
