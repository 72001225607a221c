using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.OpenCL;

/// <summary>Weights of a recurrent layer, their packed copies, and the kernels of its cell.</summary>
internal sealed class OpenClRecurrentWeights : RecurrentWeights
{
    private CellKernels? _kernels;

    public OpenClRecurrentWeights(OpenClBackend backend, CellType cell, int input, int hidden)
        : base(cell, input, hidden, backend.Allocate)
    {
        Layout = GateLayout.Of(cell);
        FromInput = new(backend, InputWeight, hidden, Layout.Input.Gates);
        FromState = new(backend, RecurrentWeight, hidden, Layout.Recurrent.Gates);
        FromResetState = Layout.Second == null ? null : new(backend, RecurrentWeight, hidden, Layout.Second.Gates);
        Bias = new(backend, InputBias, RecurrentBias, hidden, Layout.Input.Gates, Layout.Apart);
        FromUnprojected = Projection == null ? null : new(backend, Projection);
    }

    public GateLayout Layout { get; }

    /// <summary>W x.</summary>
    public GateWeights FromInput { get; }

    /// <summary>R h, of the gates that do not wait.</summary>
    public GateWeights FromState { get; }

    /// <summary>R_n (r⊙h) of a GRU that resets before.</summary>
    public GateWeights? FromResetState { get; }

    /// <summary>Where the chains start, or what is added to normalised products.</summary>
    public GateBias Bias { get; }

    /// <summary>W_hr m.</summary>
    public PlainWeights? FromUnprojected { get; }

    /// <summary>The kernels of its cell, for any window.</summary>
    public CellKernels Kernels(Programs programs, bool wide) => _kernels ??= new CellKernels(programs, Cell, Layout, wide);

    public override void Prepare(WeightPrecision precision)
    {
        Bias.Row();
        FromInput.Forward();
        FromState.Forward();
        FromResetState?.Forward();
        FromUnprojected?.Forward();
    }
}
