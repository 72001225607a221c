using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Packed copies of one matrix in reduced precision, each made when it is first asked for and again when the matrix has changed.</summary>
/// <param name="depth">K.</param>
/// <param name="columns">Of whole panels.</param>
/// <param name="width">Columns of a panel.</param>
internal sealed unsafe class CpuReducedPacks(nint depth, nint columns, nint width)
{
    private readonly Lock _gate = new();
    private readonly CpuPack _rounded = new(depth * columns, lazily: true);
    private CpuBytePack? _bytes;

    /// <summary>
    /// Packed float32 weights, rounded to bfloat16 and float32 again: what the batched products take. They read each weight for many rows, so that half
    /// the bytes would gain nothing; the bits are the same.
    /// </summary>
    public float* Rounded(float* panels, int version)
    {
        if (_rounded.Holds(version))
            return _rounded.Pointer;
        return _rounded.Pack(version, ((nint)panels, Length: depth * columns), static (from, packed) =>
        {
            for (nint i = 0; i < from.Length; i++)
                packed[i] = BFloat16.Nearest(((float*)from.Item1)[i]);
        });
    }

    /// <summary>Rows of W as 8-bit panels.</summary>
    public BytePanels* Bytes(CpuBuffer weight, int firstRow, in PanelColumns rows) => (Volatile.Read(ref _bytes) ?? MakeBytes()).Of(weight, firstRow, rows);

    /// <summary>See <see cref="ProductWeights.PlanReduced"/>.</summary>
    public void Plan(WeightPrecision precision)
    {
        if (_rounded.IsMade || precision == WeightPrecision.BFloat16)
            _ = new CpuPack(depth * columns);
        if (_bytes != null || precision == WeightPrecision.Int8)
            _ = new CpuBytePack(depth, columns / width, width);
    }

    private CpuBytePack MakeBytes()
    {
        lock (_gate)
        {
            if (_bytes == null)
                Volatile.Write(ref _bytes, new(depth, columns / width, width));
            return _bytes;
        }
    }
}

/// <summary>One matrix in 8 bits.</summary>
internal sealed unsafe class CpuBytePack
{
    private readonly Lock _gate = new();
    private readonly AlignedBuffer _header, _weights, _scales, _starts;
    private readonly nint _panels;
    private int _version = -1;

    public CpuBytePack(nint depth, nint panels, nint width)
    {
        if (depth > Int8Rounding.MostTerms)
            throw new NotSupportedException($"int8 weights: sums of {depth} products do not fit in 32 bits, {Int8Rounding.MostTerms} do");
        _panels = panels;
        _weights = new(BytePanels.Bytes(depth, panels, width) / sizeof(float));
        _scales = new(panels * width);
        _starts = new(panels * width);
        _header = new(sizeof(BytePanels) / sizeof(float));
        if (!_header.IsMade)
            return;
        *Panels = new BytePanels
        {
            Weights = (sbyte*)_weights.Pointer,
            Scales = _scales.Pointer,
            Starts = (int*)_starts.Pointer,
            Depth = depth,
            Width = width,
        };
    }

    private BytePanels* Panels => (BytePanels*)_header.Pointer;

    public BytePanels* Of(CpuBuffer weight, int firstRow, in PanelColumns columns)
    {
        if (weight.Version != Volatile.Read(ref _version))
            Pack(weight, firstRow, columns);
        return Panels;
    }

    /// <summary>As <see cref="CpuPack.Pack"/>.</summary>
    private void Pack(CpuBuffer weight, int firstRow, in PanelColumns columns)
    {
        lock (_gate)
        {
            if (weight.Version == _version)
                return;
            Panels->Pack(weight.Pointer + ((nint)firstRow * weight.Stride), weight.Stride, columns, _panels);
            Volatile.Write(ref _version, weight.Version);
        }
    }
}
