using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>How a session computes.</summary>
public sealed record SessionOptions
{
    /// <summary>How it stores the weights; unless given as the model says, <see cref="Sequential.InferenceWeights"/>.</summary>
    public WeightPrecision? Weights { get; init; }
}
