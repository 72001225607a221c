using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// A recurrent layer that reads each sample from its last active step to its first. Maps [T, B, input] to [T, B, hidden]; the output at t has
/// read t and all later steps of its sequence (Keras's go_backwards leaves them in the order of reading). Inactive steps, at the end or in gaps, are passed over, and a
/// reset parts sequences from each other as it does forwards. It needs whole sequences: it cannot stream, nor go on from an earlier window.
/// </summary>
public sealed class GoBackwards : Layer
{
    /// <summary>Turns a layer round.</summary>
    /// <param name="layer">Belongs to no model yet.</param>
    /// <param name="lastStep">
    /// Give one output for each sample, the one that has read all of its (last) sequence: it stands at the last active step, where
    /// <c>SequenceChunk.LastStepOnly</c> looks for it; the other steps are zero.
    /// </param>
    public GoBackwards(RecurrentLayer layer, bool lastStep = false)
    {
        ArgumentNullException.ThrowIfNull(layer);
        (Inner, LastStep) = (layer, lastStep);
    }

    /// <summary>The layer that is turned round.</summary>
    public RecurrentLayer Inner { get; }

    /// <summary>One output for each sample.</summary>
    public bool LastStep { get; }

    internal override bool ReadsAhead => true;

    internal override bool IsBoundToWindow => Inner.IsBoundToWindow;

    internal override IEnumerable<ProductWeights> Products => Inner.Products;

    internal override int InputSize => Inner.InputSize;

    /// <inheritdoc/>
    public override string ToString() => $"GoBackwards({Inner}{(LastStep ? ", last step" : "")})";

    internal override int OutputSize(int inputSize) => Inner.OutputSize(inputSize);

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) => new BackwardsWorkspace(
        Backend, (RecurrentWorkspace)Inner.CreateWorkspace(inputSize, steps, batch, keep), inputSize, OutputSize(inputSize), LastStep);

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (BackwardsWorkspace)workspace;
        Reversal reversal = ws.Reversal;
        reversal.Read(pass.Flags, pass.RepeatsOutputs);
        Backend.GatherRows(input.Values, reversal.Rows, ws.Input, RowGather.Whole(GatherMode.Write, ws.Input.Columns));
        Inner.Forward(ws.Inner, new LayerInput(ws.Input), pass with { Flags = reversal.Flags, RepeatsOutputs = false });
        Backend.GatherRows(ws.Inner.Output, reversal.Outputs, ws.Output, RowGather.Whole(GatherMode.Write, ws.Output.Columns));
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        var ws = (BackwardsWorkspace)workspace;
        Reversal reversal = ws.Reversal;
        DeviceBuffer gradient = ws.Inner.OutputGradient!;
        Backend.GatherRows(outputGradient, reversal.Places, gradient, RowGather.Whole(GatherMode.Write, gradient.Columns));
        DeviceBuffer? back = inputGradient == null ? null : ws.InputGradient();
        Inner.Backward(ws.Inner, new LayerInput(ws.Input), gradient, back, pass with { Flags = reversal.Flags });
        if (inputGradient != null)
            Backend.GatherRows(back!, reversal.Rows, inputGradient, RowGather.Whole(GatherMode.Write, inputGradient.Columns));
    }

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass)
    {
        var ws = (BackwardsWorkspace)workspace;
        Inner.Plan(plan, ws.Inner, pass);
        if (pass.InputGradient)
            ws.InputGradient();
    }

    private protected override Parameter[] CreateParameters(int inputSize) => Adopt(Inner, inputSize);

    private protected override void Initialize(Parameter parameter, PhiloxStream random) => Initialize(Inner, parameter, random);
}

/// <summary>One window of a layer that reads backwards. The inner workspace has the states, in the order of reading.</summary>
internal sealed class BackwardsWorkspace : Workspace
{
    private readonly Backend _backend;
    private readonly bool _lastStep;
    private DeviceBuffer? _inputGradient;

    public BackwardsWorkspace(Backend backend, RecurrentWorkspace inner, int inputSize, int outputSize, bool lastStep)
        : base(inner.Steps, inner.Batch, inner.Keep)
    {
        (_backend, Inner) = (backend, inner);
        int rows = inner.Steps * inner.Batch;
        (Reversal, _lastStep) = (new Reversal(inner.Steps, inner.Batch, lastStep), lastStep);
        Input = backend.Allocate(rows, inputSize);
        Output = backend.Allocate(rows, outputSize);
        OutputGradient = inner.Training ? backend.Allocate(rows, outputSize) : null;
    }

    private BackwardsWorkspace(BackwardsWorkspace whole, int steps)
        : base(steps, whole.Batch, whole.Keep)
    {
        (_backend, _lastStep) = (whole._backend, whole._lastStep);
        Inner = (RecurrentWorkspace)whole.Inner.Shorter(_backend, steps);
        Reversal = new Reversal(steps, Batch, _lastStep);
        Input = _backend.View(whole.Input, 0, steps * Batch);
        _inputGradient = Training ? _backend.View(whole.InputGradient(), 0, steps * Batch) : null;
        ShareOutput(_backend, whole);
    }

    public RecurrentWorkspace Inner { get; }

    public Reversal Reversal { get; }

    public override Workspace Shorter(Backend backend, int steps) => new BackwardsWorkspace(this, steps);

    /// <summary>The input in the order of reading.</summary>
    public DeviceBuffer Input { get; }

    /// <summary>Its gradient; a layer that reads a model's input never needs it.</summary>
    public DeviceBuffer InputGradient() => _inputGradient ??= _backend.Allocate(Input.Rows, Input.Columns);
}
