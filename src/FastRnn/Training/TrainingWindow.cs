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

    /// <summary>Whose windows; once one has had flags, with flags.</summary>
    public WindowShape Shape { get; set; }

    public Keep Keep { get; }

    public SequentialWorkspace Workspace { get; }

    /// <summary>Target values [T·B, O]; null when targets are classes.</summary>
    public DeviceBuffer? Target { get; }

    /// <summary>Whether windows like this one are loaded here.</summary>
    public bool Fits(WindowShape shape, Keep keep) => Keep == keep && Shape with { Masked = shape.Masked } == shape;

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

/// <summary>What decides the memory of a window.</summary>
/// <param name="Steps">T</param>
/// <param name="Batch">B</param>
/// <param name="Features">Values of a step; 0 for a token.</param>
/// <param name="Outputs">Target values of a step; 0 for a class.</param>
/// <param name="Masked">There are flags.</param>
internal readonly record struct WindowShape(int Steps, int Batch, int Features, int Outputs, bool Masked)
{
    public static WindowShape Of(SequenceChunk chunk) => new(chunk.Steps, chunk.Batch, chunk.Features, chunk.Outputs, chunk.Flags != null);
}
