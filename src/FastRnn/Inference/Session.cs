using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>Opens sessions on models.</summary>
public static class SessionExtensions
{
    /// <summary>A stream through the model, one step a call, starting from a zero state.</summary>
    /// <exception cref="NotSupportedException">A layer needs later inputs for an output, for example <see cref="Bidirectional"/>.</exception>
    public static Session OpenSession(this Sequential model) => new(model, new SessionOptions());

    /// <summary>A stream through the model, one step a call, starting from a zero state.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How the session computes.</param>
    /// <exception cref="NotSupportedException">
    /// A layer needs later inputs for an output, for example <see cref="Bidirectional"/>, the back end cannot store weights so, or a layer's
    /// sums of int8 products would be longer than 65,536.
    /// </exception>
    public static Session OpenSession(this Sequential model, SessionOptions options) => new(model, options);
}

/// <summary>
/// One stream through a model, one step a call. It owns the state h and c; after the first step nothing is allocated. The bits equal those
/// of the whole sequence in one call. All sessions of models on one back end are used by one thread at a time.
/// </summary>
public sealed class Session
{
    private readonly Sequential _model;

    /// <summary>The fast way, where the back end has it; otherwise a step is a window of one step over everything below.</summary>
    private readonly StepPlan? _plan;
    private readonly SequentialWorkspace _workspace = null!;
    private readonly RecurrentState?[] _state = [];
    private readonly int[] _token = [];
    private readonly DeviceBuffer? _input;
    private readonly int _inputSize, _outputSize;
    private readonly bool _takesTokens;

    /// <summary>A session; one that plans no steps runs windows of one step whatever the back end has, for comparisons.</summary>
    internal Session(Sequential model, SessionOptions options, bool plansSteps = true)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Weights = options.Weights ?? model.InferenceWeights;
        model.CheckWeights(Weights);
        if (model.LayerThatReadsAhead != null)
            throw new NotSupportedException($"{model.LayerThatReadsAhead} reads whole sequences: the model cannot stream, Predict takes whole windows");
        _model = model;
        (_inputSize, _outputSize, _takesTokens) = (model.InputSize, model.OutputSize, model.TakesTokens);
        _plan = plansSteps ? model.CreateStepPlan(Weights) : null;
        if (_plan != null)
            return;
        _workspace = model.CreateWorkspace(1, 1, Keep.Nothing);
        _state = _workspace.InitialState();
        _token = new int[1];
        _input = _takesTokens ? null : model.Backend.Allocate(1, model.InputSize);
    }

    /// <summary>How the weights are stored.</summary>
    public WeightPrecision Weights { get; }

    internal StepPlan? Plan => _plan;

    /// <summary>One step of a model that reads values.</summary>
    /// <param name="x">[input width]</param>
    /// <param name="y">[output width], written; may be x.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads tokens.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Step(ReadOnlySpan<float> x, Span<float> y)
    {
        // In a few instructions: a step of a small model takes about 45 ns.
        if (_plan != null && !_takesTokens && x.Length == _inputSize && y.Length == _outputSize)
            _plan.Step(x, y);
        else
            StepWithoutPlan(x, y);
    }

    /// <summary>One step of a model that reads tokens.</summary>
    /// <param name="token">In [0, vocabulary).</param>
    /// <param name="y">[output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The token is not in the vocabulary.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Step(int token, Span<float> y)
    {
        if (_plan != null && _takesTokens && (uint)token < (uint)_inputSize && y.Length == _outputSize)
            _plan.Step(token, y);
        else
            StepWithoutPlan(token, y);
    }

    /// <summary>Back to the zero state.</summary>
    public void Reset()
    {
        _plan?.Reset();
        foreach (RecurrentState? state in _state)
        {
            if (state != null)
                RecurrentWorkspace.Zero(_model.Backend, state);
        }
    }

    /// <summary>Says what is wrong with the lengths, or runs a window of one step.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void StepWithoutPlan(ReadOnlySpan<float> x, Span<float> y)
    {
        if (_takesTokens)
            throw new ArgumentException("this model reads tokens: call Step(token, y)", nameof(x));
        CheckLength(x.Length, _inputSize, nameof(x));
        CheckLength(y.Length, _outputSize, nameof(y));
        _model.Backend.Write(_input!, x);
        Run(new LayerInput(_input!), y);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void StepWithoutPlan(int token, Span<float> y)
    {
        if (!_takesTokens)
            throw new ArgumentException("this model reads values: call Step(x, y)", nameof(token));
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, _inputSize);
        CheckLength(y.Length, _outputSize, nameof(y));
        _token[0] = token;
        Run(new LayerInput(_token), y);
    }

    private void Run(in LayerInput input, Span<float> y)
    {
        DeviceBuffer output = _model.Forward(_workspace, input, _state, new PassContext(null, false, _model.Seed, 0, false, Weights: Weights));
        _model.Backend.Read(output, y);
        _workspace.CopyFinal(_state);
    }

    private static void CheckLength(int actual, int expected, string name)
    {
        if (actual != expected)
            throw new ArgumentException($"expected {expected} values, got {actual}", name);
    }
}
