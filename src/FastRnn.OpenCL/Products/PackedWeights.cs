using FastRnn.Backends;

namespace FastRnn.OpenCL;

/// <summary>
/// Packed copies of a weight [rows, K] for y = x·Wᵀ and for dX = dY·W, made when they are first asked for and again when the weight has changed.
/// </summary>
internal class PackedWeights(OpenClProducts products, OpenClBuffer weight, TargetRows rows)
{
    private PackedMatrix? _forward, _backward;

    public TargetRows Rows { get; } = rows;

    /// <summary>Wᵀ: [K, N].</summary>
    public PackedMatrix Forward()
    {
        _forward ??= products.NewPacked(weight.Columns, Rows.Count);
        Refresh(_forward, transposed: true);
        return _forward;
    }

    /// <summary>W: [N, K].</summary>
    public PackedMatrix Backward()
    {
        _backward ??= products.NewPacked(Rows.Count, weight.Columns);
        Refresh(_backward, transposed: false);
        return _backward;
    }

    private void Refresh(PackedMatrix packed, bool transposed)
    {
        int version = weight.Version;
        if (version == packed.Version)
            return;
        products.Pack(weight, Rows, transposed, packed);
        packed.Version = version;
    }
}

/// <summary>Those of a whole weight, rows as they come.</summary>
internal sealed class PlainWeights(OpenClBackend backend, DeviceBuffer weight)
    : PackedWeights(backend.Products, (OpenClBuffer)weight, TargetRows.Plain(weight.Rows));

/// <summary>
/// Those of some gates of a recurrent layer's weight [all gates · H, K]: the product's column u·G + g is row gates[g]·H + u.
/// </summary>
internal sealed class GateWeights(OpenClBackend backend, DeviceBuffer weight, int hidden, int[] gates)
    : PackedWeights(backend.Products, (OpenClBuffer)weight, TargetRows.Gates(hidden, gates));

/// <summary>Where the chains of gates start: b_ih + b_hh, or only b_ih for the gate whose recurrent chain is one of its own; element u·G + g.</summary>
internal sealed class GateBias(OpenClBackend backend, DeviceBuffer inputBias, DeviceBuffer recurrentBias, int hidden, int[] gates, int apart = -1)
{
    private readonly TargetRows _rows = TargetRows.Gates(hidden, gates);
    private OpenClBuffer? _row;
    private (int Input, int Recurrent) _versions = (-1, -1);

    /// <summary>[1, H·G].</summary>
    public OpenClBuffer Row()
    {
        _row ??= backend.Products.NewRow(_rows.Count);
        var versions = (inputBias.Version, recurrentBias.Version);
        if (versions != _versions)
            backend.Products.PackBias((OpenClBuffer)inputBias, (OpenClBuffer)recurrentBias, _rows, apart, _row);
        _versions = versions;
        return _row;
    }
}
