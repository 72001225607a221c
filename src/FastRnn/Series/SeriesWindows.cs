using System.Collections;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Series;

/// <summary>
/// Sliding windows over a table: inputs [window, columns] with one answer at the end, the values of the horizon, each as often as
/// there are quantiles of it.
/// </summary>
public sealed class SeriesWindows
{
    private readonly SeriesRows _rows;
    private readonly ForecastSpec _spec;
    private readonly int[] _origins;

    /// <summary>Windows of a table.</summary>
    /// <param name="table">Has the columns, without gaps.</param>
    /// <param name="spec">Fitted.</param>
    /// <param name="origins">First rows to forecast, in any order, for example <see cref="ForecastSpec.Origins"/>.</param>
    /// <exception cref="ArgumentException">There is no window, one leaves the table, or a column is missing or has gaps.</exception>
    public SeriesWindows(SeriesTable table, ForecastSpec spec, IReadOnlyList<int> origins)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(origins);
        (_rows, _spec, _origins) = (SeriesRows.From(table, spec), spec, [.. origins]);
        if (_origins.Length == 0)
            throw new ArgumentException("there is no window", nameof(origins));
        foreach (int origin in _origins)
        {
            if (origin < spec.Lookback || origin > table.Rows - spec.Steps)
                throw new ArgumentException($"a window before row {origin + 1} leaves the table of {table.Rows} rows", nameof(origins));
        }
    }

    /// <summary>Number of windows.</summary>
    public int Count => _origins.Length;

    /// <summary>First rows to forecast.</summary>
    public IReadOnlyList<int> Origins => _origins;

    /// <summary>One window as a sequence.</summary>
    public LabelledSequence this[int index]
    {
        get
        {
            var inputs = new float[_spec.Window * _spec.InputSize];
            var targets = new float[_spec.OutputSize];
            _rows.CopyInputs(_origins[index], inputs, _spec.InputSize);
            _rows.CopyTargets(_origins[index], targets);
            return new LabelledSequence(inputs, _spec.InputSize, targets, _spec.OutputSize);
        }
    }

    /// <summary>All windows, a batch at a time.</summary>
    /// <param name="batchSize">B. The last batch of a pass may be filled up with empty samples.</param>
    /// <param name="seed">Of the order, another in every pass; null: as they are.</param>
    /// <exception cref="ArgumentException">They are more values than an array can hold.</exception>
    public SeriesBatches Batches(int batchSize, ulong? seed = null) => new(this, batchSize, seed);

    internal SequenceChunk CreateChunk(int batchSize) => _spec.Crowding(batchSize) is { } problem
        ? throw new ArgumentException(problem, nameof(batchSize))
        : new(_spec.Window, batchSize, _spec.InputSize, _spec.OutputSize) { StartsStreams = true, LastStepOnly = true };

    internal void Fill(SequenceChunk chunk, ReadOnlySpan<int> windows)
    {
        chunk.ClearFlags();
        int width = _spec.InputSize, answer = (_spec.Window - 1) * chunk.Batch;
        for (int b = 0; b < chunk.Batch; b++)
        {
            if (b >= windows.Length)
            {
                chunk.SetLength(b, 0);
                continue;
            }
            int origin = _origins[windows[b]];
            _rows.CopyInputs(origin, chunk.InputValues[(b * width)..], chunk.Batch * width);
            _rows.CopyTargets(origin, chunk.TargetValues.Slice((answer + b) * _spec.OutputSize, _spec.OutputSize));
        }
    }
}

/// <summary>Windows by batches. The order depends on the seed and the pass alone.</summary>
public sealed class SeriesBatches : IChunkSequence
{
    private readonly SeriesWindows _windows;
    private readonly SequenceChunk _chunk;
    private readonly ulong? _seed;
    private readonly int[] _order;
    private int _ordered = -1;

    internal SeriesBatches(SeriesWindows windows, int batchSize, ulong? seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        (_windows, _seed, _order) = (windows, seed, new int[windows.Count]);
        _chunk = windows.CreateChunk(Math.Min(batchSize, windows.Count));
    }

    /// <summary>Windows in the pass.</summary>
    public int Windows => _windows.Count;

    /// <inheritdoc/>
    public int Count => (_windows.Count + _chunk.Batch - 1) / _chunk.Batch;

    /// <inheritdoc/>
    public int Epoch
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>Batch <paramref name="index"/> of the pass, in a buffer that the next call reuses.</summary>
    public SequenceChunk this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            if (Epoch != _ordered)
                Order();
            int first = index * _chunk.Batch;
            _windows.Fill(_chunk, _order.AsSpan(first, Math.Min(_chunk.Batch, _order.Length - first)));
            return _chunk;
        }
    }

    /// <summary>The batches of the pass in order, in one buffer.</summary>
    public IEnumerator<SequenceChunk> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Order()
    {
        for (int i = 0; i < _order.Length; i++)
            _order[i] = i;
        if (_seed is { } seed)
            new PhiloxStream(seed, (1UL << 62) | (uint)Epoch).Shuffle<int>(_order); // far from the streams of first weights
        _ordered = Epoch;
    }
}
