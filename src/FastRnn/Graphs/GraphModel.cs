using FastRnn.Backends;

namespace FastRnn.Graphs;

/// <summary>
/// A model that is a graph of operators, as ONNX files hold it: it runs by <see cref="Run(IReadOnlyList{GraphTensor})"/>,
/// and streams by <see cref="OpenSession"/>. Calls come from one thread at a time; sessions are independent of each other.
/// </summary>
public sealed class GraphModel : IDisposable
{
    private readonly GraphProgram _program;
    private readonly GraphLimits _limits;
    private GraphExecution? _execution;
    private bool _disposed;

    private GraphModel(GraphDefinition definition, GraphProgram program, Backend backend, GraphLimits limits)
    {
        (Definition, _program, Backend, _limits) = (definition, program, backend, limits);
        Inputs = definition.Inputs;
        Outputs = [.. definition.Outputs.Select((output, i) => Described(output, program.Values[program.Outputs[i]].Shape))];
    }

    /// <summary>What a run takes, in the file's order.</summary>
    public IReadOnlyList<GraphValue> Inputs { get; }

    /// <summary>What a run gives, in the file's order.</summary>
    public IReadOnlyList<GraphValue> Outputs { get; }

    /// <summary>Nodes that a run computes; what is constant is computed at load.</summary>
    public int NodeCount => _program.Nodes.Length;

    /// <summary>Elements of all constants that the file holds.</summary>
    public long ConstantCount => Definition.Constants.Values.Sum(tensor => (long)tensor.Length);

    /// <summary>Names of the operators that the file's nodes are of, each once, in order of the first.</summary>
    public IReadOnlyList<string> Operators => [.. Definition.Nodes.Select(node => node.Operator).Distinct(StringComparer.Ordinal)];

    internal GraphDefinition Definition { get; }

    internal Backend Backend { get; }

    /// <exception cref="GraphException">The graph cannot be run.</exception>
    internal static GraphModel Build(GraphDefinition definition, Backend backend, GraphLimits? limits = null, CancellationToken cancellation = default)
    {
        limits ??= GraphLimits.Default;
        return new GraphModel(definition, GraphBuilder.Build(definition, backend, limits, cancellation), backend, limits);
    }

    /// <summary>Runs the graph.</summary>
    /// <param name="inputs">One for each of <see cref="Inputs"/>, in their order.</param>
    /// <returns>One for each of <see cref="Outputs"/>, in their order; they are the caller's.</returns>
    /// <exception cref="ArgumentException">Number, type or shape of the inputs is another than the model's.</exception>
    /// <exception cref="GraphException">A node cannot compute these shapes.</exception>
    public GraphTensor[] Run(params IReadOnlyList<GraphTensor> inputs)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count != Inputs.Count)
            throw new ArgumentException($"{inputs.Count} inputs are given, the model takes {Inputs.Count}", nameof(inputs));
        _execution ??= NewExecution();
        for (int i = 0; i < inputs.Count; i++)
        {
            CheckInput(i, inputs[i]);
            _execution.SetInput(i, inputs[i]);
        }
        _execution.Run();
        var outputs = new GraphTensor[Outputs.Count];
        for (int i = 0; i < outputs.Length; i++)
            outputs[i] = _execution.Output(i).Clone();
        return outputs;
    }

    /// <summary>Runs the graph on inputs by name.</summary>
    /// <param name="inputs">One for each of <see cref="Inputs"/>.</param>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="ArgumentException">An input is missing, of no such name, or of another type or shape than the model's.</exception>
    /// <exception cref="GraphException">A node cannot compute these shapes.</exception>
    public IReadOnlyDictionary<string, GraphTensor> Run(IReadOnlyDictionary<string, GraphTensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var ordered = new GraphTensor[Inputs.Count];
        for (int i = 0; i < ordered.Length; i++)
            ordered[i] = inputs.TryGetValue(Inputs[i].Name, out GraphTensor? tensor) ? tensor : throw new ArgumentException($"input {SafeText.Quote(Inputs[i].Name)} is missing", nameof(inputs));
        if (inputs.Count != ordered.Length)
            throw new ArgumentException($"input {SafeText.Quote(inputs.Keys.First(name => Inputs.All(input => input.Name != name)))} is none of the model's", nameof(inputs));
        GraphTensor[] outputs = Run(ordered);
        var named = new Dictionary<string, GraphTensor>(StringComparer.Ordinal);
        for (int i = 0; i < outputs.Length; i++)
            named[Outputs[i].Name] = outputs[i];
        return named;
    }

    /// <summary>Opens a stream that keeps states – outputs that are the next step's inputs – from step to step, zero at first.</summary>
    /// <param name="states">
    /// Names of inputs and of the outputs that they take; none: found by their names – <c>h0</c> and <c>hn</c>, <c>state_in</c> and <c>state_out</c> – or, where these tell
    /// nothing and there are as many inputs as outputs, every input but the first with the output of its place, if types and shapes fit.
    /// </param>
    /// <exception cref="InvalidOperationException">No states are named and none are found.</exception>
    /// <exception cref="ArgumentException">A name is none of the model's, comes twice, or the output does not fit the input.</exception>
    public GraphSession OpenSession(params IReadOnlyList<(string Input, string Output)> states)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(states);
        List<(int Input, int Output)> pairs = states.Count == 0 ? StatePairs.Find(Inputs, Outputs) : [.. states.Select(Pair)];
        if (pairs.Count == 0)
        {
            throw new InvalidOperationException($"no states are found among inputs {string.Join(", ", Inputs.Select(value => SafeText.Quote(value.Name)))} and outputs " +
                $"{string.Join(", ", Outputs.Select(value => SafeText.Quote(value.Name)))}; name them");
        }
        if (pairs.Select(pair => pair.Input).Distinct().Count() < pairs.Count)
            throw new ArgumentException("an input is named twice", nameof(states));
        return new GraphSession(this, pairs);
    }

    /// <summary>Ends the model and its sessions; the back end stays its maker's.</summary>
    public void Dispose()
    {
        _disposed = true;
        _execution = null;
    }

    internal bool IsDisposed => _disposed;

    internal GraphExecution NewExecution() => new(_program, Backend, _limits);

    internal void CheckInput(int index, GraphTensor tensor)
    {
        GraphValue input = Inputs[index];
        ArgumentNullException.ThrowIfNull(tensor);
        bool fits = tensor.Type == input.Type && (input.Shape == null ? tensor.Shape.Length <= ShapeMath.MostDimensions : input.Shape.Count == tensor.Shape.Length);
        for (int i = 0; fits && input.Shape != null && i < input.Shape.Count; i++)
            fits = input.Shape[i].IsOpen || input.Shape[i].Size == tensor.Shape[i];
        if (!fits)
        {
            throw new ArgumentException($"input {SafeText.Quote(input.Name)} is {SafeText.Shape(tensor.Shape)} of {tensor.Type.Name()}, the model takes " +
                $"{input.ShapeText} of {input.Type.Name()}");
        }
    }

    private (int Input, int Output) Pair((string Input, string Output) names)
    {
        int input = Place(Inputs, names.Input, "input"), output = Place(Outputs, names.Output, "output");
        return StatePairs.Fits(Inputs[input], Outputs[output]) ? (input, output)
            : throw new ArgumentException($"output {SafeText.Quote(names.Output)} {Outputs[output].ShapeText} does not fit input {SafeText.Quote(names.Input)} {Inputs[input].ShapeText}");
    }

    private static int Place(IReadOnlyList<GraphValue> values, string name, string what)
    {
        for (int i = 0; i < values.Count; i++)
        {
            if (values[i].Name == name)
                return i;
        }
        throw new ArgumentException($"{SafeText.Quote(name)} is no {what} of the model");
    }

    /// <summary>What the file says of an output, and what has been inferred where it says less.</summary>
    private static GraphValue Described(GraphValue output, int[]? shape)
    {
        if (shape == null)
            return output;
        var dimensions = new GraphDimension[shape.Length];
        for (int i = 0; i < shape.Length; i++)
            dimensions[i] = shape[i] < 0 && output.Shape?.Count == shape.Length ? output.Shape[i] : new GraphDimension(shape[i]);
        return output with { Shape = dimensions };
    }
}
