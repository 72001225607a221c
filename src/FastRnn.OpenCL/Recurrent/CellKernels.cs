using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

/// <summary>
/// The kernels of one cell, whose options are constants of their programs: a plain cell pays for none. On CPUs a work-item computes sixteen units, as vectors;
/// the compiler there makes none of a cell's long code by itself (LSTM, a unit forward: 5 ns, otherwise 30 ns).
/// </summary>
internal sealed class CellKernels
{
    private readonly Programs _programs;
    private readonly string _file, _name, _cellOptions, _projectOptions, _lanes, _normOptions;

    public CellKernels(Programs programs, CellType cell, GateLayout layout, bool wide)
    {
        _programs = programs;
        Lanes = wide ? 16 : 1;
        (_file, _name) = cell.Kind switch
        {
            CellKind.Lstm => ("lstm.cl", "lstm"),
            CellKind.Gru => ("gru.cl", cell.ResetBefore ? "gru_before_state" : "gru"),
            _ => ("elman.cl", "elman"),
        };
        string strips = string.Create(CultureInfo.InvariantCulture, $" -DSTRIPS={layout.BlockStrips}");
        _lanes = string.Create(CultureInfo.InvariantCulture, $"-DLANES={Lanes}");
        _projectOptions = _lanes + (cell.Zoneout > 0 ? " -DZONEOUT" : "");
        _cellOptions = _lanes + strips + Options(cell);
        _normOptions = $"-DLANES=1{strips}";
        Forward = programs.Get(_file, $"{_name}_forward", _cellOptions);
    }

    /// <summary>Units of a work-item.</summary>
    public int Lanes { get; }

    /// <summary>The cell; of a GRU that resets before its second half.</summary>
    public Kernel Forward { get; }

    /// <summary>The cell backward; of a GRU that resets before the half that is its first then.</summary>
    public Kernel Backward => field ??= _programs.Get(_file, $"{_name}_backward", _cellOptions);

    public Kernel GatesForward => field ??= _programs.Get(_file, "gru_before_gates_forward", _cellOptions);

    public Kernel GatesBackward => field ??= _programs.Get(_file, "gru_before_gates_backward", _cellOptions);

    public Kernel ProjectForward => field ??= _programs.Get("state.cl", "project_forward", _projectOptions);

    public Kernel ProjectBackward => field ??= _programs.Get("state.cl", "project_backward", _projectOptions);

    public Kernel NormForward => field ??= _programs.Get("layer_norm.cl", "norm_forward", _normOptions);

    public Kernel NormBackward => field ??= _programs.Get("layer_norm.cl", "norm_backward", _normOptions);

    /// <summary>One of the kernels around the cells, which know nothing of their options.</summary>
    public Kernel State(string name) => _programs.Get("state.cl", name, _lanes);

    private static string Options(CellType cell)
    {
        var text = new StringBuilder();
        Function(text, "GATE", cell.GateActivation);
        Function(text, "CANDIDATE", cell.Activation);
        Function(text, "OUTPUT", cell.OutputActivation);
        text.Append(cell.ResetBefore ? " -DRESET_BEFORE" : "").Append(cell.Peepholes ? " -DPEEPHOLES" : "").Append(cell.Coupled ? " -DCOUPLED" : "");
        text.Append(cell.Projection > 0 ? " -DPROJECTED" : cell.Zoneout > 0 ? " -DZONEOUT" : "").Append(cell.CellZoneout > 0 ? " -DCELL_ZONEOUT" : "");
        if (cell.GateClip > 0)
            text.Append(" -DGATE_CLIP=").Append(Bits(cell.GateClip));
        if (cell.CellClip > 0)
            text.Append(" -DCELL_CLIP=").Append(Bits(cell.CellClip));
        return text.ToString();
    }

    private static void Function(StringBuilder text, string name, CellActivation activation)
    {
        CellFunctionArgs args = activation.Args;
        text.Append(CultureInfo.InvariantCulture, $" -D{name}_FUNCTION={(int)args.Function} -D{name}_ALPHA={Bits(args.Alpha)} -D{name}_BETA={Bits(args.Beta)}");
    }

    /// <summary>A float by its bits: no decimal number on the way.</summary>
    private static string Bits(float value) => string.Create(CultureInfo.InvariantCulture, $"0x{BitConverter.SingleToUInt32Bits(value):x8}u");
}
