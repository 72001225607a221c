using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// A model one step at a time, forward and backward, for loops over time that are written by hand: decoders with attention, scheduled
/// sampling, beam search. A step leaves the state it starts from as it is, so several steps may start from one; what comes back from
/// them adds up there. Outputs have the bits of the whole sequence in one call; gradients are the same sums in another order.
/// <code>
/// CellState state = cell.Start();
/// for (int t = 0; t &lt; steps; t++)
///     states[t] = state = cell.Step(x[t], state);          // states[t].Output
/// for (int t = steps - 1; t &gt;= 0; t--)
///     cell.Backward(states[t], outputGradient[t], inputGradient[t]);
/// cell.Update(optimizer, clipNorm: 5);
/// </code>
/// In training a step keeps what its backward pass needs until <see cref="Backward"/>, <see cref="Release"/> or <see cref="Clear"/>;
/// otherwise only the state, until one of the latter. What was kept is used again: once as many steps have been kept as a loop needs,
/// nothing is allocated. Dropout masks depend on a state's <see cref="CellState.Time"/>, which counts steps as a <see cref="Trainer"/> counts those of
/// its windows: steps from one state have one mask, and a loop has the masks of the window that a trainer would run at that time. Masks that hold
/// for a whole window hold from <see cref="Start()"/>, or from the cut of <see cref="Start(CellState)"/>, on; penalties of activities stay in the
/// gradient, and see one step at a time.
/// One thread at a time.
/// </summary>
public sealed class Cell : IDisposable
{
    private readonly List<CellNode> _nodes = [];
    private readonly Stack<CellNode> _freeSteps = [], _freeStarts = [];
    private readonly SequentialWorkspace? _inference;
    private readonly CellNode? _inputs; // inference has one input at a time
    private readonly bool _ownsModel;
    private DeviceBuffer? _inputGradient;
    private Trainer? _trainer;
    private bool _disposed;

    /// <summary>A single layer on all cores of this CPU, first weights drawn with seed 1; the cell owns its model.</summary>
    /// <param name="layer">Belongs to no model yet.</param>
    /// <param name="batch">B, samples side by side.</param>
    /// <param name="training">False keeps nothing for a backward pass, and turns dropout off.</param>
    /// <exception cref="NotSupportedException">The layer needs later inputs for an output.</exception>
    public Cell(Layer layer, int batch, bool training = true)
        : this(new Sequential(layer), batch, training) => _ownsModel = true;

    /// <summary>A model, which stays the caller's.</summary>
    /// <param name="model">Layers that stream; gradients add up in its parameters.</param>
    /// <param name="batch">B, samples side by side.</param>
    /// <param name="training">False keeps nothing for a backward pass, and turns dropout off.</param>
    /// <exception cref="NotSupportedException">A layer needs later inputs for an output, for example <see cref="Bidirectional"/>.</exception>
    public Cell(Sequential model, int batch, bool training = true)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        if (model.LayerThatReadsAhead != null)
            throw new NotSupportedException($"{model.LayerThatReadsAhead} reads whole sequences: the model has no single step");
        if (training && model.Backend.InferenceOnly)
            throw new NotSupportedException($"{model.Backend.Name} was made for inference: its models have no gradients");
        (Model, Batch, IsTraining) = (model, batch, training);
        if (!training)
            (_inference, _inputs) = (model.CreateWorkspace(1, batch, Keep.Nothing), new CellNode(this, null));
    }

    /// <summary>The model.</summary>
    public Sequential Model { get; }

    /// <summary>Samples side by side.</summary>
    public int Batch { get; }

    /// <summary>Whether steps can be taken back.</summary>
    public bool IsTraining { get; }

    /// <summary>
    /// Time of the states that <see cref="Start()"/> makes: behind all steps made, so that every loop has dropout masks of its own. Set it to
    /// go on where an earlier run stood.
    /// </summary>
    public long Time
    {
        get;
        set => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "time is not negative");
    }

    /// <summary>A zero state. <see cref="CellState.SetHidden"/> and <see cref="CellState.SetCell"/> make it another.</summary>
    public CellState Start()
    {
        CellNode node = Take(_freeStarts, step: false);
        Model.Restart(node.Values);
        node.Time = node.LoopTime = Time;
        return new CellState(node);
    }

    /// <summary>A state of the same values from which no gradient goes back: where a long loop is cut. Its time is the other's.</summary>
    /// <exception cref="InvalidOperationException">The state is no longer there.</exception>
    public CellState Start(CellState from)
    {
        CellNode source = Own(from), node = Take(_freeStarts, step: false);
        node.CopyValues(source);
        node.Time = node.LoopTime = source.Time;
        return new CellState(node);
    }

    /// <summary>One step of a model that reads values.</summary>
    /// <param name="x">[B, input width].</param>
    /// <param name="state">Where it starts; stays as it is.</param>
    /// <returns>The state after it, with the output.</returns>
    /// <exception cref="ArgumentException">The length differs, the model reads tokens, or the state is another cell's.</exception>
    /// <exception cref="InvalidOperationException">The state is no longer there.</exception>
    public CellState Step(ReadOnlySpan<float> x, CellState state)
    {
        if (Model.TakesTokens)
            throw new ArgumentException("this model reads tokens: call Step(tokens, state)", nameof(x));
        CellNode.CheckLength(x.Length, Batch * Model.InputSize, nameof(x));
        CellNode before = Own(state), node = TakeStep();
        CellNode inputs = _inputs ?? node;
        Model.Backend.Write(inputs.InputValues!, x);
        return Run(node, inputs.Input, before);
    }

    /// <summary>One step of a model that reads tokens.</summary>
    /// <param name="tokens">[B], each in [0, vocabulary).</param>
    /// <param name="state">Where it starts; stays as it is.</param>
    /// <returns>The state after it, with the output.</returns>
    /// <exception cref="ArgumentException">The length differs, the model reads values, a token is not in the vocabulary, or the state is another cell's.</exception>
    /// <exception cref="InvalidOperationException">The state is no longer there.</exception>
    public CellState Step(ReadOnlySpan<int> tokens, CellState state)
    {
        if (!Model.TakesTokens)
            throw new ArgumentException("this model reads values: call Step(x, state)", nameof(tokens));
        CellNode.CheckLength(tokens.Length, Batch, nameof(tokens));
        foreach (int token in tokens)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(token, nameof(tokens));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, Model.InputSize, nameof(tokens));
        }
        CellNode before = Own(state), node = TakeStep();
        CellNode inputs = _inputs ?? node;
        tokens.CopyTo(inputs.Tokens);
        return Run(node, inputs.Input, before);
    }

    /// <summary>
    /// Takes the step that made a state back: adds to the parameters' gradients and to the gradient of the state before, and writes that of the
    /// input. What came back to this state from later steps is part of it, so they come first. The state is gone then.
    /// </summary>
    /// <param name="state">Made by a step.</param>
    /// <param name="outputGradient">∂L/∂output [B, output width]; empty for zero.</param>
    /// <param name="inputGradient">[B, input width], written; empty where it is not wanted.</param>
    /// <exception cref="ArgumentException">A length differs, the model reads tokens and so has no input gradient, or the state is another cell's.</exception>
    /// <exception cref="InvalidOperationException">
    /// The state is no longer there, steps from it have not been taken back or released, it is a start, or the cell does not train.
    /// </exception>
    public void Backward(CellState state, ReadOnlySpan<float> outputGradient, Span<float> inputGradient = default)
    {
        CellNode node = Own(state);
        CheckBackward(node, outputGradient.Length, inputGradient.Length);
        Backend backend = Model.Backend;
        SequentialWorkspace workspace = node.Workspace!;
        if (outputGradient.IsEmpty)
            backend.Zero(workspace.OutputGradient);
        else
            backend.Write(workspace.OutputGradient, outputGradient);
        DeviceBuffer? dX = inputGradient.IsEmpty ? null : _inputGradient ??= backend.Allocate(Batch, Model.InputSize);
        CellNode before = node.Previous!;
        Model.Backward(workspace, node.Input, dX, Pass(before));
        before.AddGradients(workspace);
        if (dX != null)
            backend.Read(dX, inputGradient);
        Free(node);
    }

    /// <summary>Lets go of a state that no backward pass will come to: a branch that was not taken, a start, a state of an inference loop.</summary>
    /// <exception cref="ArgumentException">The state is another cell's.</exception>
    /// <exception cref="InvalidOperationException">The state is no longer there, or steps from it have not been taken back or released.</exception>
    public void Release(CellState state)
    {
        CellNode node = Own(state);
        CheckNoLaterSteps(node);
        Free(node);
    }

    /// <summary>Lets go of all states.</summary>
    public void Clear()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (CellNode node in _nodes)
        {
            node.LaterSteps = 0;
            node.Previous = null;
            if (node.InUse)
                Free(node);
        }
    }

    /// <summary>Sets the gradients of all parameters to zero.</summary>
    public void ZeroGradients()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (Parameter parameter in Model.ParameterArray)
            Model.Backend.Zero(parameter.Gradient);
    }

    /// <summary>Clips the gradient as <see cref="Trainer.ClipNorm"/> does, updates the weights, and sets the gradients to zero.</summary>
    /// <param name="optimizer">The same from update to update; it belongs to this cell then.</param>
    /// <param name="clipNorm">Largest global L2 norm; 0 for any.</param>
    /// <returns>The norm before clipping.</returns>
    /// <exception cref="ArgumentException">An earlier update had another optimiser: its moments would be lost.</exception>
    /// <exception cref="NonFiniteException">A gradient is not finite; weights are untouched; <see cref="ZeroGradients"/> before the next loop.</exception>
    public double Update(Optimizer optimizer, float clipNorm = 0)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (_trainer != null && _trainer.Optimizer != optimizer)
            throw new ArgumentException("earlier updates had another optimizer: make one, and give the same every time", nameof(optimizer));
        _trainer ??= new Trainer(Model, Loss.CrossEntropy, optimizer); // its loss is never asked
        _trainer.ClipNorm = clipNorm;
        return Update(_trainer);
    }

    /// <summary>
    /// Updates the weights with all that a trainer of the same model does after its backward pass: penalties, clipping, schedule, frozen parameters, averages.
    /// Gradients are zero then, unless it accumulates windows.
    /// </summary>
    /// <returns>The norm before clipping, 0 where the update is not due.</returns>
    /// <exception cref="ArgumentException">The trainer trains another model.</exception>
    /// <exception cref="NonFiniteException">A gradient is not finite; weights are untouched; <see cref="ZeroGradients"/> before the next loop.</exception>
    public double Update(Trainer trainer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(trainer);
        return trainer.Model == Model
            ? trainer.UpdateByHand()
            : throw new ArgumentException("this trainer trains another model", nameof(trainer));
    }

    /// <summary>All states are gone; a model that the cell made for itself ends.</summary>
    public void Dispose()
    {
        _disposed = true;
        if (_ownsModel)
            Model.Dispose();
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private CellState Run(CellNode node, in LayerInput input, CellNode before)
    {
        SequentialWorkspace workspace = node.Workspace ?? _inference!;
        DeviceBuffer output = Model.Forward(workspace, input, before.Values, Pass(before));
        Model.Backend.Read(output, node.Output);
        if (!IsTraining)
            workspace.CopyFinal(node.Values);
        else
        {
            node.Previous = before;
            before.LaterSteps++;
        }
        (node.Time, node.LoopTime) = (before.Time + 1, before.LoopTime);
        Time = Math.Max(Time, node.Time);
        return new CellState(node);
    }

    private PassContext Pass(CellNode before) => new(null, IsTraining, Model.Seed, before.Time, false, Into: before.Time - before.LoopTime);

    private CellNode TakeStep() => Take(_freeSteps, step: true);

    private CellNode Take(Stack<CellNode> free, bool step)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!free.TryPop(out CellNode? node))
        {
            node = new CellNode(this, step && IsTraining ? Model.CreateWorkspace(1, Batch, Keep.Everything) : null, step);
            _nodes.Add(node);
        }
        node.Begin();
        return node;
    }

    private void Free(CellNode node)
    {
        if (node.Previous != null)
            node.Previous.LaterSteps--;
        node.End();
        (node.IsStep ? _freeSteps : _freeStarts).Push(node);
    }

    private CellNode Own(CellState state)
    {
        CellNode node = state.Node();
        return node.Owner == this ? node : throw new ArgumentException("this state belongs to another cell", nameof(state));
    }

    private void CheckBackward(CellNode node, int outputGradient, int inputGradient)
    {
        if (!IsTraining)
            throw new InvalidOperationException("this cell was made for inference: its steps keep nothing to go back by");
        if (!node.IsStep)
            throw new InvalidOperationException("this state is a start: no step made it that could be taken back");
        CheckNoLaterSteps(node);
        if (outputGradient != 0)
            CellNode.CheckLength(outputGradient, node.Output.Length, nameof(outputGradient));
        if (inputGradient == 0)
            return;
        if (Model.TakesTokens)
            throw new ArgumentException("tokens have no gradient", nameof(inputGradient));
        CellNode.CheckLength(inputGradient, Batch * Model.InputSize, nameof(inputGradient));
    }

    private static void CheckNoLaterSteps(CellNode node)
    {
        if (node.LaterSteps > 0)
        {
            throw new InvalidOperationException(
                $"{node.LaterSteps} step{(node.LaterSteps == 1 ? "" : "s")} from this state must be taken back or released before it");
        }
    }
}
