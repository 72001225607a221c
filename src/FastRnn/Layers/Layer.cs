using FastRnn.Backends;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Parameters and wiring: a layer knows which back-end operations turn its input into its output and back, never how they compute.
/// Layers are described first and built when a <see cref="Sequential"/> takes them; a layer belongs to one model.
/// </summary>
public abstract class Layer
{
    /// <summary>Streams of random numbers that a layer's parameters may draw their first values from.</summary>
    private const int ParameterStreams = 16;

    private Parameter[] _parameters = [];
    private Backend? _backend;

    /// <summary>Trained arrays in PyTorch's order; empty before the layer belongs to a model.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    internal Parameter[] ParameterArray => _parameters;

    internal Backend Backend => _backend ?? throw new InvalidOperationException($"{this} does not belong to a model yet");

    internal int Index { get; private set; }

    /// <summary>True for a layer that reads tokens instead of values.</summary>
    internal virtual bool TakesTokens => false;

    /// <summary>
    /// True when an output depends on later inputs: such a layer reads whole sequences, so it can neither stream nor go on from the window before.
    /// </summary>
    internal virtual bool ReadsAhead => false;

    /// <summary>True for a layer whose state goes on from window to window.</summary>
    internal virtual bool CarriesState => false;

    /// <summary>
    /// True for a layer that, in training, does something once for all steps of a window – draws a mask, adds a penalty: it cannot be run backward as
    /// part of a longer one.
    /// </summary>
    internal virtual bool IsBoundToWindow => false;

    /// <summary>The weights of its products.</summary>
    internal virtual IEnumerable<ProductWeights> Products => [];

    /// <summary>Width of the input this layer asks for, or 0 when any will do.</summary>
    internal abstract int InputSize { get; }

    /// <summary>Width of the output for an input of the given width.</summary>
    internal abstract int OutputSize(int inputSize);

    /// <summary>Creates parameters and, unless they get others at once, draws their first values.</summary>
    internal void Build(Backend backend, int index, int inputSize, ulong seed, bool draws = true)
    {
        Attach(backend, index, inputSize);
        if (_parameters.Length > ParameterStreams)
            throw new InvalidOperationException($"{this} has {_parameters.Length} parameters, random numbers are kept apart for {ParameterStreams}");
        for (int i = 0; i < _parameters.Length; i++)
        {
            _parameters[i].Name = $"{index}.{_parameters[i].Name}";
            if (draws && !BlockBytes.IsPlanning && !backend.InferenceOnly)
                Initialize(_parameters[i], new PhiloxStream(seed, ((ulong)index * ParameterStreams) + (ulong)i));
        }
    }

    /// <summary>A zero state for a batch to carry between windows; null for a layer without.</summary>
    internal virtual RecurrentState? CreateState(int batch) => null;

    internal abstract Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep);

    /// <summary>workspace.Output = layer(input).</summary>
    internal abstract void Forward(Workspace workspace, in LayerInput input, in PassContext pass);

    /// <summary>What the layers behind are told: the same as this one was, but for a layer that finds flags in its input.</summary>
    internal virtual PassContext Onward(Workspace workspace, in PassContext pass) => pass;

    /// <summary>
    /// Adds to the parameters' gradients and, unless null, writes the input's gradient, for the forward pass this workspace has run last.
    /// </summary>
    internal abstract void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass);

    /// <summary>
    /// Makes what passes over a new workspace would make when they first need it, and notes the scratch memory that they take. Called where
    /// blocks are only counted.
    /// </summary>
    internal virtual void Plan(ScratchPlan plan, Workspace workspace, in PlannedPass pass)
    {
    }

    /// <summary>
    /// Adds what a step takes to a plan, nothing if it takes nothing; false where the back end cannot, and steps then are windows of one step.
    /// </summary>
    internal virtual bool AddStep(LayerPlan plan, int inputSize) => false;

    /// <summary>Floats that a stream takes of a window of one step, where steps are such, about: what goes out, and what the layer keeps.</summary>
    internal virtual double FloatsOfStep(int inputSize) => AlignedBuffer.Pad(OutputSize(inputSize));

    /// <summary>The same layer without a model, so that it can be built again on another back end.</summary>
    internal virtual Layer Unbuilt()
    {
        var copy = (Layer)MemberwiseClone();
        (copy._backend, copy._parameters) = (null, []);
        return copy;
    }

    /// <summary>A layer that computes on another back end with the parameters of this one, or of any that it is told to <see cref="Use"/>.</summary>
    internal virtual Layer On(Backend backend)
    {
        var copy = (Layer)MemberwiseClone();
        copy._backend = backend;
        return copy;
    }

    /// <summary>Goes on with the parameters of the same layer of a like model. Allocates nothing.</summary>
    internal virtual void Use(Layer other) => _parameters = other._parameters;

    private protected abstract Parameter[] CreateParameters(int inputSize);

    /// <summary>Makes a layer inside this one part of the same model. Its parameters become this layer's to name and to draw.</summary>
    private protected Parameter[] Adopt(Layer inner, int inputSize)
    {
        inner.Attach(Backend, Index, inputSize);
        return inner._parameters;
    }

    private protected static void Initialize(Layer inner, Parameter parameter, PhiloxStream random) => inner.Initialize(parameter, random);

    private void Attach(Backend backend, int index, int inputSize)
    {
        if (_backend != null)
            throw new InvalidOperationException($"layer {index}, {this}, belongs to another model already");
        _backend = backend;
        Index = index;
        _parameters = CreateParameters(inputSize);
    }

    private protected abstract void Initialize(Parameter parameter, PhiloxStream random);

    private protected static void InitializeOnes(Parameter parameter)
    {
        var values = new float[parameter.Length];
        Array.Fill(values, 1f);
        parameter.Write(values);
    }

    /// <summary>Uniform in ±bound, PyTorch's default for recurrent and linear layers.</summary>
    private protected static void InitializeUniform(Parameter parameter, PhiloxStream random, double bound)
    {
        var values = new float[parameter.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(((2.0 * random.NextDouble()) - 1.0) * bound);
        parameter.Write(values);
    }
}

/// <summary>What a layer reads: a buffer [T·B, F], or tokens (t·B + b) for an embedding.</summary>
internal readonly struct LayerInput
{
    private readonly DeviceBuffer? _values;

    public LayerInput(DeviceBuffer values) => _values = values;

    public LayerInput(ReadOnlyMemory<int> tokens) => Tokens = tokens;

    public DeviceBuffer Values => _values ?? throw new InvalidOperationException("this input holds tokens, the layer reads values");

    public ReadOnlyMemory<int> Tokens { get; }
}

/// <summary>
/// What is the same for all layers of one pass. Time counts steps since training began; dropout masks depend on it. A pass may be a step of a loop
/// by hand that has come <paramref name="Into"/> steps far: masks that hold for a whole window then hold for the loop. <paramref name="Weights"/> says how
/// a pass of inference stores them. Where it <paramref name="RepeatsOutputs"/>, a recurrent layer's output at an inactive step is that of the step before,
/// not zero.
/// </summary>
internal readonly record struct PassContext(
    StepFlags? Flags, bool Training, ulong Seed, long Time, bool RecordStepNorms, float ClipRecurrent = 0, long Into = 0,
    WeightPrecision Weights = WeightPrecision.Float32, bool RepeatsOutputs = false)
{
    /// <summary>Time of masks that all steps of a window, or of a loop, share.</summary>
    public long WindowTime => Time - Into;
}

/// <summary>
/// Everything one call of a layer over one window needs: outputs, what the backward pass reads, gradients. A layer that is called several
/// times before its backward passes – an unrolled decoder – has one workspace for each call.
/// </summary>
internal class Workspace(int steps, int batch, Keep keep)
{
    public int Steps { get; } = steps;

    public int Batch { get; } = batch;

    /// <summary>What this window keeps for a backward pass.</summary>
    public Keep Keep { get; } = keep;

    public bool Training => Keep != Keep.Nothing;

    /// <summary>[T·B, F]; valid after the forward pass.</summary>
    public DeviceBuffer Output { get; set; } = null!;

    /// <summary>[T·B, F], for whoever reads the output to write; null in inference.</summary>
    public DeviceBuffer? OutputGradient { get; set; }

    /// <summary>The window of the recurrent layer whose state is carried on from window to window; null where there is none.</summary>
    public virtual RecurrentWorkspace? Carried => null;

    /// <summary>What the layer added to the loss; valid after the backward pass.</summary>
    public virtual double Penalty => 0;

    /// <summary>
    /// A workspace for the first steps of such a window, in the same memory, so that one of the two is in use at a time; null where a layer
    /// needs one of its own.
    /// </summary>
    public virtual Workspace? Shorter(Backend backend, int steps)
    {
        if (GetType() != typeof(Workspace))
            return null;
        var shorter = new Workspace(steps, Batch, Keep);
        shorter.ShareOutput(backend, this);
        return shorter;
    }

    /// <summary>Takes over what a forward pass has left in some steps of another window of the same layer and batch.</summary>
    public virtual void CopySteps(Backend backend, Workspace source, in StepRange range)
    {
        if (GetType() != typeof(Workspace))
            throw new NotSupportedException($"{GetType().Name} cannot take over steps of another window");
        CopyOutput(backend, source, range);
    }

    /// <summary>Output and its gradient are the first steps of those of a longer window.</summary>
    private protected void ShareOutput(Backend backend, Workspace whole)
    {
        Output = backend.View(whole.Output, 0, Steps * Batch);
        OutputGradient = whole.OutputGradient == null ? null : backend.View(whole.OutputGradient, 0, Steps * Batch);
    }

    private protected void CopyOutput(Backend backend, Workspace source, in StepRange range) =>
        backend.CopyRows(source.Output, range.SourceStep * Batch, Output, range.Step * Batch, range.Count * Batch);

    /// <summary>A plain workspace with its own output.</summary>
    public static Workspace Create(Backend backend, int width, int steps, int batch, Keep keep) => new(steps, batch, keep)
    {
        Output = backend.Allocate(steps * batch, width),
        OutputGradient = keep != Keep.Nothing ? backend.Allocate(steps * batch, width) : null,
    };
}
