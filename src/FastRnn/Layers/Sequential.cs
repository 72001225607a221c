using FastRnn.Backends;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// A model: layers in order. <code>new Sequential(new Embedding(65, 64), new Lstm(64, 256), new Linear(256, 65))</code>
/// Parameters carry the names that <c>load_state_dict</c> of the same <c>torch.nn.Sequential</c> expects.
/// </summary>
public sealed partial class Sequential : IDisposable
{
    private readonly Layer[] _layers;
    private readonly Parameter[] _parameters;
    private readonly int[] _inputSizes;
    private readonly bool _ownsBackend;

    /// <summary>A model on all cores of this CPU, first weights drawn with seed 1.</summary>
    /// <exception cref="ArgumentException">Widths of neighbouring layers differ, or there is no layer.</exception>
    public Sequential(params Layer[] layers)
        : this(new CpuBackend(), 1, layers) => _ownsBackend = true;

    /// <summary>A model on a back end, which stays the caller's to dispose.</summary>
    /// <param name="backend">Where it computes.</param>
    /// <param name="seed">Of the first weights and of dropout.</param>
    /// <param name="layers">At least one.</param>
    /// <exception cref="ArgumentException">Widths of neighbouring layers differ, or there is no layer.</exception>
    public Sequential(Backend backend, ulong seed, params Layer[] layers)
        : this(backend, seed, draws: true, layers)
    {
    }

    /// <summary>The same; a model whose weights are about to be read need not draw any.</summary>
    internal Sequential(Backend backend, ulong seed, bool draws, Layer[] layers)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(layers);
        Backend = backend;
        Seed = seed;
        _layers = [.. layers];
        _inputSizes = Chain(layers);
        long before = BlockBytes.Asked;
        for (int i = 0; i < layers.Length; i++)
            layers[i].Build(backend, i, _inputSizes[i], seed, draws);
        ParameterBytes = BlockBytes.Asked - before;
        int ahead = Array.FindIndex(_layers, layer => layer.ReadsAhead);
        LayerThatReadsAhead = ahead < 0 ? null : $"layer {ahead}, {_layers[ahead]},";
        _parameters = [.. layers.SelectMany(layer => layer.ParameterArray)];
        foreach (Parameter parameter in _parameters)
            parameter.Value.Clock = Clock;
    }

    private Sequential(Sequential model, Backend backend)
    {
        (Backend, Seed, _inputSizes, _parameters, _initialState) = (backend, model.Seed, model._inputSizes, model._parameters, model.InitialState);
        _layers = [.. model._layers.Select(layer => layer.On(backend))];
    }

    /// <summary>Where the model computes.</summary>
    public Backend Backend { get; }

    /// <summary>Seed of the first weights and of dropout.</summary>
    public ulong Seed { get; }

    /// <summary>The layers in order.</summary>
    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>All parameters, layer by layer.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Trained numbers in all.</summary>
    public long ParameterCount => _parameters.Sum(p => (long)p.Length);

    /// <summary>Width of the output.</summary>
    public int OutputSize => _layers[^1].OutputSize(_inputSizes[^1]);

    /// <summary>Width of the input; for a model that reads tokens, the vocabulary.</summary>
    public int InputSize => _layers[0].InputSize;

    /// <summary>True when the first layer is an <see cref="Embedding"/>.</summary>
    public bool TakesTokens => _layers[0].TakesTokens;

    /// <summary>
    /// How whole windows in inference – predictions, evaluations – and the sessions opened from now on store the weights of recurrent layers (W, R and
    /// a projection) and of <see cref="Linear"/>; the rows of an <see cref="Embedding"/>, which are copied and not multiplied, biases and all else stay
    /// float32. Training does not read it, and no model file keeps it.
    /// </summary>
    /// <exception cref="NotSupportedException">The back end cannot store them so.</exception>
    public WeightPrecision InferenceWeights
    {
        get;
        set
        {
            CheckWeights(value);
            field = value;
        }
    }

    /// <summary>What a file has told about the model beside the weights, for the floor that reads files; null for a model made otherwise.</summary>
    internal object? Described { get; set; }

    /// <summary>Bytes of weights, their packed copies and gradients.</summary>
    internal long ParameterBytes { get; }

    internal Parameter[] ParameterArray => _parameters;

    internal Layer[] LayerArray => _layers;

    /// <summary>The first layer that reads whole sequences, by place and name for messages, or null.</summary>
    internal string? LayerThatReadsAhead { get; }

    /// <summary>Ends the threads of a back end that the model made for itself.</summary>
    public void Dispose()
    {
        if (_ownsBackend)
            Backend.Dispose();
    }

    /// <summary>Refuses a precision that the model's weights cannot have.</summary>
    /// <exception cref="NotSupportedException">The back end does not store weights so, or a layer's sums would be too long for it.</exception>
    internal void CheckWeights(WeightPrecision precision)
    {
        if (!Backend.Stores(precision))
            throw new NotSupportedException($"{Backend.Name}: no {precision.Name()} weights");
        int most = precision == WeightPrecision.Int8 ? Int8Rounding.MostTerms : int.MaxValue;
        int place = Array.FindIndex(_layers, layer => layer.Products.Any(weights => weights.LongestSum > most));
        if (place >= 0)
            throw new NotSupportedException(
                $"{precision.Name()} weights: layer {place}, {_layers[place]}, sums {_layers[place].Products.Max(weights => weights.LongestSum)} products, {most} fit in 32 bits");
    }

    /// <summary>Bytes of the copies of weights in reduced precision that there are, and of those that inference with such weights would add.</summary>
    internal long ReducedBytes(WeightPrecision precision) => BlockBytes.Plan(() =>
    {
        foreach (ProductWeights weights in _layers.SelectMany(layer => layer.Products))
            weights.PlanReduced(precision);
    });

    internal SequentialWorkspace CreateWorkspace(int steps, int batch, Keep keep) => CreateWorkspace(steps, batch, keep, _layers.Length);

    /// <summary>The layers' steps of one sample from the zero state, or null where the back end has no stage for one of them.</summary>
    internal StepPlan? CreateStepPlan(WeightPrecision weights) => Fill(Backend.CreateStepPlan(weights));

    /// <summary>The same for steps of many streams, of which there are none yet.</summary>
    internal BatchPlan? CreateBatchPlan(WeightPrecision weights) => Fill(Backend.CreateBatchPlan(weights));

    /// <summary>A plan with the layers' stages, or null where there is none, or none for one of them.</summary>
    internal TPlan? Fill<TPlan>(TPlan? plan)
        where TPlan : LayerPlan
    {
        for (int i = 0; plan != null && i < _layers.Length; i++)
            plan = _layers[i].AddStep(plan, _inputSizes[i]) ? plan : null;
        return plan;
    }

    /// <summary>A workspace for the first layers alone.</summary>
    internal SequentialWorkspace CreateWorkspace(int steps, int batch, Keep keep, int layers)
    {
        var workspaces = new Workspace[layers];
        for (int i = 0; i < workspaces.Length; i++)
            workspaces[i] = _layers[i].CreateWorkspace(_inputSizes[i], steps, batch, keep);
        return new SequentialWorkspace(workspaces);
    }

    /// <summary>Notes what passes over a new workspace take; see <see cref="Layer.Plan"/>.</summary>
    internal void Plan(ScratchPlan plan, SequentialWorkspace workspace, PlannedPass pass)
    {
        for (int i = 0; i < workspace.Layers.Length; i++)
            _layers[i].Plan(plan, workspace.Layers[i], pass with { InputGradient = pass.Training && i > 0 });
    }

    /// <summary>A zero state for every recurrent layer; other layers have null.</summary>
    internal RecurrentState?[] CreateState(int batch) => [.. _layers.Select(layer => layer.CreateState(batch))];

    /// <summary>All layers forward from <paramref name="state"/> (null: zero). Returns the output of the last.</summary>
    /// <exception cref="ArgumentException">There is a state to go on from, and a layer that reads whole sequences.</exception>
    internal DeviceBuffer Forward(SequentialWorkspace workspace, in LayerInput input, RecurrentState?[]? state, in PassContext pass)
    {
        if (state != null && LayerThatReadsAhead != null)
        {
            throw new ArgumentException(
                $"{LayerThatReadsAhead} reads whole sequences and cannot go on from the window before: start every window's streams anew, or carry no state",
                nameof(state));
        }
        if (state == null && InitialState != null)
            state = workspace.Start ??= StartState(workspace.Batch);
        if (InitialState != null && pass.Flags?.Reset.ContainsAnyExcept((byte)0) == true)
            throw new NotSupportedException("streams of a model with an initial state of its own cannot start anew within a window: a reset starts from zero");
        LayerInput current = input;
        PassContext told = pass;
        for (int i = 0; i < _layers.Length; i++)
        {
            Workspace ws = workspace.Layers[i];
            ws.Carried?.SetInitial(state?[i]);
            _layers[i].Forward(ws, current, told);
            told = _layers[i].Onward(ws, told);
            current = new LayerInput(ws.Output);
        }
        return workspace.Layers[^1].Output;
    }

    /// <summary>All layers backward, from the gradient in the last layer's workspace.</summary>
    internal void Backward(SequentialWorkspace workspace, in LayerInput input, DeviceBuffer? inputGradient, in PassContext pass) =>
        Backward(workspace, input, inputGradient, pass, _layers.Length - 1, 0);

    /// <summary>The layers from the last to the first that are named, from the gradient in the last one's workspace.</summary>
    internal void Backward(
        SequentialWorkspace workspace, in LayerInput input, DeviceBuffer? inputGradient, in PassContext pass, int last, int first)
    {
        for (int i = last; i >= first; i--)
        {
            LayerInput layerInput = i == 0 ? input : new LayerInput(workspace.Layers[i - 1].Output);
            DeviceBuffer? gradient = i == 0 ? inputGradient : workspace.Layers[i - 1].OutputGradient;
            _layers[i].Backward(workspace.Layers[i], layerInput, workspace.Layers[i].OutputGradient!, gradient, pass);
        }
    }

    private static int[] Chain(Layer[] layers)
    {
        if (layers.Length == 0)
            throw new ArgumentException("a model needs at least one layer", nameof(layers));
        if (layers[0].InputSize == 0)
            throw new ArgumentException($"{layers[0]} cannot be the first layer: it has no width of its own", nameof(layers));
        var inputSizes = new int[layers.Length];
        int width = inputSizes[0] = layers[0].InputSize;
        for (int i = 0; i < layers.Length; i++)
        {
            if (i > 0 && layers[i].TakesTokens)
                throw new ArgumentException($"layer {i}, {layers[i]}, reads tokens and must be the first", nameof(layers));
            if (layers[i].InputSize != 0 && layers[i].InputSize != width)
                throw new ArgumentException($"layer {i}, {layers[i]}, expects an input of width {layers[i].InputSize}, gets {width} from {layers[i - 1]}", nameof(layers));
            inputSizes[i] = width;
            width = layers[i].OutputSize(width);
        }
        return inputSizes;
    }
}

/// <summary>One workspace for each layer, for one shape of window.</summary>
internal sealed class SequentialWorkspace(Workspace[] layers)
{
    public Workspace[] Layers { get; } = layers;

    /// <summary>Where streams of a model with an initial state of its own begin; made by the first pass that needs it.</summary>
    public RecurrentState?[]? Start { get; set; }

    public int Steps => Layers[0].Steps;

    public int Batch => Layers[0].Batch;

    /// <summary>Where the loss writes its gradient.</summary>
    public DeviceBuffer OutputGradient => Layers[^1].OutputGradient ?? throw new InvalidOperationException("this workspace was made for inference");

    /// <summary>Workspaces for the first steps of such a window, in the same memory; null where a layer cannot share.</summary>
    public SequentialWorkspace? Shorter(Backend backend, int steps)
    {
        var shorter = new Workspace[Layers.Length];
        for (int i = 0; i < shorter.Length; i++)
        {
            if (Layers[i].Shorter(backend, steps) is not { } workspace)
                return null;
            shorter[i] = workspace;
        }
        return new SequentialWorkspace(shorter);
    }

    /// <summary>Takes over steps of another window of the same layers, of which there may be more.</summary>
    public void CopySteps(Backend backend, SequentialWorkspace source, in StepRange range)
    {
        for (int i = 0; i < Layers.Length; i++)
            Layers[i].CopySteps(backend, source.Layers[i], range);
    }

    /// <summary>What the layers added to the loss; valid after the backward pass.</summary>
    public double Penalty()
    {
        double sum = 0;
        foreach (Workspace layer in Layers)
            sum += layer.Penalty;
        return sum;
    }

    /// <summary>Where a window starts from: a stream that keeps its state here has nothing to copy before a pass.</summary>
    public RecurrentState?[] InitialState() => [.. Layers.Select(layer => layer.Carried?.Initial)];

    /// <summary>Copies every recurrent layer's final state.</summary>
    public void CopyFinal(RecurrentState?[] state)
    {
        for (int i = 0; i < Layers.Length; i++)
            Layers[i].Carried?.CopyFinal(state[i]!);
    }
}
