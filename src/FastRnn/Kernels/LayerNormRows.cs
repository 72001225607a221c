namespace FastRnn.Kernels;

/// <summary>Layer normalisation of rows of features, by the kernels of <see cref="LayerNorm"/>: a row is the strips of one gate.</summary>
internal unsafe struct LayerNormRows
{
    /// <summary>Rows that go through the kernels together: what one has read is still in L1 for the next.</summary>
    private const int Together = 16;

    /// <summary>γ and β, padded to 16 with zeros.</summary>
    public float* Gamma, Beta;
    public float Epsilon;

    /// <summary>Features, and the floats from one row of everything but x to the next.</summary>
    public nint Width, Stride;

    /// <summary>y of some rows; x is read up to its width, y written up to its stride.</summary>
    public readonly void Forward(KernelTable table, float* x, nint xStride, float* y, nint rows)
    {
        float* scales = stackalloc float[Together];
        for (nint r = 0, count; r < rows; r += count, x += count * xStride, y += count * Stride)
        {
            count = Math.Min(Together, rows - r);
            NormArgs norm = Normalize(table, x, xStride, y, count, scales);
            norm.Cell = y;
            norm.Bias = Beta;
            table.NormApply(&norm);
        }
    }

    /// <summary>From x and dY: dX, which is no other array, and dY·x̂.</summary>
    public readonly void Backward(KernelTable table, float* x, float* dY, float* dX, float* products, nint rows)
    {
        float* scales = stackalloc float[Together];
        for (nint r = 0, count; r < rows; r += count)
        {
            count = Math.Min(Together, rows - r);
            nint at = r * Stride;
            NormArgs norm = Normalize(table, x + at, Stride, dX + at, count, scales);
            norm.Cell = dY + at;
            norm.GammaGradient = products + at; // every row has sums of its own
            new Span<float>(products + at, (int)(count * Stride)).Clear();
            table.NormBackward(&norm);
            for (nint i = 0; i < count; i++)
                ClearPadding(dX + at + (i * Stride));
        }
    }

    /// <summary>x̂ of some rows, in place of which the next kernel works.</summary>
    private readonly NormArgs Normalize(KernelTable table, float* x, nint xStride, float* normal, nint rows, float* scales)
    {
        for (nint i = 0; i < rows; i++)
        {
            new ReadOnlySpan<float>(x + (i * xStride), (int)Width).CopyTo(new Span<float>(normal + (i * Stride), (int)Width));
            ClearPadding(normal + (i * Stride));
        }
        var norm = new NormArgs
        {
            Strips = normal,
            BlockStride = 16,
            GateRow = Stride,
            Rows = rows,
            Blocks = Stride / 16,
            Gates = 1,
            Units = Width,
            Scales = scales,
            Epsilon = Epsilon,
            Gamma = Gamma,
        };
        table.NormForward(&norm);
        return norm;
    }

    private readonly void ClearPadding(float* row) => new Span<float>(row + Width, (int)(Stride - Width)).Clear();
}
