using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>Simple recurrent network (Elman 1990): h_t = f(W x_t + b_ih + R h_{t−1} + b_hh).</summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
/// <param name="activation">f; tanh by default.</param>
public sealed class Rnn(int input, int hidden, CellActivation activation = default) : RecurrentLayer(input, hidden)
{
    /// <summary>f.</summary>
    public CellActivation Activation { get; } = activation;

    /// <summary>Limit of what enters f, biases included (ONNX's clip); 0 for none. The gradient passes where nothing was cut.</summary>
    public float GateClip
    {
        get;
        init => field = Check.Limit(value);
    }

    private protected override CellType CreateCell() => CellType.Rnn(Activation) with { GateClip = GateClip };
}
