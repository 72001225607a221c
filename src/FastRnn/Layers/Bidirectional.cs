using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>How the outputs of two directions become one.</summary>
public enum Merge
{
    /// <summary>Side by side, forward first: width 2·hidden. PyTorch's.</summary>
    Concat,

    /// <summary>f + b</summary>
    Sum,

    /// <summary>(f + b)/2</summary>
    Average,

    /// <summary>f·b, element by element.</summary>
    Multiply,
}

/// <summary>
/// Two recurrent layers of one cell, the second of which reads each sample backwards (Schuster, Paliwal 1997; see <see cref="GoBackwards"/>
/// for lengths, gaps and resets). Maps [T, B, input] to [T, B, 2·hidden] or, merged otherwise, [T, B, hidden]. Parameters are named as those
/// of PyTorch's bidirectional layers. It needs whole sequences: it cannot stream, nor go on from an earlier window.
/// </summary>
public sealed class Bidirectional : Layer
{
    private readonly GoBackwards _backwards;

    /// <summary>Both directions of a layer.</summary>
    /// <param name="layer">Reads forwards, and is the model for the other; belongs to no model yet.</param>
    /// <param name="merge">How the two outputs become one.</param>
    /// <param name="lastStep">
    /// Give one output for each sample, made of the two that have read all of its (last) sequence: it stands at the last active step, where
    /// <c>SequenceChunk.LastStepOnly</c> looks for it; the other steps are zero, so this is for the last of the recurrent layers.
    /// </param>
    public Bidirectional(RecurrentLayer layer, Merge merge = Merge.Concat, bool lastStep = false)
    {
        ArgumentNullException.ThrowIfNull(layer);
        if (!Enum.IsDefined(merge))
            throw new ArgumentOutOfRangeException(nameof(merge), merge, "not a way to merge");
        (Inner, Merge, LastStep) = (layer, merge, lastStep);
        _backwards = new GoBackwards(layer.Twin(), lastStep);
    }

    /// <summary>The layer that reads forwards.</summary>
    public RecurrentLayer Inner { get; }

    /// <summary>How the two outputs become one.</summary>
    public Merge Merge { get; }

    /// <summary>One output for each sample.</summary>
    public bool LastStep { get; }

    internal override bool ReadsAhead => true;

    internal override bool IsBoundToWindow => Inner.IsBoundToWindow;

    internal override IEnumerable<ProductWeights> Products => [.. Inner.Products, .. _backwards.Products];

    internal override int InputSize => Inner.InputSize;

    private float Factor => Merge == Merge.Average ? 0.5f : 1f;

    /// <inheritdoc/>
    public override string ToString() => $"Bidirectional({Inner}, {Merge}{(LastStep ? ", last step" : "")})";

    internal override int OutputSize(int inputSize) => Inner.OutputSize(inputSize) * (Merge == Merge.Concat ? 2 : 1);

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) => new BidirectionalWorkspace(
        Backend,
        (RecurrentWorkspace)Inner.CreateWorkspace(inputSize, steps, batch, keep),
        (BackwardsWorkspace)_backwards.CreateWorkspace(inputSize, steps, batch, keep),
        inputSize,
        OutputSize(inputSize));

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (BidirectionalWorkspace)workspace;
        Inner.Forward(ws.Forward, input, pass with { RepeatsOutputs = false });
        _backwards.Forward(ws.Backward, input, pass);
        int width = ws.Forward.Output.Columns, second = Merge == Merge.Concat ? width : 0;
        Backend.GatherRows(ws.Forward.Output, LastRows(ws), ws.Output, new RowGather(GatherMode.Write, 0, 0, width, Factor));
        Backend.GatherRows(ws.Backward.Output, default, ws.Output, new RowGather(SecondMode(), 0, second, width, Factor));
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        var ws = (BidirectionalWorkspace)workspace;
        DeviceBuffer forward = ws.Forward.OutputGradient!, backward = ws.Backward.OutputGradient!;
        int width = forward.Columns, second = Merge == Merge.Concat ? width : 0;
        Backend.GatherRows(outputGradient, LastRows(ws), forward, new RowGather(GatherMode.Write, 0, 0, width, Factor));
        Backend.GatherRows(outputGradient, default, backward, new RowGather(GatherMode.Write, second, 0, width, Factor));
        if (Merge == Merge.Multiply)
        {
            Backend.GatherRows(ws.Backward.Output, default, forward, RowGather.Whole(GatherMode.Multiply, width));
            Backend.GatherRows(ws.Forward.Output, default, backward, RowGather.Whole(GatherMode.Multiply, width));
        }
        Inner.Backward(ws.Forward, input, forward, inputGradient, pass);
        DeviceBuffer? back = inputGradient == null ? null : ws.InputGradient();
        _backwards.Backward(ws.Backward, input, backward, back, pass);
        if (inputGradient != null)
            Backend.Accumulate(back!, inputGradient);
    }

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass)
    {
        var ws = (BidirectionalWorkspace)workspace;
        Inner.Plan(plan, ws.Forward, pass);
        _backwards.Plan(plan, ws.Backward, pass);
        if (pass.InputGradient)
            ws.InputGradient();
    }

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        Parameter[] forward = Adopt(Inner, inputSize), backward = Adopt(_backwards, inputSize);
        foreach (Parameter parameter in backward)
            parameter.Name += "_reverse";
        return [.. forward, .. backward];
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random) => Initialize(Inner, parameter, random);

    private ReadOnlySpan<int> LastRows(BidirectionalWorkspace ws) => LastStep ? ws.Backward.Reversal.LastRows : default;

    private GatherMode SecondMode() => Merge switch
    {
        Merge.Concat => GatherMode.Write,
        Merge.Multiply => GatherMode.Multiply,
        _ => GatherMode.Add,
    };
}

/// <summary>One window of both directions, each with states of its own to set before and read after a pass.</summary>
internal sealed class BidirectionalWorkspace : Workspace
{
    private readonly Backend _backend;
    private readonly int _inputSize;
    private DeviceBuffer? _inputGradient;

    public BidirectionalWorkspace(Backend backend, RecurrentWorkspace forward, BackwardsWorkspace backward, int inputSize, int outputSize)
        : base(forward.Steps, forward.Batch, forward.Keep)
    {
        (_backend, Forward, Backward, _inputSize) = (backend, forward, backward, inputSize);
        Output = backend.Allocate(Steps * Batch, outputSize);
        OutputGradient = Training ? backend.Allocate(Steps * Batch, outputSize) : null;
    }

    private BidirectionalWorkspace(BidirectionalWorkspace whole, int steps)
        : base(steps, whole.Batch, whole.Keep)
    {
        (_backend, _inputSize) = (whole._backend, whole._inputSize);
        Forward = (RecurrentWorkspace)whole.Forward.Shorter(_backend, steps);
        Backward = (BackwardsWorkspace)whole.Backward.Shorter(_backend, steps);
        _inputGradient = Training ? _backend.View(whole.InputGradient(), 0, steps * Batch) : null;
        ShareOutput(_backend, whole);
    }

    public RecurrentWorkspace Forward { get; }

    public BackwardsWorkspace Backward { get; }

    public override Workspace Shorter(Backend backend, int steps) => new BidirectionalWorkspace(this, steps);

    /// <summary>What the second direction adds to the input's gradient; a layer that reads a model's input never needs it.</summary>
    public DeviceBuffer InputGradient() => _inputGradient ??= _backend.Allocate(Steps * Batch, _inputSize);
}
