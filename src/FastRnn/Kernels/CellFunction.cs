namespace FastRnn.Kernels;

/// <summary>A point-wise function of a cell, the same at run time for all lanes; α and β as ONNX names them.</summary>
internal enum CellFunction
{
    Tanh,
    Relu,
    Sigmoid,
    Identity,

    /// <summary>min(max(α·x + β, 0), 1)</summary>
    HardSigmoid,

    /// <summary>x/(1 + |x|)</summary>
    Softsign,

    /// <summary>log(1 + eˣ)</summary>
    Softplus,

    /// <summary>x for x ≥ 0, else α·(eˣ − 1)</summary>
    Elu,

    /// <summary>x for x ≥ 0, else α·x</summary>
    LeakyRelu,

    /// <summary>x for x &gt; α, else 0</summary>
    ThresholdedRelu,

    /// <summary>α·tanh(β·x)</summary>
    ScaledTanh,

    /// <summary>α·x + β</summary>
    Affine,

    /// <summary>1.0507·x for x ≥ 0, else 1.0507·1.6733·(eˣ − 1)</summary>
    Selu,

    /// <summary>eˣ</summary>
    Exponential,

    /// <summary>min(max(x, α), β)</summary>
    Clip,
}

/// <summary>A function with its numbers.</summary>
internal readonly record struct CellFunctionArgs(CellFunction Function, float Alpha, float Beta);
