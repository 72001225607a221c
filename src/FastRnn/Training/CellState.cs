using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// The state between two steps of a <see cref="Cell"/>, and the output of the step that made it. Recurrent layers are counted from 0. Every
/// member throws an <see cref="InvalidOperationException"/> once the state was taken back or released, and an
/// <see cref="ObjectDisposedException"/> once the cell is disposed.
/// </summary>
public readonly struct CellState : IEquatable<CellState>
{
    private readonly CellNode? _node;
    private readonly int _version;

    internal CellState(CellNode node) => (_node, _version) = (node, node.Version);

    /// <summary>[B, output width]; empty for a start. Valid until the state is taken back or released.</summary>
    public ReadOnlySpan<float> Output
    {
        get
        {
            CellNode node = Node();
            return node.IsStep ? node.Output : [];
        }
    }

    /// <summary>Steps before this state, which dropout masks of steps from it depend on.</summary>
    public long Time => Node().Time;

    /// <summary>Recurrent layers.</summary>
    public int Layers => Node().States.Length;

    /// <summary>Copies h of a layer.</summary>
    /// <param name="layer">Recurrent layer, from 0.</param>
    /// <param name="values">h [B, hidden], of a projected state [B, projection]; c [B, hidden]. Written.</param>
    /// <exception cref="ArgumentException">There is no such layer, or the length differs.</exception>
    public void CopyHidden(int layer, Span<float> values) => Node().Read(Node().States, layer, cell: false, values);

    /// <summary>Copies c of a layer.</summary>
    /// <inheritdoc cref="CopyHidden"/>
    public void CopyCell(int layer, Span<float> values) => Node().Read(Node().States, layer, cell: true, values);

    /// <summary>Sets h of a layer in a start from which no step has been made.</summary>
    /// <param name="layer">Recurrent layer, from 0.</param>
    /// <param name="values">[B, hidden].</param>
    /// <exception cref="ArgumentException">There is no such layer, or the length differs.</exception>
    /// <exception cref="InvalidOperationException">A step made this state, or has been made from it.</exception>
    public void SetHidden(int layer, ReadOnlySpan<float> values) => Node().Write(layer, cell: false, values);

    /// <summary>Sets c of a layer in a start from which no step has been made.</summary>
    /// <inheritdoc cref="SetHidden"/>
    public void SetCell(int layer, ReadOnlySpan<float> values) => Node().Write(layer, cell: true, values);

    /// <summary>Adds to ∂L/∂h of a layer what comes from uses of h other than further steps, for example attention.</summary>
    /// <param name="layer">Recurrent layer, from 0.</param>
    /// <param name="gradient">[B, hidden].</param>
    /// <exception cref="ArgumentException">There is no such layer, or the length differs.</exception>
    /// <exception cref="InvalidOperationException">The cell does not train.</exception>
    public void AddHiddenGradient(int layer, ReadOnlySpan<float> gradient) => Node().AddGradient(layer, cell: false, gradient);

    /// <summary>Adds to ∂L/∂c of a layer.</summary>
    /// <inheritdoc cref="AddHiddenGradient"/>
    public void AddCellGradient(int layer, ReadOnlySpan<float> gradient) => Node().AddGradient(layer, cell: true, gradient);

    /// <summary>Copies ∂L/∂h of a layer: all that has come back so far. For a start it is what an encoder that made it wants.</summary>
    /// <param name="layer">Recurrent layer, from 0.</param>
    /// <param name="values">[B, hidden], written.</param>
    /// <exception cref="ArgumentException">There is no such layer, or the length differs.</exception>
    /// <exception cref="InvalidOperationException">The cell does not train.</exception>
    public void CopyHiddenGradient(int layer, Span<float> values) => Node().Read(Node().StateGradients, layer, cell: false, values);

    /// <summary>Copies ∂L/∂c of a layer.</summary>
    /// <inheritdoc cref="CopyHiddenGradient"/>
    public void CopyCellGradient(int layer, Span<float> values) => Node().Read(Node().StateGradients, layer, cell: true, values);

    /// <inheritdoc/>
    public bool Equals(CellState other) => _node == other._node && _version == other._version;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is CellState other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_node, _version);

    /// <summary>The same state.</summary>
    public static bool operator ==(CellState left, CellState right) => left.Equals(right);

    /// <summary>Not the same state.</summary>
    public static bool operator !=(CellState left, CellState right) => !left.Equals(right);

    internal CellNode Node()
    {
        if (_node == null)
            throw new InvalidOperationException($"this is no state: {nameof(Cell)}.{nameof(Cell.Start)} makes the first");
        _node.Owner.ThrowIfDisposed();
        return _node.Version == _version
            ? _node
            : throw new InvalidOperationException("this state was taken back or released");
    }
}

/// <summary>What a state stands for, used again by later ones; the version tells them apart.</summary>
internal sealed class CellNode
{
    private readonly RecurrentState[] _gradients;
    private readonly RecurrentState?[] _gradientsByLayer;
    private readonly Backend _backend;
    private DeviceBuffer?[] _scratch = [];

    public CellNode(Cell owner, SequentialWorkspace? workspace, bool isStep = true)
    {
        Sequential model = owner.Model;
        _backend = model.Backend;
        (Owner, Workspace, IsStep) = (owner, workspace, isStep);
        Values = workspace == null ? model.CreateState(owner.Batch) : [.. workspace.Layers.Select(layer => layer.Carried?.Final)];
        States = [.. Values.OfType<RecurrentState>()];
        _gradientsByLayer = owner.IsTraining ? model.CreateState(owner.Batch) : [];
        _gradients = [.. _gradientsByLayer.OfType<RecurrentState>()];
        Output = new float[isStep ? owner.Batch * model.OutputSize : 0];
        if (isStep && model.TakesTokens)
            Tokens = new int[owner.Batch];
        else if (isStep)
            InputValues = _backend.Allocate(owner.Batch, model.InputSize);
        for (int i = 0; workspace != null && i < Values.Length; i++)
        {
            if (workspace.Layers[i].Carried is { } carried)
                carried.FinalGradient = _gradientsByLayer[i];
        }
    }

    public Cell Owner { get; }

    /// <summary>What the backward pass needs; null for a start, and in inference.</summary>
    public SequentialWorkspace? Workspace { get; }

    public bool IsStep { get; }

    /// <summary>h and c by layer of the model, null for layers without.</summary>
    public RecurrentState?[] Values { get; }

    /// <summary>h and c by recurrent layer.</summary>
    public RecurrentState[] States { get; }

    public RecurrentState[] StateGradients =>
        Owner.IsTraining ? _gradients : throw new InvalidOperationException("this cell was made for inference: its states have no gradients");

    public float[] Output { get; }

    public int[]? Tokens { get; }

    public DeviceBuffer? InputValues { get; }

    public LayerInput Input => InputValues == null ? new LayerInput(Tokens) : new LayerInput(InputValues);

    public long Time { get; set; }

    /// <summary>Time of the start of the loop: of masks that hold for all its steps.</summary>
    public long LoopTime { get; set; }

    public CellNode? Previous { get; set; }

    /// <summary>Steps from this state that have not been taken back or released.</summary>
    public int LaterSteps { get; set; }

    public int Version { get; private set; }

    public bool InUse { get; private set; }

    public void Begin()
    {
        InUse = true;
        foreach (RecurrentState gradient in _gradients)
            RecurrentWorkspace.Zero(_backend, gradient);
    }

    public void End()
    {
        InUse = false;
        Previous = null;
        Version++;
    }

    public void CopyValues(CellNode source)
    {
        for (int i = 0; i < States.Length; i++)
        {
            _backend.Copy(source.States[i].Hidden, States[i].Hidden);
            if (States[i].Cell != null)
                _backend.Copy(source.States[i].Cell!, States[i].Cell!);
        }
    }

    /// <summary>What a step from this state has brought back to it.</summary>
    public void AddGradients(SequentialWorkspace later)
    {
        for (int i = 0; i < _gradientsByLayer.Length; i++)
        {
            if (_gradientsByLayer[i] is not { } gradient)
                continue;
            RecurrentState initial = later.Layers[i].Carried!.InitialGradient!;
            _backend.Accumulate(initial.Hidden, gradient.Hidden);
            if (gradient.Cell != null)
                _backend.Accumulate(initial.Cell!, gradient.Cell);
        }
    }

    public void Read(RecurrentState[] states, int layer, bool cell, Span<float> values)
    {
        DeviceBuffer buffer = Buffer(states, layer, cell);
        CheckLength(values.Length, buffer.Length, nameof(values));
        _backend.Read(buffer, values);
    }

    public void Write(int layer, bool cell, ReadOnlySpan<float> values)
    {
        if (IsStep || LaterSteps > 0)
            throw new InvalidOperationException("only a start from which no step has been made can be set");
        DeviceBuffer buffer = Buffer(States, layer, cell);
        CheckLength(values.Length, buffer.Length, nameof(values));
        _backend.Write(buffer, values);
    }

    public void AddGradient(int layer, bool cell, ReadOnlySpan<float> gradient)
    {
        DeviceBuffer buffer = Buffer(StateGradients, layer, cell);
        CheckLength(gradient.Length, buffer.Length, nameof(gradient));
        if (_scratch.Length == 0)
            _scratch = new DeviceBuffer?[2 * States.Length]; // h and c of a projected state differ in width
        DeviceBuffer scratch = _scratch[(2 * layer) + (cell ? 1 : 0)] ??= _backend.Allocate(buffer.Rows, buffer.Columns);
        _backend.Write(scratch, gradient);
        _backend.Accumulate(scratch, buffer);
    }

    public static void CheckLength(int actual, int expected, string name)
    {
        if (actual != expected)
            throw new ArgumentException($"expected {expected} values, got {actual}", name);
    }

    private static DeviceBuffer Buffer(RecurrentState[] states, int layer, bool cell)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, states.Length);
        return cell
            ? states[layer].Cell ?? throw new ArgumentException($"recurrent layer {layer} has no c", nameof(layer))
            : states[layer].Hidden;
    }
}
