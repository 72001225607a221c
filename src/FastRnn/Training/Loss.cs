using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>What training makes small, averaged over the steps that count.</summary>
public abstract class Loss
{
    private protected Loss()
    {
    }

    /// <summary>Softmax cross-entropy in nats between logits and target tokens; steps with a negative target do not count.</summary>
    public static Loss CrossEntropy { get; } = new CrossEntropyLoss();

    internal abstract LossSum Compute(Backend backend, DeviceBuffer output, ReadOnlySpan<int> targets, DeviceBuffer? gradient);

    private sealed class CrossEntropyLoss : Loss
    {
        internal override LossSum Compute(Backend backend, DeviceBuffer output, ReadOnlySpan<int> targets, DeviceBuffer? gradient) =>
            backend.CrossEntropy(output, targets, gradient);
    }
}

/// <summary>A loss or a gradient became NaN or infinite. It is thrown before the update: weights and state are as they were.</summary>
public sealed class NonFiniteException : Exception
{
    internal NonFiniteException(string tensorName, long step)
        : base($"step {step}: {tensorName} is not finite")
    {
        TensorName = tensorName;
        Step = step;
    }

    /// <summary>For what is found outside a step, for example while saving.</summary>
    internal NonFiniteException(string tensorName)
        : base($"{tensorName} is not finite") => TensorName = tensorName;

    /// <summary>The loss, or the gradient of the first parameter that is not finite.</summary>
    public string TensorName { get; }

    /// <summary>The step that was not made, from 1; 0 outside a step.</summary>
    public long Step { get; }
}
