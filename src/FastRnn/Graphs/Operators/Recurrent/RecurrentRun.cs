using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Memory;

namespace FastRnn.Graphs.Operators;

/// <summary>
/// What a recurrent node needs in runs of one shape, and the runs. The engine reads forwards and with the steps first; a direction that reads backwards, and a batch that
/// comes first, are orders in which rows are copied.
/// </summary>
internal sealed class RecurrentRun
{
    private readonly Backend _backend;
    private readonly RecurrentWorkspace[] _workspaces;
    private readonly DeviceBuffer _input;
    private readonly StepFlags _flags;
    private readonly bool[] _backwards;
    private readonly float[] _inputRows, _outputRows, _states;

    public RecurrentRun(Backend backend, RecurrentWeights[] weights, RecurrentShape shape, bool[] backwards)
    {
        (_backend, Weights, Shape, _backwards) = (backend, weights, shape, backwards);
        int rows = shape.Steps * shape.Batch, input = weights[0].Input, hidden = weights[0].Hidden;
        bool turnsInput = shape.BatchFirst || backwards.Contains(true), turnsOutput = turnsInput || backwards.Length > 1;
        _flags = new StepFlags(shape.Steps, shape.Batch);
        _workspaces = new RecurrentWorkspace[rows == 0 ? 0 : weights.Length];
        for (int d = 0; d < _workspaces.Length; d++)
            _workspaces[d] = new RecurrentWorkspace(backend, weights[d], shape.Steps, shape.Batch, Keep.Nothing);
        _input = backend.Allocate(Math.Max(rows, 1), input);
        (_inputRows, _outputRows, _states) = (new float[turnsInput ? rows * input : 0], new float[turnsOutput ? rows * hidden : 0], new float[shape.Batch * hidden]);
    }

    public RecurrentWeights[] Weights { get; }

    public RecurrentShape Shape { get; }

    private int Hidden => Weights[0].Hidden;

    /// <summary>Bytes of a run: rows in both orders, states of all steps, gates of some at once.</summary>
    public static UInt128 Bytes(RecurrentShape shape, RecurrentWeights weights, bool hasLengths)
    {
        const int gateBlock = 1 << 20;
        UInt128 batch = (UInt128)shape.Batch, rows = (UInt128)shape.Steps * batch, hidden = (UInt128)AlignedBuffer.Pad(weights.Hidden);
        UInt128 gates = batch * hidden * (UInt128)(weights.Gates + 1) * sizeof(float), states = (UInt128)(1 + (weights.Cell.HasCell ? 1 : 0) + (hasLengths ? 1 : 0));
        UInt128 direction = ((rows + batch) * hidden * states * sizeof(float)) + UInt128.Min((UInt128)shape.Steps * gates, UInt128.Max(gates, gateBlock));
        return ((UInt128)shape.Directions * direction) + (rows * 2 * ((UInt128)AlignedBuffer.Pad(weights.Input) + hidden) * sizeof(float));
    }

    public void Compute(GraphCall call)
    {
        ReadOnlySpan<int> lengths = Lengths(call);
        for (int d = 0; d < _backwards.Length; d++)
        {
            if (_workspaces.Length > 0)
                Compute(call, d, _backwards[d], lengths);
            else
                CopyStates(call, d);
        }
    }

    private ReadOnlySpan<int> Lengths(GraphCall call)
    {
        if (!call.Node.HasInput(RecurrentAttributes.Lengths))
            return [];
        ReadOnlySpan<int> lengths = call.Input(RecurrentAttributes.Lengths).Values<int>();
        bool all = true;
        for (int n = 0; n < lengths.Length; n++)
        {
            if (lengths[n] < 0 || lengths[n] > Shape.Steps)
                throw call.Node.Error($"sample {n} has the length {lengths[n]} of {Shape.Steps} steps");
            all &= lengths[n] == Shape.Steps;
            for (int t = 0; t < Shape.Steps; t++)
                _flags.Active[(t * Shape.Batch) + n] = (byte)(t < lengths[n] ? 1 : 0);
        }
        return all ? [] : lengths; // where every step counts, the pass without flags is the faster one
    }

    private void Compute(GraphCall call, int d, bool backwards, ReadOnlySpan<int> lengths)
    {
        RecurrentWorkspace workspace = _workspaces[d];
        WriteInput(call.Input(RecurrentAttributes.X).Values<float>(), backwards, lengths);
        WriteState(call, RecurrentAttributes.InitialHidden, d, workspace.Initial.Hidden);
        if (workspace.Initial.Cell != null)
            WriteState(call, RecurrentAttributes.InitialCell, d, workspace.Initial.Cell);
        StepFlags? flags = lengths.IsEmpty ? null : _flags;
        if (flags != null && workspace.States.MaskedOutput == null)
            workspace.AddMaskedOutput(_backend);
        _backend.RecurrentForward(Weights[d], _input, workspace.States, flags, workspace.Stash, Shape.Steps, Shape.Batch);
        if (call.Outputs[0] is { } output)
            ReadOutput(flags == null ? workspace.PlainOutput : workspace.States.MaskedOutput!, output.Values<float>(), d, backwards, lengths);
        if (call.Outputs.Length > 1 && call.Outputs[1] is { } hidden)
            ReadState(workspace.Final.Hidden, hidden.Values<float>(), d, lengths);
        if (call.Outputs.Length > 2 && call.Outputs[2] is { } cell)
            ReadState(workspace.Final.Cell!, cell.Values<float>(), d, lengths);
    }

    private void WriteInput(ReadOnlySpan<float> x, bool backwards, ReadOnlySpan<int> lengths)
    {
        int width = _input.Columns;
        if (!backwards && !Shape.BatchFirst)
        {
            _backend.Write(_input, x);
            return;
        }
        for (int t = 0; t < Shape.Steps; t++)
        {
            for (int n = 0; n < Shape.Batch; n++)
                x.Slice(Shape.InputRow(Place(t, n, backwards, lengths), n) * width, width).CopyTo(_inputRows.AsSpan(((t * Shape.Batch) + n) * width));
        }
        _backend.Write(_input, _inputRows);
    }

    private void ReadOutput(DeviceBuffer from, Span<float> y, int d, bool backwards, ReadOnlySpan<int> lengths)
    {
        if (_outputRows.Length == 0)
        {
            _backend.Read(from, y);
            return;
        }
        _backend.Read(from, _outputRows);
        for (int t = 0; t < Shape.Steps; t++)
        {
            for (int n = 0; n < Shape.Batch; n++)
                _outputRows.AsSpan(((t * Shape.Batch) + n) * Hidden, Hidden).CopyTo(y[(Shape.OutputRow(Place(t, n, backwards, lengths), d, n) * Hidden)..]);
        }
    }

    /// <summary>The step that is read t-th; those behind a sample's length keep their places.</summary>
    private int Place(int t, int n, bool backwards, ReadOnlySpan<int> lengths)
    {
        int length = lengths.IsEmpty ? Shape.Steps : lengths[n];
        return backwards && t < length ? length - 1 - t : t;
    }

    private void WriteState(GraphCall call, int input, int d, DeviceBuffer to)
    {
        if (!call.Node.HasInput(input))
        {
            _backend.Zero(to);
            return;
        }
        ReadOnlySpan<float> given = call.Input(input).Values<float>();
        for (int n = 0; n < Shape.Batch; n++)
            given.Slice(Shape.StateRow(d, n) * Hidden, Hidden).CopyTo(_states.AsSpan(n * Hidden));
        _backend.Write(to, _states);
    }

    private void ReadState(DeviceBuffer from, Span<float> to, int d, ReadOnlySpan<int> lengths)
    {
        _backend.Read(from, _states);
        for (int n = 0; n < Shape.Batch; n++)
        {
            Span<float> row = to.Slice(Shape.StateRow(d, n) * Hidden, Hidden);
            if (!lengths.IsEmpty && lengths[n] == 0)
                row.Clear();
            else
                _states.AsSpan(n * Hidden, Hidden).CopyTo(row);
        }
    }

    /// <summary>Without a step the final states are the initial ones.</summary>
    private static void CopyStates(GraphCall call, int d)
    {
        for (int output = 1; d == 0 && output < call.Outputs.Length; output++)
        {
            int input = output + RecurrentAttributes.InitialHidden - 1;
            if (call.Outputs[output] is not { } to)
                continue;
            if (call.Node.HasInput(input))
                call.Input(input).Bytes.CopyTo(to.Bytes);
            else
                to.Bytes.Clear();
        }
    }
}
