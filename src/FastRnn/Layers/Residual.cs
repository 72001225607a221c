using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// y = x + f(x) (He, Zhang, Ren, Sun 2016) with a layer f that keeps the width. Maps [T, B, F] to [T, B, F]. Streams, and carries state, as f does.
/// Parameters are those of f under <c>inner.</c>, as of a PyTorch module that keeps f in <c>self.inner</c>.
/// Read from a file of a network whose input goes round several layers, it can put x beside f(x) instead (Huang et al. 2017), width F + the width of f.
/// </summary>
public sealed class Residual : Layer
{
    /// <summary>Adds the input to what a layer makes of it.</summary>
    /// <param name="layer">f; belongs to no model yet.</param>
    /// <exception cref="ArgumentException">f changes the width, reads tokens, or is a residual itself.</exception>
    public Residual(Layer layer)
        : this(layer, besides: false)
    {
    }

    /// <summary>The same, or y = [f(x), x].</summary>
    internal Residual(Layer layer, bool besides)
    {
        ArgumentNullException.ThrowIfNull(layer);
        if (layer.TakesTokens || layer is Residual or Masking)
            throw new ArgumentException($"{layer} cannot be inside a residual", nameof(layer));
        int width = layer.InputSize;
        if (besides ? width == 0 : width != 0 && layer.OutputSize(width) != width)
            throw new ArgumentException($"{layer} makes {layer.OutputSize(width)} values of {width}: they cannot be added", nameof(layer));
        (Inner, Besides) = (layer, besides);
    }

    /// <summary>f.</summary>
    public Layer Inner { get; private set; }

    /// <summary>Whether x comes after f(x) instead of being added to it.</summary>
    internal bool Besides { get; }

    internal override bool ReadsAhead => Inner.ReadsAhead;

    internal override bool CarriesState => Inner.CarriesState;

    internal override bool IsBoundToWindow => Inner.IsBoundToWindow;

    internal override IEnumerable<ProductWeights> Products => Inner.Products;

    internal override int InputSize => Inner.InputSize;

    /// <inheritdoc/>
    public override string ToString() => $"Residual({Inner}{(Besides ? ", concat" : "")})";

    internal override int OutputSize(int inputSize) => Besides ? Inner.OutputSize(inputSize) + inputSize : inputSize;

    internal override RecurrentState? CreateState(int batch) => Inner.CreateState(batch);

    internal override Layer Unbuilt()
    {
        var copy = (Residual)base.Unbuilt();
        copy.Inner = Inner.Unbuilt();
        return copy;
    }

    internal override Layer On(Backend backend)
    {
        var copy = (Residual)base.On(backend);
        copy.Inner = Inner.On(backend);
        return copy;
    }

    internal override void Use(Layer other)
    {
        base.Use(other);
        Inner.Use(((Residual)other).Inner);
    }

    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep) =>
        new ResidualWorkspace(Backend, Inner.CreateWorkspace(inputSize, steps, batch, keep), OutputSize(inputSize));

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (ResidualWorkspace)workspace;
        Inner.Forward(ws.Inner, input, pass);
        if (Besides)
        {
            int inner = ws.Inner.Output.Columns, width = input.Values.Columns;
            Backend.GatherRows(ws.Inner.Output, default, ws.Output, new RowGather(GatherMode.Write, 0, 0, inner, 1));
            Backend.GatherRows(input.Values, default, ws.Output, new RowGather(GatherMode.Write, 0, inner, width, 1));
            return;
        }
        Backend.Copy(input.Values, ws.Output);
        Backend.Accumulate(ws.Inner.Output, ws.Output);
    }

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass)
    {
        Workspace ws = ((ResidualWorkspace)workspace).Inner;
        if (Besides)
        {
            DeviceBuffer gradient = ws.OutputGradient!;
            Backend.GatherRows(outputGradient, default, gradient, new RowGather(GatherMode.Write, 0, 0, gradient.Columns, 1));
            Inner.Backward(ws, input, gradient, inputGradient, pass);
            if (inputGradient != null)
                Backend.GatherRows(outputGradient, default, inputGradient, new RowGather(GatherMode.Add, gradient.Columns, 0, inputGradient.Columns, 1));
            return;
        }
        Inner.Backward(ws, input, outputGradient, inputGradient, pass);
        if (inputGradient != null)
            Backend.Accumulate(outputGradient, inputGradient);
    }

    internal override bool AddStep(LayerPlan plan, int inputSize) =>
        plan.Add(new ResidualRow(inputSize, Inner.OutputSize(inputSize), Besides), inner => Inner.AddStep(inner, inputSize));

    internal override double FloatsOfStep(int inputSize) => base.FloatsOfStep(inputSize) + Inner.FloatsOfStep(inputSize);

    internal override void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass) =>
        Inner.Plan(plan, ((ResidualWorkspace)workspace).Inner, pass);

    private protected override Parameter[] CreateParameters(int inputSize)
    {
        Parameter[] parameters = Adopt(Inner, inputSize);
        foreach (Parameter parameter in parameters)
            parameter.Name = "inner." + parameter.Name;
        return parameters;
    }

    private protected override void Initialize(Parameter parameter, PhiloxStream random) => Initialize(Inner, parameter, random);
}

/// <summary>One window of f, and the sum.</summary>
internal sealed class ResidualWorkspace : Workspace
{
    public ResidualWorkspace(Backend backend, Workspace inner, int width)
        : base(inner.Steps, inner.Batch, inner.Keep)
    {
        Inner = inner;
        Output = backend.Allocate(Steps * Batch, width);
        OutputGradient = Training ? backend.Allocate(Steps * Batch, width) : null;
    }

    private ResidualWorkspace(Backend backend, ResidualWorkspace whole, Workspace inner)
        : base(inner.Steps, inner.Batch, inner.Keep)
    {
        Inner = inner;
        ShareOutput(backend, whole);
    }

    public Workspace Inner { get; }

    public override RecurrentWorkspace? Carried => Inner.Carried;

    public override double Penalty => Inner.Penalty;

    public override Workspace? Shorter(Backend backend, int steps) =>
        Inner.Shorter(backend, steps) is { } inner ? new ResidualWorkspace(backend, this, inner) : null;

    public override void CopySteps(Backend backend, Workspace source, in StepRange range)
    {
        Inner.CopySteps(backend, ((ResidualWorkspace)source).Inner, range);
        CopyOutput(backend, source, range);
    }
}
