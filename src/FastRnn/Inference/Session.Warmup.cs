using System.Diagnostics;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace FastRnn.Inference;

/// <summary>What is done before time counts.</summary>
public sealed partial class Session
{
    private const int WarmCalls = 64;

    /// <summary>Milliseconds without a newly compiled method after which there will be none, and at which patience ends.</summary>
    private const int Quiet = 250, Patience = 2000;

    /// <summary>
    /// Runs steps on a copy of the states until everything that a step touches has been touched and, under the just-in-time compiler, compiled for good: the
    /// next call is as fast as any. It takes milliseconds, under the just-in-time compiler up to two seconds, and states stay what they were. Not part
    /// of the real-time contract itself.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Warmup()
    {
        var saved = new byte[StateSize];
        SaveState(saved);
        float[] x = new float[TakesTokens ? 0 : Streams * _inputSize], y = new float[Streams * _outputSize];
        var tokens = new int[TakesTokens ? Streams : 0];
        WarmAll(x, tokens, y);
        if (RuntimeFeature.IsDynamicCodeCompiled)
        {
            long start = Environment.TickCount64, last = start;
            for (long compiled = JitInfo.GetCompiledMethodCount(); Environment.TickCount64 - last < Quiet && Environment.TickCount64 - start < Patience;)
            {
                Thread.Sleep(10);
                WarmAll(x, tokens, y);
                LoadState(saved);
                if (JitInfo.GetCompiledMethodCount() == compiled)
                    continue;
                (compiled, last) = (JitInfo.GetCompiledMethodCount(), Environment.TickCount64);
            }
        }
        LoadState(saved);
        float[] states = [.. Enumerable.Range(0, Streams).SelectMany(StateOf)];
        WarmSteps(x, tokens, y);
        for (int stream = 0; stream < Streams; stream++) // little but the steps themselves, which the caches are to keep
            _engine.Write(stream, states.AsSpan(stream * _stateLength, _stateLength));
    }

    private float[] StateOf(int stream)
    {
        _engine.Read(stream, _stateValues);
        return [.. _stateValues];
    }

    /// <summary>Everything that computes, a few times.</summary>
    private void WarmAll(float[] x, int[] tokens, float[] y)
    {
        for (int i = 0; i < (Streams == 1 ? WarmCalls : 4); i++)
        {
            if (TakesTokens)
                Process(tokens, y);
            else
                Process(x, y);
            if (TakesTokens)
                StepBatch(tokens, y);
            else
                StepBatch(x, y);
            WarmStep(x, tokens, y);
        }
    }

    /// <summary>Steps for a millisecond.</summary>
    private void WarmSteps(float[] x, int[] tokens, float[] y)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            for (int i = 0; i < 16; i++)
                WarmStep(x, tokens, y);
        }
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < 1);
    }

    private void WarmStep(float[] x, int[] tokens, float[] y)
    {
        if (Streams > 1 && TakesTokens)
            StepBatch(tokens, y);
        else if (Streams > 1)
            StepBatch(x, y);
        else if (TakesTokens)
            Step(0, y);
        else
            Step(x, y);
    }
}
