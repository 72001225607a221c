using FastRnn.Backends;

namespace FastRnn.Training;

/// <summary>How the losses of a window become one number.</summary>
public enum LossReduction
{
    /// <summary>
    /// Their mean: over the steps that count; with class weights divided by the weights of the counted targets; for values over the
    /// elements of the steps that count.
    /// </summary>
    Mean,

    /// <summary>Their sum: the gradient grows with the window.</summary>
    Sum,
}

/// <summary>What training makes small, over the steps that count: those that are active, not ignored, and whose target is not negative.</summary>
public abstract class Loss
{
    private protected Loss()
    {
    }

    /// <summary>Softmax cross-entropy in nats between logits and target tokens; steps with a negative target do not count.</summary>
    public static Loss CrossEntropy { get; } = new CrossEntropy();

    /// <summary>Mean or sum.</summary>
    public LossReduction Reduction { get; init; }

    /// <summary>Kind and all constants: two that say the same are the same function.</summary>
    public abstract override string ToString();

    private protected bool IsSum => Reduction == LossReduction.Sum;

    /// <summary>Says what is wrong with windows of that many target values a step (0: classes) for a model of that many outputs, or null.</summary>
    internal abstract string? Refuses(int targetValues, int modelOutputs);

    /// <summary>The loss of one window, and unless null its gradient. The target buffer is null for classes.</summary>
    internal abstract LossSum Compute(Backend backend, DeviceBuffer output, SequenceChunk chunk, DeviceBuffer? target, DeviceBuffer? gradient);

    /// <summary>The loss of one or more windows from the sums over all of them; 0 when nothing counted.</summary>
    internal double Reduce(double sum, double divisor) => IsSum ? sum : divisor == 0 ? 0 : sum / divisor;
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
