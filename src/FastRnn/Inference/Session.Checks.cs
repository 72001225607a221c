using System.Runtime.CompilerServices;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>What calls are refused.</summary>
public sealed partial class Session
{
    private readonly ulong[] _named = [];

    /// <summary>From the shapes alone, so that nothing is made that would be too much.</summary>
    private static void CheckMemory(Sequential model, SessionOptions options, WeightPrecision weights)
    {
        if (options.MemoryLimit == 0)
            return;
        // Weights as they were copied and packed, for rows in reduced precision also as float32; rows of every layer: h twice, c, and where some of both are moved to.
        long copies = options.Streams > 1 && weights != WeightPrecision.Float32 ? 3 : 2, rows = model.LayerArray.Sum(layer => layer.CarriesState ? 5L : 1L);
        long widest = AlignedBuffer.Pad(model.LayerArray.Max(layer => layer is RecurrentLayer recurrent ? recurrent.Hidden : layer.InputSize));
        long bytes = sizeof(float) * ((copies * model.ParameterCount) + (options.Streams * rows * Math.Max(widest, AlignedBuffer.Pad(model.OutputSize))));
        if (bytes > options.MemoryLimit)
        {
            throw new InsufficientMemoryException(FormattableString.Invariant(
                $"the session would take about {bytes:N0} bytes, {options.MemoryLimit:N0} are allowed"));
        }
    }

    private static void CheckLength(int actual, long expected, string name)
    {
        if (actual != expected)
            throw new ArgumentException($"expected {expected} values, got {actual}", name);
    }

    private static int StepsOf(int length, long step, string name)
    {
        if (length % step != 0)
            throw new ArgumentException($"expected a multiple of the {step} values of a step, got {length}", name);
        return (int)(length / step);
    }

    private void RefuseValues(string name)
    {
        if (TakesTokens)
            throw new ArgumentException("this model reads tokens, not values: call the method that takes them", name);
    }

    private void RefuseTokens(string name)
    {
        if (!TakesTokens)
            throw new ArgumentException("this model reads values, not tokens: call the method that takes them", name);
    }

    private void CheckTokens(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)_inputSize)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"expected tokens of the vocabulary, 0 to {_inputSize - 1}");
        }
    }

    private void CheckStream(int stream)
    {
        if ((uint)stream >= (uint)Streams)
            throw new ArgumentOutOfRangeException(nameof(stream), stream, $"expected one of the streams 0 to {Streams - 1}");
    }

    private void CheckStreams(ReadOnlySpan<int> streams)
    {
        Array.Clear(_named);
        foreach (int stream in streams)
        {
            CheckStream(stream);
            ulong bit = 1ul << (stream & 63);
            if ((_named[stream >> 6] & bit) != 0)
                throw new ArgumentException($"stream {stream} stands twice: its steps come one after the other", nameof(streams));
            _named[stream >> 6] |= bit;
        }
    }

    /// <summary>Begins a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        if (DetectsSharing && Interlocked.Exchange(ref _inside, 1) != 0)
            throw new InvalidOperationException("another thread is in this session: a session belongs to one thread at a time, each opens its own");
        if (_disposed)
        {
            Leave();
            throw new ObjectDisposedException(nameof(Session));
        }
    }

    /// <summary>Ends it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Leave()
    {
        if (DetectsSharing)
            Volatile.Write(ref _inside, 0);
    }
}
