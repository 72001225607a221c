using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Passes everything on, and in training adds to the loss what its input h costs: l1·mean |h| + l2·mean h² + temporal·mean (h_t − h_{t−1})²
/// – the activation and temporal activation regularisation of Merity, McCann, Socher (2017); Keras has the first two, with sums for means. It
/// has no width of its own, so it cannot be the first layer.
/// </summary>
/// <remarks>
/// The first two means divide by the elements of the window's active positions (steps · batch · width without flags), the third by those of its
/// pairs: two active steps in a row of one sample, the second not reset; steps of two windows are no pair. <c>StepResult.Loss</c> has the
/// penalty, whichever way the loss itself reduces; <c>Trainer.Evaluate</c> counts none.
/// </remarks>
/// <param name="l1">Weight of the mean size; not negative.</param>
/// <param name="l2">Weight of the mean square, often 2; not negative.</param>
/// <param name="temporal">Weight of the mean square of changes from step to step, often 1; not negative.</param>
public sealed class ActivityRegularization(float l1 = 0, float l2 = 0, float temporal = 0) : Layer
{
    /// <summary>Weight of the mean size.</summary>
    public float L1 { get; } = NotNegative(l1, nameof(l1));

    /// <summary>Weight of the mean square.</summary>
    public float L2 { get; } = NotNegative(l2, nameof(l2));

    /// <summary>Weight of the mean square of changes from step to step.</summary>
    public float Temporal { get; } = NotNegative(temporal, nameof(temporal));

    internal override bool IsBoundToWindow => true;

    internal override int InputSize => 0;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"ActivityRegularization(l1 {L1}, l2 {L2}, temporal {Temporal})");

    internal override int OutputSize(int inputSize) => inputSize;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) => new ActivityWorkspace(steps, batch, keep)
    {
        Output = Backend.Allocate(steps * batch, inputSize),
        OutputGradient = keep != Keep.Nothing ? Backend.Allocate(steps * batch, inputSize) : null,
    };

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) => Backend.Copy(input.Values, workspace.Output);

    /// <summary>The penalty is found here, where its derivative is: only training asks for either.</summary>
    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass) =>
        ((ActivityWorkspace)workspace).Found = Backend.ActivityPenalty(
            input.Values, outputGradient, inputGradient, new ActivityRule(L1, L2, Temporal), pass.Flags, workspace.Steps, workspace.Batch);

    internal override bool AddStep(LayerPlan plan, int inputSize) => true;

    private protected override Parameter[] CreateParameters(int inputSize) => [];

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        throw new InvalidOperationException("a penalty of activities has no parameters");

    private static float NotNegative(float value, string name) =>
        value >= 0f && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, "must be finite and not negative");
}

/// <summary>One window, and what it cost.</summary>
internal sealed class ActivityWorkspace(int steps, int batch, Keep keep) : Workspace(steps, batch, keep)
{
    public double Found { get; set; }

    public override double Penalty => Found;

    public override Workspace Shorter(Backend backend, int steps)
    {
        var shorter = new ActivityWorkspace(steps, Batch, Keep);
        shorter.ShareOutput(backend, this);
        return shorter;
    }
}
