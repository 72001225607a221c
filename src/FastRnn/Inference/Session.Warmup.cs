using System.Diagnostics;
using System.Runtime;
using System.Runtime.CompilerServices;
using FastRnn.Backends;

namespace FastRnn.Inference;

/// <summary>What is done before time counts.</summary>
public sealed partial class Session
{
    private const int WarmCalls = 64;

    /// <summary>Milliseconds without a newly compiled method after which there will be none, and at which patience ends.</summary>
    private const int Quiet = 250, Patience = 2000;

    /// <summary>
    /// Runs whatever the session can be asked for, and then puts the states back, until all that it touches has been touched and, under the just-in-time compiler,
    /// compiled for good: the next call is as fast as any. It takes milliseconds, or as long as a few hundred steps; under the just-in-time compiler up to two
    /// seconds. Not part of the real-time contract itself.
    /// </summary>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Warmup() => WarmUpFor(Patience);

    /// <summary>The same, once where there is no patience to wait for the compiler.</summary>
    internal void WarmUpFor(int patience)
    {
        Enter();
        try
        {
            var states = new float[Streams * _stateLength];
            for (int stream = 0; stream < Streams; stream++)
                _engine.Read(stream, StateIn(states, stream));
            WarmUp(states, patience);
        }
        finally
        {
            Leave();
        }
    }

    private void WarmUp(float[] states, int patience)
    {
        try
        {
            var rows = new WarmRows(this);
            WarmAll(rows);
            if (RuntimeFeature.IsDynamicCodeCompiled)
                AwaitCompiler(rows, patience);
            Restore(states);
            WarmSteps(rows);
        }
        finally
        {
            Restore(states); // little but the steps themselves, which the caches are to keep, lies between the two
        }
    }

    private Span<float> StateIn(float[] states, int stream) => states.AsSpan(stream * _stateLength, _stateLength);

    private void Restore(float[] states)
    {
        for (int stream = 0; stream < Streams; stream++)
            _engine.Write(stream, StateIn(states, stream));
    }

    private void AwaitCompiler(WarmRows rows, int patience)
    {
        long start = Environment.TickCount64, last = start;
        for (long compiled = JitInfo.GetCompiledMethodCount(); Environment.TickCount64 - last < Quiet && Environment.TickCount64 - start < patience;)
        {
            Thread.Sleep(10);
            WarmAll(rows);
            if (JitInfo.GetCompiledMethodCount() == compiled)
                continue;
            (compiled, last) = (JitInfo.GetCompiledMethodCount(), Environment.TickCount64);
        }
    }

    /// <summary>Everything that computes, a few times, and once whatever else the real-time contract names.</summary>
    private void WarmAll(WarmRows rows)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < (Streams == 1 ? WarmCalls : 4) && (i < 2 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < 20); i++)
        {
            rows.Process(this);
            rows.StepBatch(this);
            rows.Step(this);
        }
        _engine.Use(_set);
        TakeWeights();
        rows.StepSome(this);
        SaveState(rows.State);
        LoadState(rows.State);
        Reset(0);
        _ = IsFinite;
        Reset();
    }

    /// <summary>Steps for a millisecond.</summary>
    private void WarmSteps(WarmRows rows)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            for (int i = 0; i < 16; i++)
                rows.Step(this);
        }
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < 1);
    }

    /// <summary>Inputs and outputs of the calls.</summary>
    private sealed class WarmRows
    {
        /// <summary>Steps of a block: one more than stages take at once.</summary>
        private readonly int _steps;
        private readonly float[] _x, _y;
        private readonly int[] _tokens;

        /// <summary>Up to so many streams at once: products have a way for every number of rows.</summary>
        private readonly int[] _streams;

        public WarmRows(Session session)
        {
            _steps = session.Streams == 1 ? StepPlan.BlockSteps + 1 : 1;
            int rows = _steps * session.Streams;
            (_x, _tokens) = session.TakesTokens ? ([], new int[rows]) : (new float[rows * session.InputSize], Array.Empty<int>());
            _y = new float[rows * session.OutputSize];
            _streams = [.. Enumerable.Range(0, Math.Min(session.Streams, 16))];
            State = new byte[session.StateSize];
        }

        public byte[] State { get; }

        public void Process(Session session)
        {
            if (session.TakesTokens)
                session.Process(_tokens, _y);
            else
                session.Process(_x, _y);
        }

        public void StepBatch(Session session)
        {
            if (session.TakesTokens)
                session.StepBatch(_tokens.AsSpan(0, session.Streams), Outputs(session, session.Streams));
            else
                session.StepBatch(Inputs(session, session.Streams), Outputs(session, session.Streams));
        }

        public void Step(Session session)
        {
            if (session.Streams > 1)
                StepBatch(session);
            else if (session.TakesTokens)
                session.Step(0, Outputs(session, 1));
            else
                session.Step(Inputs(session, 1), Outputs(session, 1));
        }

        public void StepSome(Session session)
        {
            for (int rows = 1; rows <= _streams.Length; rows++)
            {
                if (session.TakesTokens)
                    session.StepBatch(_streams.AsSpan(0, rows), _tokens.AsSpan(0, rows), Outputs(session, rows));
                else
                    session.StepBatch(_streams.AsSpan(0, rows), Inputs(session, rows), Outputs(session, rows));
            }
        }

        private Span<float> Inputs(Session session, int rows) => _x.AsSpan(0, rows * session.InputSize);

        private Span<float> Outputs(Session session, int rows) => _y.AsSpan(0, rows * session.OutputSize);
    }
}
