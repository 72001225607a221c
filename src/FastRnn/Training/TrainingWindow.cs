using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>What windows of one shape need where the model computes: the layers' workspaces, and copies of values that go in or are aimed at.</summary>
internal sealed class TrainingWindow
{
    private readonly DeviceBuffer? _input;

    public TrainingWindow(Sequential model, SequenceChunk chunk, Keep keep)
    {
        Workspace = model.CreateWorkspace(chunk.Steps, chunk.Batch, keep);
        _input = chunk.Features == 0 ? null : model.Backend.Allocate(chunk.Steps * chunk.Batch, chunk.Features);
        Target = chunk.Outputs == 0 ? null : model.Backend.Allocate(chunk.Steps * chunk.Batch, chunk.Outputs);
    }

    public SequentialWorkspace Workspace { get; }

    /// <summary>Target values [T·B, O]; null when targets are classes.</summary>
    public DeviceBuffer? Target { get; }

    /// <summary>Whether windows like this one are loaded here.</summary>
    public bool Fits(SequenceChunk chunk, Keep keep) =>
        Workspace.Steps == chunk.Steps && Workspace.Batch == chunk.Batch && Workspace.Layers[0].Keep == keep
        && (_input?.Columns ?? 0) == chunk.Features && (Target?.Columns ?? 0) == chunk.Outputs;

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
