using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Tests.Support;

/// <summary>
/// One layer on one window with random data, alone: forward from given states, then back from gradients of its output and final states.
/// What it maps is L = Σ y·dY + Σ final·dFinal.
/// </summary>
internal sealed class DirectionRun
{
    private readonly Backend _backend;
    private readonly Layer _layer;
    private readonly Workspace _workspace;
    private readonly RecurrentWorkspace[] _recurrent;
    private readonly RecurrentState[] _initial;
    private readonly DeviceBuffer _x, _dX, _dY;
    private readonly PassContext _pass;

    public DirectionRun(Backend backend, Layer layer, int input, int steps, int batch, StepFlags? flags, int seed)
    {
        (_backend, _layer) = (backend, layer);
        var random = new Random(seed);
        layer.Build(backend, 0, input, (ulong)seed);
        _pass = new PassContext(flags, true, (ulong)seed, 0, false);
        _x = Filled(random, steps * batch, input);
        _dX = backend.Allocate(steps * batch, input);
        _workspace = layer.CreateWorkspace(input, steps, batch, Keep.Everything);
        _dY = Filled(random, steps * batch, layer.OutputSize(input));
        if (flags != null)
            ZeroInactive(flags);
        _recurrent = [.. Inside(_workspace)];
        _initial = [.. _recurrent.Select(ws => State(random, ws.Initial))];
        foreach (RecurrentWorkspace ws in _recurrent)
            ws.FinalGradient = State(random, ws.Final);
    }

    public double Loss()
    {
        for (int i = 0; i < _recurrent.Length; i++)
            _recurrent[i].SetInitial(_initial[i]);
        _layer.Forward(_workspace, new LayerInput(_x), _pass);
        double loss = Dot(_workspace.Output, _dY);
        foreach (RecurrentWorkspace ws in _recurrent)
        {
            loss += Dot(ws.Final.Hidden, ws.FinalGradient!.Hidden);
            if (ws.Final.Cell != null)
                loss += Dot(ws.Final.Cell, ws.FinalGradient.Cell!);
        }
        return loss;
    }

    /// <summary>After <see cref="Loss"/>: every value that L depends on, with its gradient.</summary>
    public List<(string Name, DeviceBuffer Value, DeviceBuffer Gradient)> Backward()
    {
        foreach (Parameter parameter in _layer.Parameters)
            _backend.Zero(parameter.Gradient);
        _layer.Backward(_workspace, new LayerInput(_x), _dY, _dX, _pass);
        List<(string, DeviceBuffer, DeviceBuffer)> all = [.. _layer.Parameters.Select(p => (p.Name, p.Value, p.Gradient)), ("x", _x, _dX)];
        for (int i = 0; i < _recurrent.Length; i++)
        {
            all.Add(($"h0 {i}", _initial[i].Hidden, _recurrent[i].InitialGradient!.Hidden));
            if (_initial[i].Cell != null)
                all.Add(($"c0 {i}", _initial[i].Cell!, _recurrent[i].InitialGradient!.Cell!));
        }
        return all;
    }

    /// <summary>Output, final states and all gradients by name.</summary>
    public Dictionary<string, double[]> Results()
    {
        Loss();
        var results = new Dictionary<string, double[]> { ["y"] = GradientCheck.Values(_backend, _workspace.Output) };
        for (int i = 0; i < _recurrent.Length; i++)
            results[$"hT {i}"] = GradientCheck.Values(_backend, _recurrent[i].Final.Hidden);
        foreach ((string name, _, DeviceBuffer gradient) in Backward())
            results["d" + name] = GradientCheck.Values(_backend, gradient);
        return results;
    }

    /// <summary>The workspaces of the recurrent layers inside a layer's, forward direction first.</summary>
    public static IEnumerable<RecurrentWorkspace> Inside(Workspace workspace) => workspace switch
    {
        RecurrentWorkspace recurrent => [recurrent],
        BackwardsWorkspace backwards => [backwards.Inner],
        BidirectionalWorkspace both => [both.Forward, both.Backward.Inner],
        ResidualWorkspace residual => Inside(residual.Inner),
        _ => [],
    };

    private double Dot(DeviceBuffer a, DeviceBuffer b) => GradientCheck.Dot(GradientCheck.Values(_backend, a), GradientCheck.Values(_backend, b));

    private DeviceBuffer Filled(Random random, int rows, int columns) => CpuAgainstReferenceTests.Filled(_backend, random, rows, columns, 1);

    private RecurrentState State(Random random, RecurrentState like) => new(
        Filled(random, like.Hidden.Rows, like.Hidden.Columns), like.Cell == null ? null : Filled(random, like.Cell.Rows, like.Cell.Columns));

    /// <summary>No layer gets a gradient for a step that is not there.</summary>
    private void ZeroInactive(StepFlags flags)
    {
        double[] values = GradientCheck.Values(_backend, _dY);
        for (int row = 0; row < _dY.Rows; row++)
        {
            if (flags.Active[row] == 0)
                values.AsSpan(row * _dY.Columns, _dY.Columns).Clear();
        }
        _backend.Write(_dY, values);
    }
}
