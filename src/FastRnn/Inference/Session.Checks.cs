using System.Runtime.CompilerServices;
using FastRnn.Backends;
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
        StageFloats? stages = PlansStages(options) && model.Backend.CreateStepPlan(weights) != null ? model.Fill(new StageFloats(model.Backend, weights)) : null;
        // Weights as they are packed and, where they can be trained, as they were copied.
        double copies = (model.Backend.InferenceOnly ? 0 : 1) + (weights, stages != null && options.Streams == 1) switch
        {
            (WeightPrecision.Float32, _) => 1,
            (WeightPrecision.BFloat16, true) => 1.5,
            (WeightPrecision.Int8, true) => 0.25,
            _ => 2,
        };
        long bytes = (long)(sizeof(float) * ((copies * model.ParameterCount) + FloatsOfStreams(model, options.Streams, stages)));
        if (bytes > options.MemoryLimit)
        {
            throw new InsufficientMemoryException(FormattableString.Invariant(
                $"the session would take about {bytes:N0} bytes, {options.MemoryLimit:N0} are allowed"));
        }
    }

    /// <summary>Steps of one stream run on the thread that calls, with stages or without.</summary>
    private static bool PlansStages(SessionOptions options) => options.Streams == 1 || options.Threads == 1;

    /// <summary>What comes in, and layer by layer what goes out and is kept: by stages or, without, by windows of one step.</summary>
    private static double FloatsOfStreams(Sequential model, int streams, StageFloats? stages)
    {
        double row = model.TakesTokens ? 0 : AlignedBuffer.Pad(model.InputSize);
        if (stages != null)
            return ((row + stages.Row) * streams) + (streams == 1 ? stages.Block : 0);
        int width = model.InputSize;
        foreach (Layer layer in model.LayerArray)
        {
            row += layer.FloatsOfStep(width);
            width = layer.OutputSize(width);
        }
        return row * streams;
    }

    /// <summary>A state of all streams is one span of bytes, their inputs and outputs are each one of floats.</summary>
    private void CheckSizes()
    {
        long widest = Math.Max(_stateLength + 7L, Math.Max(TakesTokens ? 1 : _inputSize, _outputSize));
        if (Streams * widest > int.MaxValue / sizeof(float))
        {
            throw new ArgumentOutOfRangeException(
                nameof(SessionOptions.Streams), Streams, FormattableString.Invariant($"streams of {widest:N0} floats: expected less than 2 GiB of all, {int.MaxValue / sizeof(float) / widest:N0} streams"));
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
        foreach (int stream in streams)
            CheckStream(stream);
        if (Repeated(streams) is var twice and >= 0)
            throw new ArgumentException($"stream {twice} stands twice: its steps come one after the other", nameof(streams));
    }

    /// <summary>The first of some streams, all of them the session's, that stands twice; −1 where none does.</summary>
    internal int Repeated(ReadOnlySpan<int> streams)
    {
        Array.Clear(_named);
        foreach (int stream in streams)
        {
            ulong bit = 1ul << (stream & 63);
            if ((_named[stream >> 6] & bit) != 0)
                return stream;
            _named[stream >> 6] |= bit;
        }
        return -1;
    }

    /// <summary>Begins a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        if (DetectsSharing)
            Claim();
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
        if (DetectsSharing && --_depth == 0)
            Volatile.Write(ref _owner, 0);
    }

    /// <summary>A call may make others, as warming up does.</summary>
    private void Claim()
    {
        int me = Environment.CurrentManagedThreadId, owner = Interlocked.CompareExchange(ref _owner, me, 0);
        if (owner != 0 && owner != me)
            throw new InvalidOperationException("another thread is in this session: a session belongs to one thread at a time, each opens its own");
        _depth++;
    }
}
