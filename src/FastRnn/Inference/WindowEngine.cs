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

    /// <summary>Rows [1, width] through which states go in and out, by width, and one of zeros for each.</summary>
    private readonly Dictionary<int, (DeviceBuffer Row, DeviceBuffer Zeros)> _rows = [];
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
        foreach (DeviceBuffer rows in _state.SelectMany(state => new[] { state?.Hidden, state?.Cell }).OfType<DeviceBuffer>())
            _rows.TryAdd(rows.Columns, (backend.Allocate(1, rows.Columns), backend.Allocate(1, rows.Columns)));
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
        foreach (RecurrentState? state in _state)
        {
            Clear(state?.Hidden, stream);
            Clear(state?.Cell, stream);
        }
    }

    public override void Read(int stream, Span<float> state)
    {
        foreach (RecurrentState? rows in _state)
        {
            state = Copy(rows?.Hidden, stream, state);
            state = Copy(rows?.Cell, stream, state);
        }
    }

    public override void Write(int stream, ReadOnlySpan<float> state)
    {
        foreach (RecurrentState? rows in _state)
        {
            state = Change(rows?.Hidden, stream, state);
            state = Change(rows?.Cell, stream, state);
        }
    }

    public override void Stop()
    {
        if (_model.Backend != _shared)
            _model.Backend.Dispose();
    }

    private void Run(StepFlags? flags, Span<float> y)
    {
        if (_input != null)
            _model.Backend.Write(_input, _row);
        LayerInput input = _input == null ? new LayerInput(_tokens) : new LayerInput(_input);
        DeviceBuffer output = _model.Forward(_workspace, input, _state, new PassContext(flags, false, _model.Seed, 0, false, Weights: _weights));
        _model.Backend.Read(output, y);
        _workspace.CopyFinal(_state);
    }

    private void Clear(DeviceBuffer? rows, int stream)
    {
        if (rows != null)
            _model.Backend.CopyRows(_rows[rows.Columns].Zeros, 0, rows, stream, 1);
    }

    /// <summary>Copies a stream's row. Returns where the next one goes.</summary>
    private Span<float> Copy(DeviceBuffer? rows, int stream, Span<float> to)
    {
        if (rows == null)
            return to;
        DeviceBuffer row = _rows[rows.Columns].Row;
        _model.Backend.CopyRows(rows, stream, row, 0, 1);
        _model.Backend.Read(row, to[..rows.Columns]);
        return to[rows.Columns..];
    }

    /// <summary>Replaces a stream's row. Returns what is left of the state.</summary>
    private ReadOnlySpan<float> Change(DeviceBuffer? rows, int stream, ReadOnlySpan<float> from)
    {
        if (rows == null)
            return from;
        DeviceBuffer row = _rows[rows.Columns].Row;
        _model.Backend.Write(row, from[..rows.Columns]);
        _model.Backend.CopyRows(row, 0, rows, stream, 1);
        return from[rows.Columns..];
    }
}
