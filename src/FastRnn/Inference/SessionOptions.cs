using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>How a session computes.</summary>
public sealed record SessionOptions
{
    /// <summary>How it stores the weights; unless given as the model says, <see cref="Sequential.InferenceWeights"/>.</summary>
    public WeightPrecision? Weights { get; init; }

    /// <summary>Independent streams that it carries, each with a state of its own; at least 1.</summary>
    public int Streams
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Streams), value, "a session has one stream at least");
    } = 1;

    /// <summary>
    /// Threads that work on a batch of streams, the caller's included; at least 1. With 1, the default, no call waits for another thread. More are the session's
    /// own; they never change a bit. Steps of one stream always run on the thread that calls.
    /// </summary>
    public int Threads
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, "a session has one thread at least");
    } = 1;

    /// <summary>
    /// Look for two threads in the session at once, which would spoil its state, and name them by an <see cref="InvalidOperationException"/>. It costs some 10 ns
    /// a call. Debug builds of the library always do.
    /// </summary>
    public bool DetectSharing { get; init; }

    /// <summary>
    /// Most bytes that the session may take, about, as its shapes tell before anything is made: states, scratch memory and weights, those counted that other
    /// sessions of the model share with it; 0 sets no limit.
    /// </summary>
    public long MemoryLimit
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(MemoryLimit), value, "a number of bytes is not negative");
    }
}
