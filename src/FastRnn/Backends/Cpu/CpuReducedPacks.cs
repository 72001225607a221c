using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Packed copies of one matrix in reduced precision, each made when it is first asked for and again when the matrix has changed.</summary>
internal sealed unsafe class CpuReducedPacks
{
    private CpuPack? _rounded;
    private CpuBytePack? _bytes;

    /// <summary>
    /// Packed float32 weights, rounded to bfloat16 and float32 again: what the batched products take. They read each weight for many rows, so that half
    /// the bytes would gain nothing; the bits are the same.
    /// </summary>
    public float* Rounded(float* panels, nint length, int version)
    {
        _rounded ??= new(length);
        if (_rounded.IsStale(version))
        {
            for (nint i = 0; i < length; i++)
                _rounded.Pointer[i] = BFloat16.Nearest(panels[i]);
        }
        return _rounded.Pointer;
    }

    /// <summary>Rows of W as 8-bit panels of so many columns.</summary>
    public BytePanels* Bytes(CpuBuffer weight, int firstRow, in PanelColumns columns, nint padded, nint width)
    {
        _bytes ??= new(weight.Columns, padded / width, width);
        return _bytes.Of(weight, firstRow, columns);
    }
}

/// <summary>One matrix in 8 bits.</summary>
internal sealed unsafe class CpuBytePack
{
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
        if (weight.Version == _version)
            return Panels;
        Panels->Pack(weight.Pointer + ((nint)firstRow * weight.Stride), weight.Stride, columns, _panels);
        _version = weight.Version;
        return Panels;
    }
}
