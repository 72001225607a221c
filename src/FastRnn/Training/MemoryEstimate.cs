namespace FastRnn.Training;

/// <summary>Bytes of native memory that training holds: all but the program itself, the data, the best weights of an <see cref="EarlyStopping"/>, and small managed objects.</summary>
/// <param name="Weights">
/// Weights and their copies in the order of the kernels, those in reduced precision once an evaluation has made them, and the average of
/// <see cref="Trainer.AverageDecay"/>.
/// </param>
/// <param name="Gradients">Gradients of weights.</param>
/// <param name="Moments">What the optimiser keeps.</param>
/// <param name="Windows">Outputs, states and what is kept for the backward pass, for every shape of window; the carried state.</param>
/// <param name="Scratch">What operations need while they run. Models on one back end share it.</param>
public readonly record struct MemoryEstimate(long Weights, long Gradients, long Moments, long Windows, long Scratch)
{
    /// <summary>All of it.</summary>
    public long Total => Weights + Gradients + Moments + Windows + Scratch;

    /// <summary>The total and its parts in MiB.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Mib(Total):F1} MiB: weights {Mib(Weights):F1}, gradients {Mib(Gradients):F1}, moments {Mib(Moments):F1}, windows {Mib(Windows):F1}, scratch {Mib(Scratch):F1}");

    private static double Mib(long bytes) => bytes / (double)(1 << 20);
}
