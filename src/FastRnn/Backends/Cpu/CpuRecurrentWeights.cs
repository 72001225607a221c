using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Weights of a recurrent layer with their packed forms, each refreshed when its sources have changed.</summary>
internal sealed unsafe class CpuRecurrentWeights : RecurrentWeights
{
    private readonly CpuPack _bias, _apart;
    private readonly CpuPack? _projection, _projectionBackward;
    private readonly CpuReducedPacks? _projectionReduced;

    /// <param name="cell">Cell.</param>
    /// <param name="input">Width of the input.</param>
    /// <param name="hidden">Units.</param>
    /// <param name="lazily">Make packed forms when they are first asked for; otherwise now.</param>
    public CpuRecurrentWeights(CellType cell, int input, int hidden, bool lazily = false)
        : base(cell, input, hidden, (rows, columns) => new CpuBuffer(rows, columns))
    {
        Layout = GateLayout.Of(cell);
        Kernel = GateLayout.Kernel(cell);
        HasOptions = Kernel >= CellKernel.LstmVariant || CpuBackend.IsStaged(cell, training: true);
        ClearsPadding = Hidden % 16 != 0
            && Kernel is CellKernel.RnnSigmoid or CellKernel.LstmVariant or CellKernel.GruVariant or CellKernel.RnnVariant or CellKernel.GruBeforeState;
        FromInput = new(Layout.Input, InputWeight, InputNorm, hidden, lazily);
        FromState = new(Layout.Recurrent, RecurrentWeight, RecurrentNorm, hidden, lazily);
        FromResetState = Layout.Second == null ? null : new(Layout.Second, RecurrentWeight, RecurrentNorm, hidden, lazily);
        nint units = AlignedBuffer.Pad(hidden);
        _bias = new(CpuGateProduct.Padded(Layout.Input, units), lazily);
        _apart = new(Layout.Apart < 0 ? 16 : units, lazily);
        if (Projection == null)
            return;
        _projection = new(Packing.PanelLength(hidden, State), lazily);
        _projectionBackward = new(Packing.PanelLength(State, hidden), lazily);
        _projectionReduced = new(hidden, Gemm.Panels(State) * Gemm.PanelColumns, Gemm.PanelColumns);
    }

    public GateLayout Layout { get; }

    public CellKernel Kernel { get; }

    /// <summary>W x.</summary>
    public CpuGateProduct FromInput { get; }

    /// <summary>R h, of the gates that do not wait.</summary>
    public CpuGateProduct FromState { get; }

    /// <summary>R_n (r⊙h) of a GRU that resets before.</summary>
    public CpuGateProduct? FromResetState { get; }

    /// <summary>Whether the cell is more than one of those that have a kernel of their own: the others skip all that options need.</summary>
    public bool HasOptions { get; }

    /// <summary>Whether a padded unit's state would not be 0 by itself, because a function is not 0 at 0.</summary>
    public bool ClearsPadding { get; }

    /// <summary>Columns of a product with all its gates of all units, padded to 16.</summary>
    public nint GateColumns(GateProduct product) => (nint)AlignedBuffer.Pad(Hidden) * product.Gates.Length;

    public override void Prepare(WeightPrecision precision)
    {
        PackedBias();
        ApartBias();
        FromInput.Prepare(precision);
        FromState.Prepare(precision);
        FromResetState?.Prepare(precision);
        if (Projection == null)
            return;
        ProjectionPanels(precision);
        ProjectionBytes(precision);
    }

    /// <summary>Whether the large panels of a forward pass in float32 are those of the parameters.</summary>
    internal bool IsPacked => FromInput.IsPacked && FromState.IsPacked && FromResetState?.IsPacked != false && _projection?.Holds(Projection!.Version) != false;

    public override void PrepareFrom(DeviceBuffer parameter)
    {
        if (parameter == InputWeight)
            FromInput.Panels();
        if (parameter == RecurrentWeight)
        {
            FromState.Panels();
            FromResetState?.Panels();
        }
        if (parameter == Projection)
            ProjectionPanels();
    }

    public override void Release()
    {
        FromInput.Release();
        FromState.Release();
        FromResetState?.Release();
        _projection?.Release();
    }

    /// <summary>The same of what a step with 8-bit weights reads.</summary>
    public void PrepareBytes()
    {
        PackedBias();
        ApartBias();
        FromInput.Bytes(WeightPrecision.Int8);
        FromState.Bytes(WeightPrecision.Int8);
    }

    /// <summary>Where the chains start, panel by panel.</summary>
    public float* PackedBias() => _bias.Holds(InputBias.Version + RecurrentBias.Version)
        ? _bias.Pointer
        : _bias.Pack(InputBias.Version + RecurrentBias.Version, this, static (w, packed) =>
            Packing.GateBias(Pointer(w.InputBias), Pointer(w.RecurrentBias), w.Hidden, w.Layout.Input.Gates, w.Layout.Apart, packed));

    /// <summary>b_hh of the gate whose recurrent chain is one of its own, by unit, or null.</summary>
    public float* ApartBias()
    {
        if (Layout.Apart < 0)
            return null;
        return _apart.Holds(RecurrentBias.Version)
            ? _apart.Pointer
            : _apart.Pack(RecurrentBias.Version, this, static (w, packed) =>
                new ReadOnlySpan<float>(Pointer(w.RecurrentBias) + (w.Layout.Apart * w.Hidden), w.Hidden).CopyTo(new Span<float>(packed, w.Hidden)));
    }

    /// <summary>W_hr for h = W_hr m.</summary>
    public float* ProjectionPanels() => _projection!.Holds(Projection!.Version)
        ? _projection.Pointer
        : _projection.Pack(Projection.Version, this, static (w, packed) =>
            Packing.Columns(Pointer(w.Projection!), ((CpuBuffer)w.Projection!).Stride, w.State, w.Hidden, packed));

    /// <summary>W_hr of inference.</summary>
    public float* ProjectionPanels(WeightPrecision precision) => precision == WeightPrecision.BFloat16
        ? _projectionReduced!.Rounded(ProjectionPanels(), Projection!.Version)
        : ProjectionPanels();

    /// <summary>W_hr in 8 bits, or null.</summary>
    public BytePanels* ProjectionBytes(WeightPrecision precision) => precision != WeightPrecision.Int8
        ? null
        : _projectionReduced!.Bytes((CpuBuffer)Projection!, 0, new PanelColumns(State));

    public override void PlanReduced(WeightPrecision precision)
    {
        FromInput.PlanReduced(precision);
        FromState.PlanReduced(precision);
        FromResetState?.PlanReduced(precision);
        _projectionReduced?.Plan(precision);
    }

    /// <summary>W_hr for dm = W_hrᵀ dh.</summary>
    public float* ProjectionBackwardPanels() => _projectionBackward!.Holds(Projection!.Version)
        ? _projectionBackward.Pointer
        : _projectionBackward.Pack(Projection.Version, this, static (w, packed) =>
            Packing.Rows(Pointer(w.Projection!), ((CpuBuffer)w.Projection!).Stride, w.State, w.Hidden, packed));

    private static float* Pointer(DeviceBuffer buffer) => ((CpuBuffer)buffer).Pointer;
}

/// <summary>The packed weights of one product, and the γ that scale it when it is normalised.</summary>
internal sealed unsafe class CpuGateProduct
{
    private readonly CpuBuffer _weight;
    private readonly CpuBuffer? _norm;
    private readonly CpuPack _forward, _backward, _gamma;
    private readonly CpuReducedPacks _reduced;
    private readonly int _hidden;

    public CpuGateProduct(GateProduct product, DeviceBuffer weight, DeviceBuffer? norm, int hidden, bool lazily)
    {
        (Plan, _weight, _norm, _hidden) = (product, (CpuBuffer)weight, (CpuBuffer?)norm, hidden);
        nint units = AlignedBuffer.Pad(hidden), columns = product.Gates.Length * units;
        _forward = new(Padded(product, units) * weight.Columns, lazily);
        _reduced = new(weight.Columns, Padded(product, units), product.PanelWidth);
        _backward = new(Packing.PanelLength(columns, weight.Columns), lazily);
        _gamma = new(norm == null ? 16 : columns, lazily);
    }

    public GateProduct Plan { get; }

    /// <summary>K: width of what the weights multiply.</summary>
    public int Depth => _weight.Columns;

    /// <summary>Columns of whole panels.</summary>
    public static nint Padded(GateProduct product, nint units) =>
        ((product.Gates.Length * units) + product.PanelWidth - 1) / product.PanelWidth * product.PanelWidth;

    /// <summary>Makes what a forward pass reads.</summary>
    public void Prepare(WeightPrecision precision)
    {
        Panels(precision);
        Bytes(precision);
        Gamma();
    }

    public void Release() => _forward.Release();

    public bool IsPacked => _forward.Holds(_weight.Version);

    public float* Panels() => _forward.Holds(_weight.Version)
        ? _forward.Pointer
        : _forward.Pack(_weight.Version, this, static (product, packed) => product.PackForward(packed));

    /// <summary>The float32 panels of inference.</summary>
    public float* Panels(WeightPrecision precision) => precision == WeightPrecision.BFloat16
        ? _reduced.Rounded(Panels(), _weight.Version)
        : Panels();

    /// <summary>8-bit panels, or null.</summary>
    public BytePanels* Bytes(WeightPrecision precision)
    {
        if (precision != WeightPrecision.Int8)
            return null;
        bool single = Plan.Gates.Length == 1;
        return _reduced.Bytes(
            _weight, single ? Plan.Gates[0] * _hidden : 0, single ? new PanelColumns(_hidden) : new PanelColumns(Plan.Gates, _hidden));
    }

    /// <summary>See <see cref="ProductWeights.PlanReduced"/>.</summary>
    public void PlanReduced(WeightPrecision precision) => _reduced.Plan(precision);

    public float* BackwardPanels() => _backward.Holds(_weight.Version)
        ? _backward.Pointer
        : _backward.Pack(_weight.Version, this, static (product, packed) =>
            Packing.GateRows(product._weight.Pointer, product._weight.Stride, product._hidden, product.Plan.Gates, product.Depth, packed));

    /// <summary>γ as [block][gate][16], or null.</summary>
    public float* Gamma()
    {
        if (_norm == null)
            return null;
        return _gamma.Holds(_norm.Version)
            ? _gamma.Pointer
            : _gamma.Pack(_norm.Version, this, static (product, packed) => Packing.GateVector(product._norm!.Pointer, product._hidden, product.Plan.Gates, packed));
    }

    private void PackForward(float* packed)
    {
        if (Plan.Gates.Length == 1)
            Packing.Columns(_weight.Pointer + ((nint)Plan.Gates[0] * _hidden * _weight.Stride), _weight.Stride, _hidden, Depth, packed);
        else
            Packing.GateColumns(_weight.Pointer, _weight.Stride, _hidden, Plan.Gates, Depth, packed);
    }
}
