using FastRnn.Layers;

namespace FastRnn.Inference;

/// <summary>Opens sessions on models.</summary>
public static class SessionExtensions
{
    /// <summary>One stream through the model, starting from a zero state.</summary>
    /// <exception cref="NotSupportedException">A layer needs later inputs for an output, for example <see cref="Bidirectional"/>.</exception>
    public static Session OpenSession(this Sequential model) => new(model, new SessionOptions());

    /// <summary>Streams through the model, starting from zero states.</summary>
    /// <param name="model">The model. Any thread may open sessions on it, as long as its parameters are not written meanwhile.</param>
    /// <param name="options">How many streams, and how the session computes.</param>
    /// <exception cref="NotSupportedException">
    /// A layer needs later inputs for an output, for example <see cref="Bidirectional"/>, the back end cannot store weights so, or a layer's
    /// sums of int8 products would be longer than 65,536.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The session would take more than <see cref="SessionOptions.MemoryLimit"/>.</exception>
    public static Session OpenSession(this Sequential model, SessionOptions options) => new(model, options);
}
