using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>
/// One stream through a model, or several, a step a call. The session owns all states and all scratch memory; the weights are the model's, and sessions of one
/// model share them. The bits of every output equal those of the whole sequence in one call, alone.
/// </summary>
/// <remarks>
/// <para><b>The real-time contract.</b> After <c>OpenSession</c> and <see cref="Warmup"/>, <see cref="Step(ReadOnlySpan{float}, Span{float})"/> and the other
/// calls that compute allocate nothing, managed or native, take no lock, make no system call, call nothing that throws on valid input and, with
/// <see cref="SessionOptions.Threads"/> 1, never wait for another thread. So do <see cref="Reset()"/>,
/// <see cref="SaveState(Span{byte})"/>, <see cref="LoadState(ReadOnlySpan{byte})"/> and the first step after
/// <see cref="Sequential.Replace"/>. Not in it: the first step after somebody has written the model's parameters in place, which packs them, and what the runtime
/// does to every thread when other code of the process collects garbage or is compiled – compile ahead of time, or without tiers, where that counts.</para>
/// <para><b>Threads.</b> A model may be shared by any number of sessions and threads. A session belongs to one thread at a time; see
/// <see cref="SessionOptions.DetectSharing"/>. Parameters of the model are written – by a trainer, by <see cref="Parameter.Write"/> – only while no session of
/// it runs; to train and to serve at the same time train another model and <see cref="Sequential.Replace"/>.</para>
/// <para><b>NaN</b> in an input passes through its own stream and stays in its state, which <see cref="IsFinite"/> tells, until
/// <see cref="Reset(int)"/>; other streams do not see it.</para>
/// </remarks>
public sealed partial class Session : IDisposable
{
    private readonly SessionOptions _options;
    private readonly WeightClock _clock;
    private readonly SessionEngine _engine;

    /// <summary>The fast way of one stream, where the back end has it.</summary>
    private readonly StepPlan? _plan;
    private readonly int _inputSize, _outputSize;

    /// <summary>Widths that <c>Step</c> may take without asking further; −1, or a vocabulary of 0, where it must.</summary>
    private int _fastInput = -1, _fastTokens;

    /// <summary>Not written again once the engine uses it: it keeps the weights alive.</summary>
    private WeightSet _set;
    private int _ticks;

    /// <summary>The thread in the session, 0 for none, and how many of its calls; kept where sharing is looked for.</summary>
    private int _owner, _depth;
    private bool _disposed;

    /// <summary>A session; one that plans no steps runs windows of one step whatever the back end has, for comparisons.</summary>
    internal Session(Sequential model, SessionOptions options, bool plansSteps = true)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Weights = options.Weights ?? model.InferenceWeights;
        model.CheckWeights(Weights);
        model.RefuseReadingAhead();
        (Model, _options, _clock) = (model, options, model.Clock);
        CheckMemory(model, options, Weights);
        (_inputSize, _outputSize, TakesTokens) = (model.InputSize, model.OutputSize, model.TakesTokens);
        _engine = CreateEngine(plansSteps, out _set);
        _plan = Streams == 1 ? (_engine as PlanEngine)?.Plan : null;
        _stateLength = _engine.StateLength;
        CheckSizes();
        _fingerprint = model.Fingerprint;
        _stateValues = new float[_stateLength];
        _named = new ulong[(Streams + 63) / 64];
        RestartAll();
        if (_plan == null || DetectsSharing)
            return;
        _fastInput = TakesTokens ? -1 : _inputSize;
        _fastTokens = TakesTokens ? _inputSize : 0;
    }

    /// <summary>The model. It may have been disposed of since: sessions need its back end only to take parameters that were written in place.</summary>
    public Sequential Model { get; }

    /// <summary>How the weights are stored.</summary>
    public WeightPrecision Weights { get; }

    /// <summary>Independent streams.</summary>
    public int Streams => _options.Streams;

    /// <summary>Values of a step's input; for a model that reads tokens, the vocabulary.</summary>
    public int InputSize => _inputSize;

    /// <summary>Values of a step's output.</summary>
    public int OutputSize => _outputSize;

    /// <summary>True for a model that reads tokens instead of values.</summary>
    public bool TakesTokens { get; }

    internal StepPlan? Plan => _plan;

    private bool DetectsSharing => MemoryChecks.InThisBuild || _options.DetectSharing;

    /// <summary>One step of the only stream, of a model that reads values.</summary>
    /// <param name="x">[input width]</param>
    /// <param name="y">[output width], written; may be x.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads tokens.</exception>
    /// <exception cref="InvalidOperationException">The session has several streams, or (where that is looked for) another thread is in it.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Step(ReadOnlySpan<float> x, Span<float> y)
    {
        if (!TryStep(x, y))
            StepSlowly(new SessionInput(x), y);
    }

    /// <summary>A step in a few instructions, as one of a small model takes about 45 ns; false, and nothing is done, where more has to be asked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryStep(ReadOnlySpan<float> x, Span<float> y)
    {
        if (x.Length != _fastInput || y.Length != _outputSize)
            return false;
        if (_clock.Ticks != _ticks)
            TakeWeights();
        _plan!.Step(x, y);
        return true;
    }

    /// <summary>One step of the only stream, of a model that reads tokens.</summary>
    /// <param name="token">In [0, vocabulary).</param>
    /// <param name="y">[output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The token is not in the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">The session has several streams, or (where that is looked for) another thread is in it.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Step(int token, Span<float> y)
    {
        if (!TryStep(token, y))
            StepSlowly(new SessionInput(new ReadOnlySpan<int>(in token)), y);
    }

    /// <inheritdoc cref="TryStep(ReadOnlySpan{float}, Span{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryStep(int token, Span<float> y)
    {
        if ((uint)token >= (uint)_fastTokens || y.Length != _outputSize)
            return false;
        if (_clock.Ticks != _ticks)
            TakeWeights();
        _plan!.Step(token, y);
        return true;
    }

    /// <summary>A session like this one, with copies of its states, that goes its own way from here.</summary>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public Session Clone()
    {
        Enter();
        try
        {
            var clone = new Session(Model, _options with { Weights = Weights }, _engine is not WindowEngine);
            for (int stream = 0; stream < Streams; stream++)
            {
                _engine.Read(stream, _stateValues);
                clone._engine.Write(stream, _stateValues);
            }
            return clone;
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>
    /// Ends the session's threads, if it has any, and gives its memory back. Calls that compute then throw. Like them it belongs to the session's thread.
    /// </summary>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;
        Enter();
        try
        {
            (_disposed, _fastInput, _fastTokens) = (true, -1, 0);
            _engine.Stop();
        }
        finally
        {
            Leave();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeWeights()
    {
        WeightSet set = Model.Latest(out int ticks);
        if (!ReferenceEquals(set, _set))
        {
            _engine.Use(set);
            _set = set;
        }
        _ticks = ticks;
    }

    private SessionEngine CreateEngine(bool plansSteps, out WeightSet set)
    {
        if (plansSteps && Streams == 1)
        {
            set = Model.Open(new WeightForm(Weights, WeightUse.Steps), out _ticks);
            if (set.Steps(Weights) is { } plan)
                return new PlanEngine(plan, Weights);
        }
        set = Model.Open(new WeightForm(Weights, WeightUse.Rows), out _ticks);
        if (plansSteps && _options.Threads == 1 && set.Batches(Weights) is { } batch)
            return new BatchEngine(batch, Weights, _inputSize, _outputSize, Streams);
        return new WindowEngine(set, Weights, Streams, _options.Threads);
    }

    private void StepSlowly(SessionInput input, Span<float> y)
    {
        if (input.Tokens.IsEmpty)
        {
            RefuseValues("x");
            CheckLength(input.Values.Length, _inputSize, "x");
        }
        else
        {
            RefuseTokens("token");
            CheckTokens(input.Tokens);
        }
        CheckLength(y.Length, _outputSize, nameof(y));
        Enter();
        try
        {
            if (Streams > 1)
                throw new InvalidOperationException($"this session has {Streams} streams: call StepBatch, which may name one");
            if (_clock.Ticks != _ticks)
                TakeWeights();
            _engine.Step(input, default, y);
        }
        finally
        {
            Leave();
        }
    }
}
