using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>How far gradients go back: truncated back-propagation through time with k2 above k1.</summary>
public sealed partial class Trainer
{
    private PastWindows? _past;

    /// <summary>
    /// Steps k2 that a window's gradient goes back through, its own k1 first and then those of the windows before it (Williams, Peng 1990):
    /// the loss is that of the window alone, but it reaches weights at work up to k2 steps before its end. What lies behind the window is taken
    /// as it was computed, with the weights of its time, while products with weights use those of now. 0, or fewer steps than a window has: the window alone.
    /// Not together with <see cref="Recompute"/>, nor with layers that draw one mask, or add a penalty, for a window.
    /// <see cref="SequenceChunk.StartsStreams"/>, <see cref="ResetState"/> and <see cref="ForgetPast"/> end the way back. Costs the memory of some 2·k2 + k1 steps, and k2/k1 times the backward work of the recurrent layers.
    /// </summary>
    public int BackwardSteps
    {
        get;
        set => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "steps are not negative");
    }

    /// <summary>Steps behind the next window that its gradient can go back through.</summary>
    internal int PastSteps => Math.Min(_past?.Steps ?? 0, BackwardSteps - 1);

    /// <summary>
    /// Ends the gradient's way back here, while the state is carried on. A checkpoint holds the state but not the way back, so this comes
    /// before one that is taken between two windows of running streams.
    /// </summary>
    public void ForgetPast() => _past?.Clear();

    /// <summary>From the gradient of the loss to those of the parameters. Returns the workspace that the recurrent layers' gradients went through.</summary>
    private SequentialWorkspace Backward(
        SequentialWorkspace workspace, SequenceChunk chunk, in LayerInput input, in PassContext pass, out PastWindows? past)
    {
        past = PastOf(chunk);
        past?.Keep(workspace, chunk, input); // the backward pass overwrites what later ones need
        if (past == null || past.Steps == 0 || chunk.Steps >= past.Limit || !GoesOn(chunk))
        {
            _model.Backward(workspace, input, null, pass);
            return workspace;
        }
        _model.Backward(workspace, input, null, pass, workspace.Layers.Length - 1, past.LastLayer + 1);
        LongWindow window = past.Join(workspace, chunk, input);
        int earlier = window.Workspace.Steps - chunk.Steps;
        PassContext whole = pass with { Flags = window.Inputs.Flags, Time = pass.Time - earlier };
        _model.Backward(window.Workspace, window.Inputs.Input, null, whole, past.LastLayer, 0);
        return window.Workspace;
    }

    private int LastCarrier => Array.FindLastIndex(_model.LayerArray, layer => layer.CarriesState);

    private bool GoesOn(SequenceChunk chunk) => CarryState && !chunk.StartsStreams;

    /// <summary>The step is made. Behind a window that hands no state on, the next has nothing that it goes on from.</summary>
    private void CommitPast(PastWindows? past, SequenceChunk chunk)
    {
        _past = past;
        if (CarryState)
            past?.Commit(starts: !GoesOn(chunk));
        else
            past?.Clear();
    }

    /// <summary>
    /// The windows behind this one; null where gradients stop at its first step. What the trainer holds is not changed yet: the step may fail.
    /// </summary>
    private PastWindows? PastOf(SequenceChunk chunk)
    {
        int last = LastCarrier;
        if (BackwardSteps == 0 || last < 0)
            return null;
        if (Array.Find(_model.LayerArray, layer => layer.IsBoundToWindow) is { } bound)
            throw new InvalidOperationException($"{bound} draws a mask or adds a penalty for each window: no gradient goes back through several with BackwardSteps");
        if (_model.LayerThatReadsAhead != null)
        {
            return BackwardSteps <= chunk.Steps
                ? null
                : throw new InvalidOperationException(
                    $"{_model.LayerThatReadsAhead} reads whole sequences: no gradient goes back {BackwardSteps} steps, behind a window of {chunk.Steps}");
        }
        if (Recompute)
            throw new InvalidOperationException("gradients go back through activations as they were computed: with BackwardSteps there is no Recompute");
        bool fits = _past != null && _past.Limit == BackwardSteps && _past.Batch == chunk.Batch;
        PastWindows past = fits ? _past! : new PastWindows(_model, last + 1, BackwardSteps, chunk.Batch);
        past.Begin();
        return past;
    }
}
