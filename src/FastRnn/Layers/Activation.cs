using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// A function without parameters, applied to every element of every step. Maps [T, B, F] to [T, B, F]; it has no width of its own, so it
/// cannot be the first layer.
/// </summary>
public sealed class Activation : ActivationLayer
{
    private Activation(ActivationKind kind)
        : base(kind)
    {
    }

    /// <summary>The function's name, for example <c>relu</c>.</summary>
    public string Function => NameOf(Kind);

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

    /// <inheritdoc/>
    public override string ToString() => $"Activation({Function})";

    /// <summary>The layer of a stored name, or null.</summary>
    internal static Activation? Named(string name)
    {
        for (ActivationKind kind = ActivationKind.Relu; kind < ActivationKind.LogSoftmax; kind++)
        {
            if (NameOf(kind) == name)
                return new Activation(kind);
        }
        return null;
    }

    private static string NameOf(ActivationKind kind) => kind switch
    {
        ActivationKind.Relu => "relu",
        ActivationKind.Tanh => "tanh",
        ActivationKind.Sigmoid => "sigmoid",
        ActivationKind.HardSigmoid => "hard_sigmoid",
        ActivationKind.Softplus => "softplus",
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

/// <summary>A function of each step's values that has no parameters.</summary>
public abstract class ActivationLayer : Layer
{
    private protected ActivationLayer(ActivationKind kind) => Kind = kind;

    internal ActivationKind Kind { get; }

    internal override int InputSize => 0;

    internal override int OutputSize(int inputSize) => inputSize;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, inputSize, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Backend.ActivationForward(Kind, input.Values, workspace.Output);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        if (inputGradient != null)
            Backend.ActivationBackward(Kind, input.Values, workspace.Output, outputGradient, inputGradient, pass.Flags);
    }

    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(Kind, inputSize);

    private protected override Parameter[] CreateParameters(int inputSize) => [];

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        throw new InvalidOperationException("an activation has no parameters");
}
