using System.Buffers.Binary;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>
/// States in and out. A saved state is a block of bytes, little-endian:
/// <code>
/// 0   "FRST"
/// 4   version, 1
/// 8   fingerprint of the model's layers, 8 bytes
/// 16  streams S
/// 20  floats of a stream's state N
/// 24  S·N floats: stream by stream, layer by layer, h and then c where the layer has it
/// end CRC-32C of all before it
/// </code>
/// </summary>
public sealed partial class Session
{
    private const uint StateMagic = 0x54535246, StateVersion = 1;
    private const int StateHeader = 24, StateTrailer = 4;

    private readonly int _stateLength;
    private readonly ulong _fingerprint;
    private readonly float[] _stateValues;

    /// <summary>Bytes of a saved state of all streams.</summary>
    public int StateSize => SizeOf(Streams);

    /// <summary>Bytes of a saved state of one stream.</summary>
    public int StreamStateSize => SizeOf(1);

    /// <summary>
    /// Whether all numbers of all states are finite. One that is not came in with an input – NaN passes through its stream – or, where a cell's function has no
    /// bound, grew; it stays until the stream is reset. A model without states has none that could tell: look at its outputs.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public bool IsFinite
    {
        get
        {
            for (int stream = 0; stream < Streams; stream++)
            {
                if (!IsStreamFinite(stream))
                    return false;
            }
            return true;
        }
    }

    /// <summary>Whether all numbers of a stream's state are finite.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public bool IsStreamFinite(int stream)
    {
        CheckStream(stream);
        Enter();
        try
        {
            _engine.Read(stream, _stateValues);
            foreach (float value in _stateValues)
            {
                if (!float.IsFinite(value))
                    return false;
            }
            return true;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>All streams back to the state they started from: zero, unless the model's file has given it another.</summary>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Reset()
    {
        Enter();
        try
        {
            RestartAll();
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>One stream back to the state it started from.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Reset(int stream)
    {
        CheckStream(stream);
        Enter();
        try
        {
            Restart(stream);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Saves the states of all streams.</summary>
    /// <param name="destination">[<see cref="StateSize"/>]</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void SaveState(Span<byte> destination) => Save(0, Streams, destination);

    /// <summary>Saves the state of one stream, as a session with one stream would.</summary>
    /// <param name="stream">Which.</param>
    /// <param name="destination">[<see cref="StreamStateSize"/>]</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void SaveState(int stream, Span<byte> destination)
    {
        CheckStream(stream);
        Save(stream, 1, destination);
    }

    /// <summary>
    /// Goes on from states that a session of a model with the same layers has saved, whatever its weights, precision, threads or machine were. A state that is refused
    /// changes nothing.
    /// </summary>
    /// <param name="state">What <see cref="SaveState(Span{byte})"/> has written.</param>
    /// <exception cref="InvalidDataException">It is cut short, damaged, of another model, or of another number of streams.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void LoadState(ReadOnlySpan<byte> state) => Load(0, Streams, state);

    /// <summary>One stream goes on from a state that a session with one stream, or a stream of one with more, has saved.</summary>
    /// <param name="stream">Which.</param>
    /// <param name="state">What <see cref="SaveState(int, Span{byte})"/> has written.</param>
    /// <exception cref="InvalidDataException">It is cut short, damaged, of another model, or of several streams.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void LoadState(int stream, ReadOnlySpan<byte> state)
    {
        CheckStream(stream);
        Load(stream, 1, state);
    }

    private void RestartAll()
    {
        for (int stream = 0; stream < Streams; stream++)
            Restart(stream);
    }

    private void Restart(int stream)
    {
        if (Model.InitialStateOfSessions is { } start)
            _engine.Write(stream, start);
        else
            _engine.Reset(stream);
    }

    private int SizeOf(int streams) => checked(StateHeader + (streams * _stateLength * sizeof(float)) + StateTrailer);

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = new Crc32C();
        crc.Append(bytes);
        return crc.Value;
    }

    private void Save(int first, int streams, Span<byte> destination)
    {
        if (destination.Length != SizeOf(streams))
            throw new ArgumentException($"a state of {streams} stream{(streams == 1 ? "" : "s")} takes {SizeOf(streams)} bytes, got {destination.Length}", nameof(destination));
        Enter();
        try
        {
            WriteStates(first, streams, destination);
        }
        finally
        {
            Leave();
        }
    }

    private void WriteStates(int first, int streams, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, StateMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], StateVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], _fingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], streams);
        BinaryPrimitives.WriteInt32LittleEndian(destination[20..], _stateLength);
        Span<byte> to = destination[StateHeader..];
        for (int stream = first; stream < first + streams; stream++)
        {
            _engine.Read(stream, _stateValues);
            foreach (float value in _stateValues)
            {
                BinaryPrimitives.WriteSingleLittleEndian(to, value);
                to = to[sizeof(float)..];
            }
        }
        BinaryPrimitives.WriteUInt32LittleEndian(to, Checksum(destination[..^StateTrailer]));
    }

    private void Load(int first, int streams, ReadOnlySpan<byte> state)
    {
        if (Refuses(state, streams) is { } problem)
            throw new InvalidDataException($"not a state to go on from: {problem}");
        Enter();
        try
        {
            ReadStates(first, streams, state[StateHeader..]);
        }
        finally
        {
            Leave();
        }
    }

    private void ReadStates(int first, int streams, ReadOnlySpan<byte> from)
    {
        for (int stream = first; stream < first + streams; stream++)
        {
            foreach (ref float value in _stateValues.AsSpan())
            {
                value = BinaryPrimitives.ReadSingleLittleEndian(from);
                from = from[sizeof(float)..];
            }
            _engine.Write(stream, _stateValues);
        }
    }

    private string? Refuses(ReadOnlySpan<byte> state, int streams)
    {
        if (state.Length < StateHeader + StateTrailer)
            return $"{state.Length} bytes, expected {SizeOf(streams)}";
        if (BinaryPrimitives.ReadUInt32LittleEndian(state) is var magic && magic != StateMagic)
            return $"it begins with 0x{magic:X8}, expected 0x{StateMagic:X8}";
        if (BinaryPrimitives.ReadUInt32LittleEndian(state[4..]) is var version && version != StateVersion)
            return $"version {version}, expected {StateVersion}";
        if (BinaryPrimitives.ReadUInt64LittleEndian(state[8..]) is var model && (model != _fingerprint || BinaryPrimitives.ReadInt32LittleEndian(state[20..]) != _stateLength))
            return $"of a model with other layers (fingerprint {model:X16}), expected {_fingerprint:X16}: {Model.LayerText}";
        if (BinaryPrimitives.ReadInt32LittleEndian(state[16..]) is var given && given != streams)
            return $"of {given} streams, expected {streams}";
        if (state.Length != SizeOf(streams))
            return $"{state.Length} bytes, expected {SizeOf(streams)}";
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(state[^StateTrailer..]), computed = Checksum(state[..^StateTrailer]);
        return stored != computed ? $"its checksum is 0x{stored:X8}, that of its bytes 0x{computed:X8}" : null;
    }
}
