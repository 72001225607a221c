using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Every step of every sample to mean 0 and variance 1 over its features, then scaled and shifted (Ba, Kiros, Hinton 2016):
/// y = γ·(x − mean)/√(variance + ε) + β with γ, <c>weight</c>, and β, <c>bias</c>, both [size]; the variance has 1/size. Maps [T, B, size] to
/// [T, B, size]. γ starts at 1, β at 0. <see cref="RecurrentLayer.LayerNorm"/> is the same within a cell.
/// </summary>
/// <param name="size">Features of a step, at least 1.</param>
/// <param name="epsilon">ε, above 0: 1e-5 as in PyTorch; Keras has 1e-3.</param>
public sealed class LayerNormalization(int size, float epsilon = 1e-5f) : Layer
{
    /// <summary>Features of a step.</summary>
    public int Size { get; } = Check.AtLeastOne(size);

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = epsilon > 0f && float.IsFinite(epsilon)
        ? epsilon
        : throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "must be above 0 and finite");

    internal override int InputSize => Size;

    private LayerNormParameters Values => new(ParameterArray[0].Value, ParameterArray[1].Value, Epsilon);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"LayerNormalization({Size}, epsilon {Epsilon})");

    internal override int OutputSize(int inputSize) => inputSize;

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        Workspace.Create(Backend, Size, steps, batch, keep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass) =>
        Backend.LayerNormForward(Values, input.Values, workspace.Output);

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass) =>
        Backend.LayerNormBackward(
            Values, new LayerNormParameters(ParameterArray[0].Gradient, ParameterArray[1].Gradient, Epsilon), input.Values, outputGradient, inputGradient,
            pass.Flags, workspace.Steps, workspace.Batch);

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass) =>
        Backend.PlanLayerNorm(plan, Size, workspace.Steps, workspace.Batch, pass);

    internal override bool AddStep(LayerPlan plan, int inputSize) => plan.Add(Values);

    private protected override Parameter[] CreateParameters(int inputSize) =>
        [new(Backend, "weight", Backend.Allocate(1, Size), Size), new(Backend, "bias", Backend.Allocate(1, Size), Size)];

    private protected override void Initialize(Parameter parameter, PhiloxStream random)
    {
        if (parameter == ParameterArray[0])
            InitializeOnes(parameter);
    }
}
