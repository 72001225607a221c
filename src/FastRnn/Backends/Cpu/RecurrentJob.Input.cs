using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>Steps of a large batch that compute W·x themselves: each panel's chains stay in L1 from W·x to R·h and the cell.</summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>Sets what a step needs to compute W·x itself.</summary>
    public void JoinInput(ProductPanels product, float* x, int row, int size, float* bias)
    {
        (Input, InputRow, InputSize) = (product, row, size);
        Inputs = x;
        Bias = bias;
    }

    private readonly GemmArgs InputProduct(in StepRows rows)
    {
        var gemm = new GemmArgs { Rows = rows.Count, Columns = UnitBlocks * Input.Gates * 16, PanelWidth = Input.PanelWidth, Panels = Input.Panels };
        gemm.SetRowMajorA(Inputs + (rows.Row * InputRow), InputRow, InputSize);
        gemm.SetInitRow(Bias, 16, Input.PanelWidth);
        gemm.SetGateStripsC(Strips + (Input.FirstStrip * 16) + (rows.GateRow * GateRow), GateRow, Input.Gates, BlockStride);
        return gemm;
    }

    /// <summary>
    /// A panel's chains through W·x, then R·h; each fetches the other's weights, which come next. Rejected: each its own next panel, forward pass of
    /// LSTM 512→512, T 16, B 64 4 % slower.
    /// </summary>
    private static void RunJoinedPanel(KernelTable table, in GemmArgs input, in GemmArgs recurrent, nint panel, nint then)
    {
        Gemm.RunPanel(table, input, panel, recurrent.Panel(panel), recurrent.PanelLength);
        Gemm.RunPanel(table, recurrent, panel, input.Panel(then), input.PanelLength);
    }
}
