using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>
/// Steps as windows of one step through the layers, for whatever has no stages. A back end of the session's own gives the scratch memory, so that the
/// sessions of a model do not meet there.
/// </summary>
internal sealed class WindowEngine : SessionEngine
{
    private readonly Sequential _model;
    private readonly Backend _shared;
    private readonly SequentialWorkspace _workspace;
    private readonly RecurrentState?[] _state;
    private readonly StepFlags? _flags;
    private readonly int[] _tokens = [];
    private readonly float[] _values, _row = [];
    private readonly float[][] _hidden, _cells;
    private readonly DeviceBuffer? _input;
    private readonly WeightPrecision _weights;
    private readonly int _streams;

    /// <param name="set">Prepared for rows.</param>
    /// <param name="weights">How they are stored.</param>
    /// <param name="streams">How many.</param>
    /// <param name="threads">That work on them.</param>
    public WindowEngine(WeightSet set, WeightPrecision weights, int streams, int threads)
    {
        (_shared, _weights, _streams) = (set.Source.Backend, weights, streams);
        _model = set.Source.On(_shared.ForInference(threads));
        Backend backend = _model.Backend;
        _workspace = _model.CreateWorkspace(1, streams, Keep.Nothing);
        _state = _workspace.InitialState();
        _values = new float[streams * Math.Max(_model.TakesTokens ? 0 : _model.InputSize, _model.OutputSize)];
        _flags = streams > 1 ? new StepFlags(1, streams) : null;
        (_hidden, _cells) = ([.. _state.Select(state => Room(state?.Hidden))], [.. _state.Select(state => Room(state?.Cell))]);
        if (_model.TakesTokens)
            _tokens = new int[streams];
        else
            (_input, _row) = (backend.Allocate(streams, _model.InputSize), new float[streams * _model.InputSize]);
        StateLength = _state.Sum(state => (state?.Hidden.Columns ?? 0) + (state?.Cell?.Columns ?? 0));
    }

    public override int StateLength { get; }

    public override void Use(WeightSet set) => _model.Use(set.Source);

    public override void Step(SessionInput input, ReadOnlySpan<int> streams, Span<float> y)
    {
        int rows = streams.IsEmpty ? _streams : streams.Length;
        StepFlags? flags = streams.IsEmpty || _flags == null ? null : _flags;
        flags?.Active.Clear();
        for (int row = 0; row < rows; row++)
        {
            int stream = streams.IsEmpty ? row : streams[row];
            if (flags != null)
                flags.Active[stream] = 1;
            if (_model.TakesTokens)
                _tokens[stream] = input.Tokens[row];
            else
                input.Values.Slice(row * _model.InputSize, _model.InputSize).CopyTo(_row.AsSpan(stream * _model.InputSize));
        }
        Span<float> outputs = _values.AsSpan(0, _streams * _model.OutputSize);
        Run(flags, outputs);
        for (int row = 0; row < rows; row++)
        {
            int stream = streams.IsEmpty ? row : streams[row];
            outputs.Slice(stream * _model.OutputSize, _model.OutputSize).CopyTo(y[(row * _model.OutputSize)..]);
        }
    }

    public override void Process(SessionInput input, int steps, Span<float> y)
    {
        for (int t = 0; t < steps; t++)
            Step(input.Rows(t * _streams, _streams, _model.InputSize), default, y.Slice(t * _streams * _model.OutputSize, _streams * _model.OutputSize));
    }

    public override void Reset(int stream)
    {
        for (int i = 0; i < _state.Length; i++)
        {
            Change(_state[i]?.Hidden, _hidden[i], stream, default, clear: true);
            Change(_state[i]?.Cell, _cells[i], stream, default, clear: true);
        }
    }

    public override void Read(int stream, Span<float> state)
    {
        for (int i = 0; i < _state.Length; i++)
        {
            Copy(_state[i]?.Hidden, _hidden[i], stream, ref state);
            Copy(_state[i]?.Cell, _cells[i], stream, ref state);
        }
    }

    public override void Write(int stream, ReadOnlySpan<float> state)
    {
        for (int i = 0; i < _state.Length; i++)
        {
            state = Change(_state[i]?.Hidden, _hidden[i], stream, state);
            state = Change(_state[i]?.Cell, _cells[i], stream, state);
        }
    }

    public override void Stop()
    {
        if (_model.Backend != _shared)
            _model.Backend.Dispose();
    }

    private static float[] Room(DeviceBuffer? rows) => rows == null ? [] : new float[rows.Length];

    private void Run(StepFlags? flags, Span<float> y)
    {
        if (_input != null)
            _model.Backend.Write(_input, _row);
        LayerInput input = _input == null ? new LayerInput(_tokens) : new LayerInput(_input);
        DeviceBuffer output = _model.Forward(_workspace, input, _state, new PassContext(flags, false, _model.Seed, 0, false, Weights: _weights));
        _model.Backend.Read(output, y);
        _workspace.CopyFinal(_state);
    }

    private void Copy(DeviceBuffer? rows, float[] values, int stream, ref Span<float> to)
    {
        if (rows == null)
            return;
        _model.Backend.Read(rows, values);
        values.AsSpan(stream * rows.Columns, rows.Columns).CopyTo(to);
        to = to[rows.Columns..];
    }

    /// <summary>Replaces a stream's row. Returns what is left of the state.</summary>
    private ReadOnlySpan<float> Change(DeviceBuffer? rows, float[] values, int stream, ReadOnlySpan<float> from, bool clear = false)
    {
        if (rows == null)
            return from;
        _model.Backend.Read(rows, values);
        Span<float> row = values.AsSpan(stream * rows.Columns, rows.Columns);
        if (clear)
            row.Clear();
        else
            from[..rows.Columns].CopyTo(row);
        _model.Backend.Write(rows, values);
        return clear ? from : from[rows.Columns..];
    }
}
