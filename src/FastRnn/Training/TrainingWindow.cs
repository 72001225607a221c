using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>What windows of one shape need where the model computes: the layers' workspaces, and copies of values that go in or are aimed at.</summary>
internal sealed class TrainingWindow
{
    private readonly DeviceBuffer? _input;

    public TrainingWindow(Sequential model, WindowShape shape, Keep keep)
    {
        (Shape, Keep) = (shape, keep);
        Workspace = model.CreateWorkspace(shape.Steps, shape.Batch, keep);
        _input = shape.Features == 0 ? null : model.Backend.Allocate(shape.Steps * shape.Batch, shape.Features);
        Target = shape.Outputs == 0 ? null : model.Backend.Allocate(shape.Steps * shape.Batch, shape.Outputs);
    }

    private TrainingWindow(Backend backend, TrainingWindow whole, SequentialWorkspace workspace)
    {
        int rows = workspace.Steps * workspace.Batch;
        (Workspace, Shape, Keep) = (workspace, whole.Shape with { Steps = workspace.Steps }, whole.Keep);
        _input = whole._input == null ? null : backend.View(whole._input, 0, rows);
        Target = whole.Target == null ? null : backend.View(whole.Target, 0, rows);
    }

    /// <summary>Whose windows; once one has had flags, with flags.</summary>
    public WindowShape Shape { get; set; }

    public Keep Keep { get; }

    public SequentialWorkspace Workspace { get; }

    /// <summary>Target values [T·B, O]; null when targets are classes.</summary>
    public DeviceBuffer? Target { get; }

    /// <summary>Whether windows like this one, of any length, are loaded here.</summary>
    public bool IsFor(WindowShape shape, Keep keep) => Keep == keep && Shape.Kind == shape.Kind;

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
        CheckInput(model, chunk);
        if (loss.Refuses(chunk.Outputs, model.OutputSize) is { } problem)
            throw new ArgumentException(problem, nameof(chunk));
    }

    /// <exception cref="ArgumentException">The model cannot read windows like this one.</exception>
    public static void CheckInput(Sequential model, SequenceChunk chunk)
    {
        if (model.TakesTokens ? chunk.Features != 0 : chunk.Features != model.InputSize)
        {
            string reads = model.TakesTokens ? "tokens" : $"{model.InputSize} values a step";
            string holds = chunk.Features == 0 ? "tokens" : $"{chunk.Features} values a step";
            throw new ArgumentException($"the model reads {reads}, the window holds {holds}", nameof(chunk));
        }
    }
}

/// <summary>
/// The training windows of all lengths. Those of one kind share the memory of the longest that has been seen, of which the others are the
/// first steps, so memory does not grow with the number of lengths; a length that is known costs nothing.
/// </summary>
internal sealed class TrainingWindows(Trainer trainer)
{
    private readonly List<Kind> _kinds = [];

    public TrainingWindow For(SequenceChunk chunk, Keep keep)
    {
        var shape = WindowShape.Of(chunk);
        Kind? kind = null;
        foreach (Kind known in _kinds)
        {
            if (known.Longest.IsFor(shape, keep))
                kind = known;
        }
        if (kind == null)
        {
            Check(null, shape, keep);
            _kinds.Add(kind = new Kind(new TrainingWindow(trainer.Model, shape, keep)));
        }
        else if (kind.Longest.Shape.Steps < shape.Steps)
        {
            Lengthen(kind, shape);
        }
        else if (shape.Masked && !kind.Longest.Shape.Masked)
        {
            WindowShape masked = kind.Longest.Shape with { Masked = true };
            Check(kind, masked, keep);
            kind.Longest.Shape = masked;
        }
        return Find(kind, shape);
    }

    /// <summary>
    /// Starts over with more memory; the windows that share the old are dropped with it. A little more than needed, as lengths may creep up,
    /// unless memory is counted.
    /// </summary>
    private void Lengthen(Kind kind, WindowShape shape)
    {
        WindowShape known = kind.Longest.Shape;
        int spare = trainer.MemoryLimit > 0 ? 0 : known.Steps / 8;
        WindowShape longer = shape with { Steps = Math.Max(shape.Steps, known.Steps + spare), Masked = shape.Masked || known.Masked };
        Check(kind, longer, kind.Longest.Keep);
        kind.Longest = new TrainingWindow(trainer.Model, longer, kind.Longest.Keep);
        kind.Shortest = Math.Min(kind.Shortest, shape.Steps);
        kind.Lengths.Clear();
    }

    private TrainingWindow Find(Kind kind, WindowShape shape)
    {
        if (kind.Longest.Shape.Steps == shape.Steps)
            return kind.Longest;
        if (kind.Lengths.TryGetValue(shape.Steps, out TrainingWindow? window))
            return window;
        if (trainer.BackwardSteps > 0 && shape.Steps < kind.Shortest)
            Check(null, shape, kind.Longest.Keep); // the shorter windows are, the more of them are kept
        window = kind.Longest.Shorter(trainer.Model.Backend, shape.Steps) ?? new TrainingWindow(trainer.Model, shape, kind.Longest.Keep);
        kind.Lengths.Add(shape.Steps, window);
        kind.Shortest = Math.Min(kind.Shortest, shape.Steps);
        return window;
    }

    /// <summary>Would all windows that there are, with what their trainer is about to add, stay within the limit?</summary>
    public void CheckKnown() => trainer.CheckMemory([.. _kinds.SelectMany(kind => kind.Known(replaced: false))]);

    private void Check(Kind? replaced, WindowShape shape, Keep keep) =>
        trainer.CheckMemory([(shape, keep), .. _kinds.SelectMany(kind => kind.Known(replaced: kind == replaced))]);

    private sealed class Kind(TrainingWindow longest)
    {
        public TrainingWindow Longest { get; set; } = longest;

        public Dictionary<int, TrainingWindow> Lengths { get; } = [];

        /// <summary>Steps of the shortest window seen.</summary>
        public int Shortest { get; set; } = longest.Shape.Steps;

        /// <summary>What decides the memory of the kind, without the longest window where that is replaced.</summary>
        public IEnumerable<(WindowShape Shape, Keep Keep)> Known(bool replaced)
        {
            if (!replaced)
                yield return (Longest.Shape, Longest.Keep);
            if (Shortest < Longest.Shape.Steps)
                yield return (Longest.Shape with { Steps = Shortest }, Longest.Keep);
        }
    }
}

/// <summary>What decides the memory of a window.</summary>
/// <param name="Steps">T</param>
/// <param name="Batch">B</param>
/// <param name="Features">Values of a step; 0 for a token.</param>
/// <param name="Outputs">Target values of a step; 0 for a class.</param>
/// <param name="Masked">There are flags.</param>
internal readonly record struct WindowShape(int Steps, int Batch, int Features, int Outputs, bool Masked)
{
    /// <summary>What windows of any length have in common that are loaded in one place.</summary>
    public WindowShape Kind => this with { Steps = 0, Masked = false };

    public static WindowShape Of(SequenceChunk chunk) => new(chunk.Steps, chunk.Batch, chunk.Features, chunk.Outputs, chunk.Flags != null);
}
