using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// A function without parameters, applied to every element of every step. Maps [T, B, F] to [T, B, F]; it has no width of its own, so it
/// cannot be the first layer.
/// </summary>
public sealed class Activation : ActivationLayer
{
    private Activation(ActivationFunction function)
        : base(function)
    {
    }

    /// <summary>The function's name, for example <c>relu</c> or <c>leaky_relu(0.01)</c>.</summary>
    public string Function => FunctionOf.Kind == ActivationKind.Chosen ? FunctionOf.Chosen.ToString() : NameOf(FunctionOf.Kind);

    /// <summary>Any function that a cell may have.</summary>
    public static Activation Of(CellActivation function) => new(function.Args.Function switch
    {
        CellFunction.Relu => ActivationKind.Relu,
        CellFunction.Tanh => ActivationKind.Tanh,
        CellFunction.Sigmoid => ActivationKind.Sigmoid,
        CellFunction.Softplus => ActivationKind.Softplus,
        _ => new ActivationFunction(ActivationKind.Chosen, function),
    });

    /// <summary>max(x, 0)</summary>
    public static Activation Relu() => new(ActivationKind.Relu);

    /// <summary>tanh x</summary>
    public static Activation Tanh() => new(ActivationKind.Tanh);

    /// <summary>1/(1 + e⁻ˣ)</summary>
    public static Activation Sigmoid() => new(ActivationKind.Sigmoid);

    /// <summary>(x + 3)/6, at least 0 and at most 1: PyTorch's and Keras 3's.</summary>
    public static Activation HardSigmoid() => new(ActivationKind.HardSigmoid);

    /// <summary>log(1 + eˣ)</summary>
    public static Activation Softplus() => new(ActivationKind.Softplus);

    /// <summary>x/(1 + e⁻ˣ), also called swish.</summary>
    public static Activation Silu() => new(ActivationKind.Silu);

    /// <summary>x·Φ(x) with the normal distribution's Φ: the exact form, PyTorch's and Keras's default.</summary>
    public static Activation Gelu() => new(ActivationKind.Gelu);

    /// <summary>x for x ≥ 0, else α·x.</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or not finite.</exception>
    public static Activation LeakyRelu(float alpha = 0.01f) => Of(CellActivation.LeakyRelu(alpha));

    /// <summary>x for x ≥ 0, else α·(eˣ − 1).</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or not finite.</exception>
    public static Activation Elu(float alpha = 1f) => Of(CellActivation.Elu(alpha));

    /// <inheritdoc/>
    public override string ToString() => $"Activation({Function})";

    /// <summary>The layer of a stored name, or null.</summary>
    internal static Activation? Named(string name)
    {
        for (ActivationKind kind = ActivationKind.Relu; kind < ActivationKind.Chosen; kind++)
        {
            if (NameOf(kind) == name)
                return new Activation(kind);
        }
        return CellActivation.Parse(name) is { } function ? Of(function) : null;
    }

    private static string NameOf(ActivationKind kind) => kind switch
    {
        ActivationKind.Relu => "relu",
        ActivationKind.Tanh => "tanh",
        ActivationKind.Sigmoid => "sigmoid",
        ActivationKind.HardSigmoid => "hard_sigmoid",
        ActivationKind.Softplus => "softplus",
        ActivationKind.Gelu => "gelu",
        _ => "silu",
    };
}

/// <summary>
/// Log-probabilities y_c = x_c − log Σ_k exp x_k of every step, for <c>NegativeLogLikelihood</c>. Maps [T, B, C] to [T, B, C]. Training with
/// cross-entropy on the logits themselves gives the same gradients in one pass less.
/// </summary>
public sealed class LogSoftmax() : ActivationLayer(ActivationKind.LogSoftmax)
{
    /// <inheritdoc/>
    public override string ToString() => "LogSoftmax()";
}

/// <summary>
/// Probabilities y_c = exp x_c / Σ_k exp x_k of every step. Maps [T, B, C] to [T, B, C]; no finite x overflows. For inference, and for models that
/// others have trained: the losses of classes want what comes before it – <c>CrossEntropy</c> the logits themselves, which saves a pass and keeps
/// the digits of small probabilities.
/// </summary>
public sealed class Softmax() : ActivationLayer(ActivationKind.Softmax)
{
    /// <inheritdoc/>
    public override string ToString() => "Softmax()";
}

/// <summary>A function of each step's values that has no parameters.</summary>
public abstract class ActivationLayer : Layer
{
    private protected ActivationLayer(ActivationKind kind)
        : this(new ActivationFunction(kind))
    {
    }

    private protected ActivationLayer(ActivationFunction function) => FunctionOf = function;

    internal ActivationFunction FunctionOf { get; }

    internal override int InputSize => 0;

    internal override int OutputSize(int inputSize) => inputSize;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, inputSize, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Backend.ActivationForward(FunctionOf, input.Values, workspace.Output);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        if (inputGradient != null)
            Backend.ActivationBackward(FunctionOf, input.Values, workspace.Output, outputGradient, inputGradient, pass.Flags);
    }

    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(FunctionOf, inputSize);

    private protected override Parameter[] CreateParameters(int inputSize) => [];

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        throw new InvalidOperationException("an activation has no parameters");
}
