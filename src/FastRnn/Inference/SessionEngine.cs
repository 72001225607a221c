using FastRnn.Layers;

namespace FastRnn.Inference;

/// <summary>What a call hands in: values, or tokens. One of the two is empty.</summary>
internal readonly ref struct SessionInput
{
    public SessionInput(ReadOnlySpan<float> values) => Values = values;

    public SessionInput(ReadOnlySpan<int> tokens) => Tokens = tokens;

    public ReadOnlySpan<float> Values { get; }

    public ReadOnlySpan<int> Tokens { get; }

    /// <summary>Rows of so many, from row <paramref name="first"/> on; <paramref name="width"/> values are a row.</summary>
    public SessionInput Rows(int first, int count, int width) =>
        Tokens.IsEmpty ? new(Values.Slice(first * width, count * width)) : new(Tokens.Slice(first, count));
}

/// <summary>
/// What computes for a session: states, scratch memory, and the weight set that it has taken last. Everything is made when it is; lengths and streams are
/// checked by the session.
/// </summary>
internal abstract class SessionEngine
{
    /// <summary>Floats of one stream's state: layer by layer h and then c where the layer has it.</summary>
    public abstract int StateLength { get; }

    /// <summary>Goes on with these weights. Allocates nothing.</summary>
    public abstract void Use(WeightSet set);

    /// <summary>One step of some streams, row after row; of all, in order, when none are named.</summary>
    public abstract void Step(SessionInput input, ReadOnlySpan<int> streams, Span<float> y);

    /// <summary>So many steps of all streams, time-major.</summary>
    public abstract void Process(SessionInput input, int steps, Span<float> y);

    /// <summary>A stream back to the zero state.</summary>
    public abstract void Reset(int stream);

    /// <summary>Copies a stream's state.</summary>
    public abstract void Read(int stream, Span<float> state);

    /// <summary>Replaces a stream's state.</summary>
    public abstract void Write(int stream, ReadOnlySpan<float> state);

    /// <summary>Ends threads, if it has any of its own.</summary>
    public virtual void Stop()
    {
    }
}
