namespace FastRnn.Graphs;

/// <summary>An input of a graph that takes, in every step but the first, what an output has given in the step before.</summary>
/// <param name="Input">Where the state goes in.</param>
/// <param name="Output">Where it comes out.</param>
public sealed record GraphState(GraphValue Input, GraphValue Output);

/// <summary>
/// A stream through a <see cref="GraphModel"/>: it keeps the graph's states from step to step, zero at first. Steps of one shape allocate nothing once the first
/// has run, unless a recurrent node takes its weights from an input or from another node. Sessions are independent of each other, but they share the model's back end: calls of all of them come from one thread at a time.
/// </summary>
public sealed class GraphSession
{
    private readonly GraphModel _model;
    private readonly GraphExecution _execution;
    private readonly List<(int Input, int Output)> _pairs;
    private readonly int[] _inputs, _outputs;
    private readonly GraphTensor[] _given, _results;
    private readonly GraphTensor _single;
    private int[] _singleShape = [];

    /// <summary>Results that were given back, and those of the step before, which results may be views of.</summary>
    private GraphTensor[] _copies, _copiesBefore;

    /// <summary>What the step takes, and where the next one's are put together: an output may be a view of a state, or the state itself.</summary>
    private GraphTensor[] _states, _spares;
    private bool _isFresh = true;

    internal GraphSession(GraphModel model, List<(int Input, int Output)> pairs)
    {
        (_model, _pairs, _execution) = (model, pairs, model.NewExecution());
        _inputs = [.. Enumerable.Range(0, model.Inputs.Count).Where(i => pairs.All(pair => pair.Input != i))];
        _outputs = [.. Enumerable.Range(0, model.Outputs.Count).Where(i => pairs.All(pair => pair.Output != i))];
        _states = [.. pairs.Select(pair => new GraphTensor(model.Inputs[pair.Input].Type, 0))];
        _spares = [.. _states.Select(state => new GraphTensor(state.Type, 0))];
        (_given, _results) = (new GraphTensor[_inputs.Length], new GraphTensor[_outputs.Length]);
        _copies = [.. _inputs.Select(i => new GraphTensor(model.Inputs[i].Type, 0))];
        _copiesBefore = [.. _copies.Select(copy => new GraphTensor(copy.Type, 0))];
        _single = new GraphTensor(ElementType.Float32, 0);
        States = [.. pairs.Select(pair => new GraphState(model.Inputs[pair.Input], model.Outputs[pair.Output]))];
        Inputs = [.. _inputs.Select(i => model.Inputs[i])];
        Outputs = [.. _outputs.Select(i => model.Outputs[i])];
    }

    /// <summary>What is carried from step to step.</summary>
    public IReadOnlyList<GraphState> States { get; }

    /// <summary>What a step takes: the model's inputs that are no states.</summary>
    public IReadOnlyList<GraphValue> Inputs { get; }

    /// <summary>What a step gives: the model's outputs that are no states.</summary>
    public IReadOnlyList<GraphValue> Outputs { get; }

    /// <summary>Sets all states to zero.</summary>
    public void Reset() => _isFresh = true;

    /// <summary>Runs a step and keeps the states.</summary>
    /// <param name="inputs">One for each of <see cref="Inputs"/>; results of the step before may be among them.</param>
    /// <returns>One for each of <see cref="Outputs"/>; the next step overwrites them.</returns>
    /// <exception cref="ArgumentException">Number, type or shape of the inputs is another than the model's.</exception>
    /// <exception cref="GraphException">A node cannot compute these shapes. The states are as before.</exception>
    /// <exception cref="ObjectDisposedException">The model has been ended.</exception>
    public IReadOnlyList<GraphTensor> Step(params ReadOnlySpan<GraphTensor> inputs)
    {
        if (inputs.Length != _inputs.Length)
            throw new ArgumentException($"{inputs.Length} inputs are given, a step takes {_inputs.Length}", nameof(inputs));
        (_copies, _copiesBefore) = (_copiesBefore, _copies);
        for (int i = 0; i < _inputs.Length; i++)
            _given[i] = IsResult(inputs[i]) ? Copy(inputs[i], _copies[i], Inputs[i]) : inputs[i];
        Run();
        KeepStates();
        for (int i = 0; i < _outputs.Length; i++)
            _results[i] = _execution.Output(_outputs[i]);
        return _results;
    }

    /// <summary>Runs a step of a model with one float32 input and one float32 output beside its states.</summary>
    /// <param name="input">Values of the input; of its open sizes one at most is then other than 1.</param>
    /// <param name="output">Receives the values of the output, as many as there are.</param>
    /// <exception cref="InvalidOperationException">The model has more than one input or output beside its states.</exception>
    /// <exception cref="ArgumentException">The number of values fits no shape. The states are as before.</exception>
    /// <exception cref="GraphException">A node cannot compute these shapes. The states are as before.</exception>
    /// <exception cref="ObjectDisposedException">The model has been ended.</exception>
    public void Step(ReadOnlySpan<float> input, Span<float> output)
    {
        if (_inputs.Length != 1 || _outputs.Length != 1)
            throw new InvalidOperationException($"a step takes {_inputs.Length} tensors and gives {_outputs.Length}, so a span for each does not do");
        if (_singleShape.Length == 0 || ShapeMath.Length(_singleShape) != input.Length)
            _singleShape = ShapeOf(input.Length);
        _single.Resize(ElementType.Float32, _singleShape);
        input.CopyTo(_single.Values<float>());
        _given[0] = _single;
        Run();
        Span<float> result = _execution.Output(_outputs[0]).Values<float>();
        if (result.Length != output.Length)
            throw new ArgumentException($"the output has {result.Length} values, the span {output.Length}", nameof(output));
        result.CopyTo(output);
        KeepStates();
    }

    private void Run()
    {
        ObjectDisposedException.ThrowIf(_model.IsDisposed, _model);
        for (int i = 0; i < _inputs.Length; i++)
        {
            _model.CheckInput(_inputs[i], _given[i]);
            _execution.SetInput(_inputs[i], _given[i]);
        }
        for (int s = 0; s < _states.Length; s++)
        {
            if (_isFresh)
                Clear(_states[s], _spares[s], States[s].Input);
            _execution.SetInput(_pairs[s].Input, _states[s]);
        }
        _execution.Run();
    }

    /// <summary>All are copied before one is exchanged: an output may be what another state was.</summary>
    private void KeepStates()
    {
        for (int s = 0; s < _spares.Length; s++)
        {
            GraphTensor next = _execution.Output(_pairs[s].Output);
            Copy(next, _spares[s], States[s].Output);
        }
        (_states, _spares) = (_spares, _states);
        _isFresh = false;
    }

    /// <summary>What a step writes to.</summary>
    private bool IsResult(GraphTensor tensor)
    {
        foreach (GraphTensor? result in _results)
        {
            if (tensor != null && result?.Shares(tensor) == true)
                return true;
        }
        return false;
    }

    private GraphTensor Copy(GraphTensor from, GraphTensor to, GraphValue value)
    {
        Resize(to, from.Type, from.Dimensions, value);
        from.Bytes.CopyTo(to.Bytes);
        return to;
    }

    private void Resize(GraphTensor kept, ElementType type, int[] shape, GraphValue value)
    {
        if (!_execution.Memory.TryResize(kept, type, shape))
            throw new GraphException($"{SafeText.Quote(value.Name)} {_execution.Memory.Problem(type, shape)}", -1);
    }

    /// <summary>Zeros; an open size is that of an input's size with the same name, or 1.</summary>
    private void Clear(GraphTensor state, GraphTensor spare, GraphValue value)
    {
        int[] shape = value.Sizes ?? throw new InvalidOperationException($"state {SafeText.Quote(value.Name)} is of any shape, so it has no zeros");
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] < 0)
                shape[axis] = SizeOf(value.Shape![axis].Symbol) ?? 1;
        }
        Resize(state, value.Type, shape, value);
        Resize(spare, value.Type, shape, value); // nothing is written before both are known to fit
        state.Bytes.Clear();
    }

    private int? SizeOf(string? symbol)
    {
        for (int i = 0; symbol != null && i < _inputs.Length; i++)
        {
            IReadOnlyList<GraphDimension>? shape = Inputs[i].Shape;
            for (int axis = 0; shape != null && axis < shape.Count; axis++)
            {
                if (shape[axis].Symbol == symbol)
                    return _given[i].Shape[axis];
            }
        }
        return null;
    }

    private int[] ShapeOf(int length)
    {
        int[] shape = Inputs[0].Sizes ?? throw new InvalidOperationException("the input is of any shape: a step takes a tensor");
        long known = 1;
        foreach (int size in shape)
            known *= Math.Max(1, size);
        int open = shape.Count(size => size < 0);
        if (length % known != 0 || (length != known && open != 1))
            throw new ArgumentException($"{length} values do not fill {Inputs[0].ShapeText}", nameof(length));
        return [.. shape.Select(size => size < 0 ? (int)(length / known) : size)];
    }
}
