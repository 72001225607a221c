using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>What the options of a cell need in a pass; null or 0 where the cell does not have the option.</summary>
internal unsafe struct RecurrentOptions
{
    public CellSettings Settings;

    /// <summary>Whether a step is more than one product and the point-wise part behind it.</summary>
    public bool Staged;

    /// <summary>The input product's strips, and the second recurrent product, of a GRU that resets before.</summary>
    public ProductPanels Input, Second;

    /// <summary>γ of the products and where their chains start, [block][gate][16]; scales of rows; ∂L/∂γ of every sample.</summary>
    public float* InputGamma, RecurrentGamma, SecondGamma, Bias, Scales, InputGammaGradient, RecurrentGammaGradient, SecondGammaGradient;
    public nint ScaleStride;

    /// <summary>W_hr, and what <see cref="CpuOptionStash"/> keeps.</summary>
    public float* ProjectionPanels, Unprojected, ProjectedGradient, Seen, ResetHidden, FreshCell;
    public nint ProjectedStride;
    public BytePanels* ProjectionBytes;

    /// <summary>Recurrent dropout: 0 or 1/(1 − rate), [B, P].</summary>
    public float* DropMask;

    public DropoutMask Zoneout, CellZoneout;
    public bool Training;
}

/// <summary>One product's packed weights and the strips of a block that it writes or reads.</summary>
internal unsafe struct ProductPanels
{
    public float* Panels;

    /// <summary>Instead of <see cref="Panels"/> where the weights have 8 bits.</summary>
    public BytePanels* Bytes;
    public int FirstStrip, CellStrip, Gates, PanelWidth, PanelBlocks;

    public ProductPanels(GateProduct plan, float* panels, BytePanels* bytes = null)
    {
        Panels = panels;
        Bytes = bytes;
        (FirstStrip, CellStrip, Gates) = (plan.FirstStrip, plan.CellStrip, plan.Gates.Length);
        (PanelWidth, PanelBlocks) = (plan.PanelWidth, plan.PanelBlocks);
    }
}

/// <summary>The rows of a step that one thread computes: neighbours in the strips and in the states handed to the cell.</summary>
internal readonly record struct StepRows(int T, nint First, nint Row, nint GateRow, nint Count);
