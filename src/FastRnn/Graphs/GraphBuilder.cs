using FastRnn.Backends;

namespace FastRnn.Graphs;

/// <summary>
/// Turns a definition into a program: checks names, sorts the nodes, leaves out those that no output needs, infers types and shapes, and computes in
/// advance what is constant, within bounds. Nothing here calls itself, so depth and cycles of a graph can do no harm.
/// </summary>
internal sealed class GraphBuilder
{
    /// <summary>Bytes of a single result that is computed in advance.</summary>
    private const long LargestFolded = 8 << 20;

    private readonly GraphDefinition _definition;
    private readonly Backend _backend;
    private readonly List<Known> _values = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly List<ProgramNode> _program = [];
    /// <summary>What is computed in advance, and weights as the back end wants them: these are many times as large where they are narrow, and stand once for each node.</summary>
    private readonly GraphMemory _memory;
    private readonly long _limit;
    private long _foldBudget;

    private GraphBuilder(GraphDefinition definition, Backend backend, GraphLimits limits)
    {
        (_definition, _backend, _limit) = (definition, backend, limits.Bytes);
        long constants = definition.Constants.Values.Sum(tensor => (long)tensor.Bytes.Length);
        _memory = new GraphMemory(limits.Bytes + (4 * constants));
        _foldBudget = limits.FoldedBytes + (4 * constants);
    }

    /// <exception cref="GraphException">The graph cannot be run.</exception>
    public static GraphProgram Build(GraphDefinition definition, Backend backend, GraphLimits limits, CancellationToken cancellation) =>
        new GraphBuilder(definition, backend, limits).Build(cancellation);

    private GraphProgram Build(CancellationToken cancellation)
    {
        foreach (GraphValue input in _definition.Inputs)
            Declare(input.Name, new Known(input.Type, input.Sizes, null), $"input {SafeText.Quote(input.Name)}", -1);
        int inputs = _values.Count;
        foreach ((string name, GraphTensor tensor) in _definition.Constants)
            Declare(name, new Known(tensor.Type, tensor.Dimensions, tensor), $"constant {SafeText.Quote(name)}", -1);
        foreach (GraphNode node in Needed(Sorted()))
        {
            cancellation.ThrowIfCancellationRequested();
            Add(node);
        }
        var outputs = new int[_definition.Outputs.Count];
        for (int i = 0; i < outputs.Length; i++)
            outputs[i] = Output(_definition.Outputs[i]);
        return new GraphProgram([.. _values], [.. _program], inputs, outputs);
    }

    private void Declare(string name, Known value, string what, long offset)
    {
        if (!_ids.TryAdd(name, _values.Count))
            throw new GraphException($"{what} has a name that another value has", offset);
        _values.Add(value);
    }

    private int Output(GraphValue output)
    {
        if (!_ids.TryGetValue(output.Name, out int id))
            throw new GraphException($"output {SafeText.Quote(output.Name)} is made by no node", -1);
        if (_values[id].Type != output.Type)
            throw new GraphException($"output {SafeText.Quote(output.Name)} is declared as {output.Type.Name()} but computed as {_values[id].Type.Name()}", -1);
        return id;
    }

    /// <summary>Nodes behind those whose results they read (Kahn 1962), in the file's order where that is one.</summary>
    private List<GraphNode> Sorted()
    {
        var makers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < _definition.Nodes.Count; i++)
        {
            GraphNode node = _definition.Nodes[i];
            foreach (string output in node.Outputs)
            {
                if (output.Length > 0 && (_ids.ContainsKey(output) || !makers.TryAdd(output, i)))
                    throw node.Error($"output {SafeText.Quote(output)} has a name that another value has");
            }
        }
        int[] waiting = new int[_definition.Nodes.Count];
        var readers = new List<int>?[_definition.Nodes.Count];
        for (int i = 0; i < waiting.Length; i++)
        {
            foreach (string input in _definition.Nodes[i].Inputs)
            {
                if (makers.TryGetValue(input, out int maker))
                {
                    waiting[i]++;
                    (readers[maker] ??= []).Add(i);
                }
                else if (input.Length > 0 && !_ids.ContainsKey(input))
                {
                    throw _definition.Nodes[i].Error($"input {SafeText.Quote(input)} is made by no node");
                }
            }
        }
        return Ordered(waiting, readers);
    }

    private List<GraphNode> Ordered(int[] waiting, List<int>?[] readers)
    {
        var ready = new PriorityQueue<int, int>();
        for (int i = 0; i < waiting.Length; i++)
        {
            if (waiting[i] == 0)
                ready.Enqueue(i, i);
        }
        var sorted = new List<GraphNode>(waiting.Length);
        while (ready.TryDequeue(out int node, out _))
        {
            sorted.Add(_definition.Nodes[node]);
            foreach (int reader in readers[node] ?? [])
            {
                if (--waiting[reader] == 0)
                    ready.Enqueue(reader, reader);
            }
        }
        if (sorted.Count < waiting.Length)
            throw _definition.Nodes[Array.FindIndex(waiting, count => count > 0)].Error("it waits for its own result: the graph has a cycle");
        return sorted;
    }

    /// <summary>Those that an output needs: what nobody reads need not even be known.</summary>
    private List<GraphNode> Needed(List<GraphNode> sorted)
    {
        var needed = _definition.Outputs.Select(output => output.Name).ToHashSet(StringComparer.Ordinal);
        var kept = new List<GraphNode>(sorted.Count);
        for (int i = sorted.Count - 1; i >= 0; i--)
        {
            if (!sorted[i].Outputs.Any(needed.Contains))
                continue;
            needed.UnionWith(sorted[i].Inputs.Where(input => input.Length > 0)); // an empty name is an input, or an output, that is left out
            kept.Add(sorted[i]);
        }
        kept.Reverse();
        return kept;
    }

    private void Add(GraphNode node)
    {
        GraphOperator made = OperatorTable.Create(node);
        if (made.Constant is { } constant)
        {
            _foldBudget += 4L * constant.Bytes.Length;
            _memory.Grant(4L * constant.Bytes.Length); // a constant is one, whichever way the file says so
            Declare(node.Outputs[0], new Known(constant.Type, constant.Dimensions, constant), node.Label, node.Offset);
            return;
        }
        var call = new GraphCall(made, _backend, _memory);
        int[] inputs = new int[node.Inputs.Length], outputs = new int[node.Outputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = node.Inputs[i].Length == 0 ? -1 : _ids[node.Inputs[i]];
            if (inputs[i] < 0)
                continue;
            Known value = _values[inputs[i]];
            (call.InputTypes[i], call.InputShapes[i], call.Inputs[i]) = (value.Type, value.Shape, value.Constant);
        }
        made.Infer(call);
        CheckSizes(call);
        GraphTensor?[]? folded = Fold(call);
        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i] = -1;
            if (node.Outputs[i].Length == 0)
                continue;
            outputs[i] = _values.Count;
            Declare(node.Outputs[i], new Known(call.OutputTypes[i], call.OutputShapes[i], folded?[i]), node.Label, node.Offset);
        }
        if (folded != null)
            return;
        made.Bind(call);
        _program.Add(new ProgramNode(made, inputs, outputs));
    }

    /// <summary>What can never be computed is no graph.</summary>
    private void CheckSizes(GraphCall call)
    {
        for (int i = 0; i < call.Outputs.Length; i++)
        {
            if (!ShapeMath.IsKnown(call.OutputShapes[i]))
                continue;
            long length = ShapeMath.Length(call.OutputShapes[i]);
            if (length < 0 || length * call.OutputTypes[i].Size() > Math.Min(_limit, Array.MaxLength))
                throw call.Node.Error($"its result {SafeText.Shape(call.OutputShapes[i])} of {call.OutputTypes[i].Name()} passes the limit of {_limit} bytes for all values");
        }
    }

    /// <summary>The results, where all that they depend on is constant and small enough; or null.</summary>
    private GraphTensor?[]? Fold(GraphCall call)
    {
        if (!call.Operator.Folds || !DependsOnConstants(call))
            return null;
        long work = call.Inputs.Sum(input => (long)(input?.Bytes.Length ?? 0));
        for (int i = 0; i < call.Outputs.Length; i++)
        {
            long length = call.OutputShapes[i] is { } shape ? ShapeMath.Length(shape) : -1;
            long bytes = length * call.OutputTypes[i].Size();
            if (length < 0 || (bytes > LargestFolded && bytes > call.Inputs.Sum(input => (long)(input?.Bytes.Length ?? 0))))
                return null;
            work += bytes;
        }
        if (work > _foldBudget)
            return null;
        _foldBudget -= work;
        for (int i = 0; i < call.Outputs.Length; i++)
            call.Outputs[i] = call.Node.HasOutput(i) ? new GraphTensor(call.OutputTypes[i], 0) : null;
        for (int i = 0; i < call.Outputs.Length; i++)
        {
            if (i == 0 && call.Operator.IsView)
                call.Outputs[i]?.Borrow(call.Input(0), call.OutputShapes[i]!);
            else if (call.Outputs[i] is { } output)
                _memory.Resize(output, call.OutputTypes[i], call.OutputShapes[i]!, call.Node);
        }
        call.Operator.Run(call);
        return [.. call.Outputs];
    }

    private static bool DependsOnConstants(GraphCall call)
    {
        for (int i = 0; i < call.Inputs.Length; i++)
        {
            if (call.Node.HasInput(i) && call.Inputs[i] == null && !(call.Operator.ReadsShapeOnly && ShapeMath.IsKnown(call.InputShapes[i])))
                return false;
        }
        return true;
    }
}

/// <summary>What is known of a value before the run.</summary>
internal sealed record Known(ElementType Type, int[]? Shape, GraphTensor? Constant);

/// <summary>A node with the numbers of its values; −1 where one is left out.</summary>
internal sealed record ProgramNode(GraphOperator Operator, int[] Inputs, int[] Outputs);

/// <summary>A graph that is ready to run: the first values are its inputs.</summary>
internal sealed record GraphProgram(Known[] Values, ProgramNode[] Nodes, int Inputs, int[] Outputs);
