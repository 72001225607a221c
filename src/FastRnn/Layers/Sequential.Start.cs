using System.Runtime.InteropServices;
using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>Where streams start: at zero, or at a state that a file of another program has given the model.</summary>
public sealed partial class Sequential
{
    private float[]? _initialState;

    /// <summary>
    /// What every stream starts from instead of zeros, in the order of a session's state: layer by layer h and then c where the layer has it. A constant of the
    /// model, which is not trained; null for zeros. Windows, sessions – when they open and when they are reset – and training all start there.
    /// </summary>
    /// <exception cref="ArgumentException">Another length, or a layer reads whole sequences.</exception>
    internal float[]? InitialState
    {
        get => _initialState;
        init => SetInitialState(value);
    }

    /// <summary>Of the weights that sessions compute with: those published last, which may be another model's.</summary>
    internal float[]? InitialStateOfSessions => (Volatile.Read(ref _published)?.Source ?? this)._initialState;

    /// <summary>See <see cref="InitialState"/>; before the model is used.</summary>
    internal void SetInitialState(float[]? state)
    {
        if (state == null)
        {
            _initialState = null;
            return;
        }
        int length = CreateState(1).Sum(rows => (rows?.Hidden.Columns ?? 0) + (rows?.Cell?.Columns ?? 0));
        if (state.Length != length || LayerThatReadsAhead != null)
            throw new ArgumentException($"{state.Length} values of an initial state, the model's states have {(LayerThatReadsAhead == null ? length : 0)}", nameof(state));
        _initialState = MemoryMarshal.AsBytes(state.AsSpan()).ContainsAnyExcept((byte)0) ? state : null; // zeros are what there is without one
    }

    /// <summary>Puts states back to where streams start.</summary>
    internal void Restart(RecurrentState?[] state)
    {
        ReadOnlySpan<float> from = InitialState;
        foreach (RecurrentState? rows in state)
        {
            if (rows != null && InitialState == null)
                RecurrentWorkspace.Zero(Backend, rows);
            if (rows == null || InitialState == null)
                continue;
            from = Fill(rows.Hidden, from);
            from = rows.Cell == null ? from : Fill(rows.Cell, from);
        }
    }

    private RecurrentState?[] StartState(int batch)
    {
        RecurrentState?[] state = CreateState(batch);
        Restart(state);
        return state;
    }

    /// <summary>Every row becomes the first values. Returns the others.</summary>
    private ReadOnlySpan<float> Fill(DeviceBuffer rows, ReadOnlySpan<float> values)
    {
        var all = new float[rows.Length];
        for (int row = 0; row < rows.Rows; row++)
            values[..rows.Columns].CopyTo(all.AsSpan(row * rows.Columns));
        Backend.Write(rows, all);
        return values[rows.Columns..];
    }
}
