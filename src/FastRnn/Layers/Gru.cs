using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>
/// Gated recurrent unit (Cho et al. 2014) with the reset gate after the recurrent product, PyTorch's and Keras's default: gates r, z, n,
/// n = tanh(W_n x_t + b_in + r·(R_n h_{t−1} + b_hn)), h_t = z·h_{t−1} + (1 − z)·n.
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
public sealed class Gru(int input, int hidden) : RecurrentLayer(input, hidden)
{
    /// <summary>
    /// The reset gate acts before the product, n = tanh(W_n x_t + b_in + R_n (r⊙h_{t−1}) + b_hn): the original paper, ONNX's default
    /// (linear_before_reset = 0) and Keras's reset_after = False. Another function than the default, not another way to compute it.
    /// </summary>
    public bool ResetBefore { get; init; }

    /// <summary>Function of the gates r and z; sigmoid by default.</summary>
    public CellActivation GateActivation { get; init; } = CellActivation.Sigmoid;

    /// <summary>Function of the candidate n; tanh by default.</summary>
    public CellActivation CandidateActivation { get; init; }

    /// <summary>Limit of what enters the functions of gates and candidate, biases included (ONNX's clip); 0 for none. The gradient passes where nothing was cut.</summary>
    public float GateClip
    {
        get;
        init => field = Check.Limit(value);
    }

    private protected override CellType CreateCell() =>
        CellType.Gru with { ResetBefore = ResetBefore, GateActivation = GateActivation, Activation = CandidateActivation, GateClip = GateClip };
}
