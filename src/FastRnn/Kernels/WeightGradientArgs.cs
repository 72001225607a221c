namespace FastRnn.Kernels;

/// <summary>
/// dW[n, k] += Σ over rows r = (t, b) of dY[r, n]·X[r, k], and the bias gradient Σ dY[r, n]. dY is given as strips of 16 columns.
/// </summary>
internal unsafe struct WeightGradientArgs
{
    /// <summary>The sums run over steps FirstStep … FirstStep + Steps − 1; all rows are those of the whole window.</summary>
    public nint FirstStep, Steps, Batch;

    /// <summary>dY's strip s, row (t, b), column i: <see cref="Strip"/>(s)[(t·Batch + b)·StripRow + i].</summary>
    public float* Strips;
    public nint BlockStride, StripRow;

    /// <summary>One or two bias gradients, or none. Their strips where they are others; null for the same.</summary>
    public float* BiasA, BiasB, BiasStrips;

    /// <summary>X [T·B rows of XRow floats], Columns of them used (padded to 16); no columns: there are only bias gradients, and <see cref="Rows"/> is null.</summary>
    public float* X;
    public nint XRow, Columns;

    /// <summary>One byte a row, or null for all: rows with 0 count as x = 0, whatever they hold.</summary>
    public byte* Active;

    /// <summary>
    /// Null, or the rows that count, ascending: dY's strips then hold only these, packed, while X is read at Rows[i] – as zero where
    /// <see cref="Cleared"/> is set. Those of step t are <see cref="StepStart"/>[t] … StepStart[t + 1] − 1.
    /// </summary>
    public int* Rows, StepStart;
    public byte* Cleared;

    /// <summary>dW, row-major.</summary>
    public float* Gradient;
    public nint GradientRow;

    /// <summary>Rows of dW.</summary>
    public nint GradientRows;

    /// <summary>H when the strips are gates, 0 when they are plain columns.</summary>
    public nint GateHidden;

    /// <summary>
    /// Strips that are neighbours in the rows of a block: strip s is number s % <see cref="Gates"/> of block s / <see cref="Gates"/>. Of gates, it
    /// goes to rows gate·H + 16·block … of dW, where <see cref="GateOrder"/> holds the gate in four bits.
    /// </summary>
    public nint Gates;
    public int GateOrder;

    /// <summary>A run of zeros, 64 at least.</summary>
    public float* Zeros;

    /// <summary>First row of dW of a strip, and how many of its 16 columns exist.</summary>
    public readonly (nint Row, nint Count) Target(nint strip)
    {
        if (GateHidden == 0)
            return (strip * 16, Math.Min(16, GradientRows - (strip * 16)));
        nint unit = strip / Gates * 16, gate = (GateOrder >> (int)(strip % Gates * 4)) & 15;
        return ((gate * GateHidden) + unit, Math.Min(16, GateHidden - unit));
    }

    /// <summary>How many strips from this one to <paramref name="end"/> are neighbours in the rows of one block.</summary>
    public readonly nint Neighbours(nint strip, nint end) => Math.Min(end - strip, Gates - (strip % Gates));

    /// <summary>The span of the last steps.</summary>
    public readonly StepSpan LastSpan() => SpanBefore(new StepSpan(FirstStep + Steps, 0));

    /// <summary>The span that ends where this one begins; of no steps when there is none.</summary>
    public readonly StepSpan SpanBefore(StepSpan span)
    {
        nint from = Math.Max(FirstStep, (span.First - 1) / WeightGradient.SpanSteps * WeightGradient.SpanSteps);
        return new StepSpan(from, span.First - from);
    }

    /// <summary>Where a strip lies.</summary>
    public readonly float* Strip(nint strip) => Strips + Offset(strip);

    /// <summary>Where the strip for the bias lies.</summary>
    public readonly float* BiasStrip(nint strip) => BiasStrips + Offset(strip);

    private readonly nint Offset(nint strip) => (strip / Gates * BlockStride) + (strip % Gates * 16);
}

/// <summary>Some time steps.</summary>
internal readonly record struct StepSpan(nint First, nint Steps)
{
    /// <summary>The step after the last.</summary>
    public nint End => First + Steps;
}
