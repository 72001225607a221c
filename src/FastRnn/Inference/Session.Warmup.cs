using System.Runtime;
using System.Runtime.CompilerServices;

namespace FastRnn.Inference;

/// <summary>What is done before time counts.</summary>
public sealed partial class Session
{
    private const int WarmSteps = 64;

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
        WarmSome(x, tokens, y, saved);
        if (RuntimeFeature.IsDynamicCodeCompiled)
        {
            long start = Environment.TickCount64, last = start;
            for (long compiled = JitInfo.GetCompiledMethodCount(); Environment.TickCount64 - last < Quiet && Environment.TickCount64 - start < Patience;)
            {
                Thread.Sleep(10);
                WarmSome(x, tokens, y, saved);
                if (JitInfo.GetCompiledMethodCount() == compiled)
                    continue;
                (compiled, last) = (JitInfo.GetCompiledMethodCount(), Environment.TickCount64);
            }
        }
        LoadState(saved);
    }

    private void WarmSome(float[] x, int[] tokens, float[] y, byte[] saved)
    {
        for (int i = 0; i < (Streams == 1 ? WarmSteps : 4); i++)
        {
            if (TakesTokens)
            {
                StepBatch(tokens, y);
                Process(tokens, y);
            }
            else
            {
                StepBatch(x, y);
                Process(x, y);
            }
            if (Streams == 1 && TakesTokens)
                Step(0, y);
            else if (Streams == 1)
                Step(x, y);
        }
        LoadState(saved);
    }
}
