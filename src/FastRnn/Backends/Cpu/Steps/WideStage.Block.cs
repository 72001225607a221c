using System.Runtime.CompilerServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Several steps that are there at once: W is read once for all of them, as a product of rows, and only R once a step.
/// <code>chains [step][group][strip][block][16]: a step's lie as the biases do</code>
/// </summary>
internal sealed unsafe partial class WideStage
{
    private readonly KernelTable _table;
    private AlignedBuffer _steps;

    /// <summary>Floats of weights from which on blocks gain: LSTM 512 2.2 times, LSTM 256 1.8, LSTM 128 1.3, GRU 64, with 24 Ki, 0.9.</summary>
    private const nint WorthBlocks = 1 << 15;

    /// <summary>Not for weights in bfloat16, nor for one gate, whose last panel is narrower than tiles are.</summary>
    public override bool HasBlocks => !_half && _gates > 1 && Units * _gates * Depth >= WorthBlocks;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void StepBlock(BatchRows x, float* y, nint yStride)
    {
        if (!HasBlocks || x.Count == 1)
        {
            base.StepBlock(x, y, yStride);
            return;
        }
        nint row = Units * _strips;
        float* chains = _steps.Pointer;
        MultiplyInputs(x, chains, row);
        for (nint t = 0; t < x.Count; t++, chains += row, y += yStride)
        {
            float* h = RunGroups(null, chains, 16 * _strips);
            new ReadOnlySpan<float>(h, (int)Units).CopyTo(new Span<float>(y, (int)Units));
        }
    }

    protected override void MakeState()
    {
        base.MakeState();
        _steps = new(HasBlocks ? StepPlan.BlockSteps * Units * _strips : 0);
    }

    private void MultiplyInputs(BatchRows x, float* chains, nint row)
    {
        nint blocks = Units / 16, width = 16 * _gates;
        for (nint block = 0; block < blocks; block++)
        {
            nint first = block / _groupBlocks * _groupBlocks, strip = Math.Min(_groupBlocks, blocks - first) * 16, at = BiasAt(0, block * 16);
            var gemm = new GemmArgs { Rows = x.Count, Columns = width, PanelWidth = width, Panels = Panels + (block * width * Depth) };
            gemm.SetRowMajorA(x.First, x.Stride, Input);
            gemm.SetInitRow(Bias + at, strip, 0);
            gemm.C = chains + at;
            (gemm.CRow, gemm.CVector) = (row, strip);
            Gemm.RunPanel(_table, gemm, 0);
        }
    }
}
