namespace FastRnn.Backends;

/// <summary>Functions of a step's output that have no parameters; all but the last treat every element on its own.</summary>
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

    /// <summary>x_c − log Σ_k exp x_k over a row: log-probabilities.</summary>
    LogSoftmax,
}
