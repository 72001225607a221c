using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>What windows of one shape need where the model computes: the layers' workspaces, and copies of values that go in or are aimed at.</summary>
internal sealed class TrainingWindow
{
    private readonly DeviceBuffer? _input;

    public TrainingWindow(Sequential model, SequenceChunk chunk, int steps, Keep keep)
    {
        Workspace = model.CreateWorkspace(steps, chunk.Batch, keep);
        Keep = keep;
        _input = chunk.Features == 0 ? null : model.Backend.Allocate(steps * chunk.Batch, chunk.Features);
        Target = chunk.Outputs == 0 ? null : model.Backend.Allocate(steps * chunk.Batch, chunk.Outputs);
    }

    private TrainingWindow(Backend backend, TrainingWindow whole, SequentialWorkspace workspace)
    {
        int rows = workspace.Steps * workspace.Batch;
        (Workspace, Keep) = (workspace, whole.Keep);
        _input = whole._input == null ? null : backend.View(whole._input, 0, rows);
        Target = whole.Target == null ? null : backend.View(whole.Target, 0, rows);
    }

    public SequentialWorkspace Workspace { get; }

    public Keep Keep { get; }

    /// <summary>Target values [T·B, O]; null when targets are classes.</summary>
    public DeviceBuffer? Target { get; }

    /// <summary>Whether windows like this one, of any length, are loaded here.</summary>
    public bool IsFor(SequenceChunk chunk, Keep keep) =>
        Workspace.Batch == chunk.Batch && Keep == keep
        && (_input?.Columns ?? 0) == chunk.Features && (Target?.Columns ?? 0) == chunk.Outputs;

    /// <summary>A window of fewer steps in the same memory; null where a layer cannot share.</summary>
    public TrainingWindow? Shorter(Backend backend, int steps) =>
        Workspace.Shorter(backend, steps) is { } workspace ? new TrainingWindow(backend, this, workspace) : null;

    /// <summary>Copies the values of a window, and returns what the first layer reads.</summary>
    public LayerInput Load(Backend backend, SequenceChunk chunk)
    {
        if (Target != null)
            backend.Write(Target, chunk.TargetValues);
        if (_input == null)
            return new LayerInput(chunk.InputMemory);
        backend.Write(_input, chunk.InputValues);
        return new LayerInput(_input);
    }

    /// <exception cref="ArgumentException">The model or the loss cannot read windows like this one.</exception>
    public static void Check(Sequential model, Loss loss, SequenceChunk chunk)
    {
        if (model.TakesTokens ? chunk.Features != 0 : chunk.Features != model.InputSize)
        {
            string reads = model.TakesTokens ? "tokens" : $"{model.InputSize} values a step";
            string holds = chunk.Features == 0 ? "tokens" : $"{chunk.Features} values a step";
            throw new ArgumentException($"the model reads {reads}, the window holds {holds}", nameof(chunk));
        }
        if (loss.Refuses(chunk.Outputs, model.OutputSize) is { } problem)
            throw new ArgumentException(problem, nameof(chunk));
    }
}

/// <summary>
/// The training windows of all lengths. Those of one kind share the memory of the longest that has been seen, of which the others are the
/// first steps, so memory does not grow with the number of lengths; a length that is known costs nothing.
/// </summary>
internal sealed class TrainingWindows(Sequential model)
{
    private readonly List<Kind> _kinds = [];

    public TrainingWindow For(SequenceChunk chunk, Keep keep)
    {
        foreach (Kind kind in _kinds)
        {
            if (kind.Longest.IsFor(chunk, keep))
                return kind.Longest.Workspace.Steps < chunk.Steps ? Lengthen(kind, chunk) : Find(kind, chunk);
        }
        var longest = new TrainingWindow(model, chunk, chunk.Steps, keep);
        _kinds.Add(new Kind(longest));
        return longest;
    }

    /// <summary>Starts over with more memory; the windows that share the old are dropped with it. A little more, as lengths may creep up.</summary>
    private TrainingWindow Lengthen(Kind kind, SequenceChunk chunk)
    {
        int known = kind.Longest.Workspace.Steps;
        kind.Longest = new TrainingWindow(model, chunk, Math.Max(chunk.Steps, known + (known / 8)), kind.Longest.Keep);
        kind.Lengths.Clear();
        return Find(kind, chunk);
    }

    private TrainingWindow Find(Kind kind, SequenceChunk chunk)
    {
        if (kind.Longest.Workspace.Steps == chunk.Steps)
            return kind.Longest;
        if (kind.Lengths.TryGetValue(chunk.Steps, out TrainingWindow? window))
            return window;
        window = kind.Longest.Shorter(model.Backend, chunk.Steps)
            ?? new TrainingWindow(model, chunk, chunk.Steps, kind.Longest.Keep);
        kind.Lengths.Add(chunk.Steps, window);
        return window;
    }

    private sealed class Kind(TrainingWindow longest)
    {
        public TrainingWindow Longest { get; set; } = longest;

        public Dictionary<int, TrainingWindow> Lengths { get; } = [];
    }
}
