using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Token to vector: row <c>token</c> of a trained table [vocabulary, size]. Maps tokens [T, B] to [T, B, size]; must be the first layer.
/// The table starts standard normal.
/// </summary>
/// <param name="vocabulary">Number of tokens, at least 1.</param>
/// <param name="size">Width of the vectors, at least 1.</param>
public sealed class Embedding(int vocabulary, int size) : Layer
{
    /// <summary>Number of tokens.</summary>
    public int Vocabulary { get; } = Check.AtLeastOne(vocabulary);

    /// <summary>Width of the vectors.</summary>
    public int Size { get; } = Check.AtLeastOne(size);

    internal override bool TakesTokens => true;

    internal override int InputSize => Vocabulary;

    /// <inheritdoc/>
    public override string ToString() => $"Embedding({Vocabulary}, {Size})";

    internal override int OutputSize(int inputSize) => Size;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, Size, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Backend.EmbeddingForward(ParameterArray[0].Value, input.Tokens.Span, workspace.Output);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        if (inputGradient != null)
            throw new ArgumentException("tokens have no gradient", nameof(inputGradient));
        Backend.EmbeddingBackward(ParameterArray[0].Gradient, input.Tokens.Span, outputGradient);
    }

    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(ParameterArray[0].Value);

    private protected override Parameter[] CreateParameters(int inputSize) =>
        [new(Backend, "weight", Backend.Allocate(Vocabulary, Size), Vocabulary, Size)];

    private protected override void Initialize(Parameter parameter, PhiloxStream random)
    {
        var values = new float[parameter.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)random.NextGaussian();
        parameter.Write(values);
    }
}

/// <summary>
/// y = x·Wᵀ + b at every step, W [output, input], b [output]. Maps [T, B, input] to [T, B, output]. Both start uniform in ±1/√input.
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="output">Width of the output, at least 1.</param>
public sealed class Linear(int input, int output) : Layer
{
    private LinearWeights? _weights;

    /// <summary>Width of the input.</summary>
    public int Input { get; } = Check.AtLeastOne(input);

    /// <summary>Width of the output.</summary>
    public int Output { get; } = Check.AtLeastOne(output);

    internal override int InputSize => Input;

    internal override IEnumerable<ProductWeights> Products => [_weights!];

    /// <inheritdoc/>
    public override string ToString() => $"Linear({Input}, {Output})";

    internal override int OutputSize(int inputSize) => Output;

    internal override Layer Unbuilt()
    {
        var copy = (Linear)base.Unbuilt();
        copy._weights = null;
        return copy;
    }

    internal override void Use(Layer other)
    {
        base.Use(other);
        _weights = ((Linear)other)._weights;
    }

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, Output, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Backend.LinearForward(_weights!, input.Values, workspace.Output, pass.Weights);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass) =>
        Backend.LinearBackward(
            _weights!, ParameterArray[0].Gradient, ParameterArray[1].Gradient, input.Values, outputGradient, inputGradient, pass.Flags,
            workspace.Steps, workspace.Batch);

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass) =>
        Backend.PlanLinear(plan, _weights!, workspace.Steps, workspace.Batch, pass);

    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(_weights!);

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        _weights = Backend.CreateLinearWeights(Input, Output);
        return [new(Backend, "weight", _weights.Weight, Output, Input), new(Backend, "bias", _weights.Bias, Output)];
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        InitializeUniform(parameter, random, 1 / Math.Sqrt(Input));
}

/// <summary>
/// In training, zeroes each element with probability <paramref name="rate"/> and scales the others by 1/(1−rate); passes everything on
/// otherwise. Masks depend on the seed, the layer and the absolute time only – not on threads, back end or, unless
/// <see cref="Variational"/>, window length.
/// </summary>
/// <param name="rate">In [0, 1).</param>
public sealed class Dropout(float rate) : Layer
{
    /// <summary>Probability of a zero.</summary>
    public float Rate { get; } = rate is >= 0f and < 1f
        ? rate
        : throw new ArgumentOutOfRangeException(nameof(rate), rate, "a dropout rate lies in [0, 1)");

    /// <summary>
    /// Variational or locked dropout (Gal, Ghahramani 2016): one mask a sample for all steps of a window, and another in the next window. It
    /// depends on the seed, the layer, the sample, the unit and the time at which the window starts.
    /// </summary>
    public bool Variational { get; init; }

    internal override bool IsBoundToWindow => Variational;

    internal override int InputSize => 0;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Dropout({Rate}{(Variational ? ", variational" : "")})");

    internal override int OutputSize(int inputSize) => inputSize;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, inputSize, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Apply(input.Values, workspace.Output, workspace, pass);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        if (inputGradient != null)
            Apply(outputGradient, inputGradient, workspace, pass);
    }

    internal override bool AddStep(LayerPlan plan, int inputSize) => true;

    private protected override Parameter[] CreateParameters(int inputSize) => [];

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        throw new InvalidOperationException("dropout has no parameters");

    private void Apply(DeviceBuffer from, DeviceBuffer to, Workspace workspace, in PassContext pass)
    {
        if (pass.Training)
            Backend.Dropout(from, to, new DropoutMask(Rate, pass.Seed, Index, Variational ? pass.WindowTime : pass.Time, PerSample: Variational), workspace.Steps, workspace.Batch);
        else
            Backend.Copy(from, to);
    }
}

internal static class Check
{
    public static int AtLeastOne(int value, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(value))] string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1, name);
        return value;
    }

    /// <summary>A share of things to drop, in [0, 1).</summary>
    public static float Rate(float value, [System.Runtime.CompilerServices.CallerMemberName] string? name = null) =>
        value is >= 0f and < 1f ? value : throw new ArgumentOutOfRangeException(name, value, "a rate lies in [0, 1)");

    /// <summary>A limit above 0, or 0 for none.</summary>
    public static float Limit(float value, [System.Runtime.CompilerServices.CallerMemberName] string? name = null) =>
        value >= 0f && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, "a limit is finite and not negative; 0 is none");
}
