namespace FastRnn.Backends;

/// <summary>Functions of a step's output that have no parameters; all but the last two treat every element on its own.</summary>
internal enum ActivationKind
{
    /// <summary>max(x, 0), of slope 0 at 0.</summary>
    Relu,

    /// <summary>tanh x</summary>
    Tanh,

    /// <summary>1/(1 + e⁻ˣ)</summary>
    Sigmoid,

    /// <summary>(x + 3)/6, at least 0 and at most 1, of slope 0 at both corners.</summary>
    HardSigmoid,

    /// <summary>log(1 + eˣ)</summary>
    Softplus,

    /// <summary>x·σ(x) (Hendrycks, Gimpel 2016; Elfwing et al. 2017)</summary>
    Silu,

    /// <summary>x·Φ(x) with the normal distribution's Φ (Hendrycks, Gimpel 2016)</summary>
    Gelu,

    /// <summary>A function of the cells: see <see cref="ActivationFunction"/>.</summary>
    Chosen,

    /// <summary>x_c − log Σ_k exp x_k over a row: log-probabilities.</summary>
    LogSoftmax,

    /// <summary>exp x_c / Σ_k exp x_k over a row: probabilities.</summary>
    Softmax,
}

/// <summary>A kind, and for <see cref="ActivationKind.Chosen"/> which function of the cells it is.</summary>
internal readonly record struct ActivationFunction(ActivationKind Kind, CellActivation Chosen = default)
{
    /// <summary>Over whole rows, not element by element.</summary>
    public bool IsOfRows => Kind >= ActivationKind.LogSoftmax;

    public static implicit operator ActivationFunction(ActivationKind kind) => new(kind);
}
