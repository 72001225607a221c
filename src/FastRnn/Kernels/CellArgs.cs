namespace FastRnn.Kernels;

/// <summary>
/// Rows of one block of 16 hidden units of a cell. A row holds 16 floats of every gate, <see cref="GateStride"/> apart, in the cell's order; rows
/// are <see cref="GateRow"/> apart. States are row-major with <see cref="StateRow"/> floats a row; pointers start at the
/// block's first unit.
/// </summary>
internal unsafe struct CellArgs
{
    /// <summary>Gates: pre-activations on entry of the forward pass, activations after it, their gradients after the backward pass.</summary>
    public float* Gates;
    public nint GateStride, GateRow;

    /// <summary>h_{t−1}; GRU only.</summary>
    public float* PreviousHidden;

    /// <summary>c_{t−1}; LSTM only.</summary>
    public float* PreviousCell;

    /// <summary>c_t; LSTM only.</summary>
    public float* Cell;

    /// <summary>h_t; forward only.</summary>
    public float* Hidden;

    /// <summary>∂L/∂h_t; backward only.</summary>
    public float* HiddenGradient;

    /// <summary>
    /// What goes to step t−1 beside the product with R; backward only. LSTM: ∂L/∂c_t from step t+1 on entry, ∂L/∂c_{t−1} on return. GRU: the
    /// part of ∂L/∂h_{t−1} that z hands on, written.
    /// </summary>
    public float* Carry;
    public nint StateRow;
    public nint Rows;

    /// <summary>Cells with options only, as everything below. Index of the block's first unit.</summary>
    public nint Unit;
    public CellSettings* Settings;

    /// <summary>h_{t−1} as R sees it; GRU that resets before.</summary>
    public float* Seen;

    /// <summary>r⊙h, written forward; backward its gradient on entry and that of h through it on return; GRU that resets before.</summary>
    public float* ResetHidden;

    /// <summary>The samples of the rows: <see cref="FirstSample"/> + row, or SampleRows[row] + FirstSample.</summary>
    public int* SampleRows;
    public nint FirstSample;

    /// <summary>Store the activations for a backward pass; forward only.</summary>
    public bool KeepGates;

    /// <summary>Index in the batch of a row's sample.</summary>
    public readonly nint Sample(nint row) => FirstSample + (SampleRows == null ? row : SampleRows[row]);
}

/// <summary>The point-wise parts that the kernel table has; the value is the index there.</summary>
internal enum CellKernel
{
    Lstm,
    Gru,
    RnnTanh,
    RnnRelu,
    RnnSigmoid,
    RnnIdentity,
    LstmVariant,
    GruVariant,
    RnnVariant,

    /// <summary>First half of a step of a GRU that resets before, forward; second half backward.</summary>
    GruBeforeGates,

    /// <summary>The other half.</summary>
    GruBeforeState,
    Count,
}
