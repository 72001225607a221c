using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>A stage for every layer, which all streams go through together.</summary>
internal sealed class BatchEngine(BatchPlan shared, WeightPrecision weights, int inputSize, int outputSize, int streams) : SessionEngine
{
    private readonly BatchPlan _plan = shared.Fork(streams);
    private readonly float[] _zeros = new float[shared.StateLength];

    public override int StateLength => _zeros.Length;

    public override void Use(WeightSet set) => _plan.Share(set.Batches(weights)!);

    public override unsafe void Step(SessionInput input, ReadOnlySpan<int> some, Span<float> y)
    {
        fixed (float* values = input.Values)
        fixed (int* tokens = input.Tokens, which = some)
            _plan.Step(tokens == null ? values : (float*)tokens, some.IsEmpty ? streams : some.Length, which, y);
    }

    public override void Process(SessionInput input, int steps, Span<float> y)
    {
        for (int t = 0; t < steps; t++)
            Step(input.Rows(t * streams, streams, inputSize), default, y.Slice(t * streams * outputSize, streams * outputSize));
    }

    public override void Reset(int stream) => _plan.Write(stream, _zeros);

    public override void Read(int stream, Span<float> state) => _plan.Read(stream, state);

    public override void Write(int stream, ReadOnlySpan<float> state) => _plan.Write(stream, state);
}
