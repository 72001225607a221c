using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// Finds out whether a graph is a plain stack of layers – an embedding, recurrent layers with the transpositions and squeezes around them, dense layers, functions – and
/// makes it one. Every node is given a meaning in such a stack; the first that has none ends the search, and the graph stays a graph: nothing is approximated.
/// States that are inputs and outputs of the graph become the states of sessions; where they are inputs alone, it stays a graph.
/// </summary>
internal sealed partial class SequentialDetection
{
    private readonly GraphDefinition _definition;
    private readonly ModelDraft _draft;
    private readonly Dictionary<string, StackValue> _values = new(StringComparer.Ordinal);
    private readonly HashSet<int> _stateInputs = [];

    /// <summary>States of layers, h or c, that start from an input of the graph.</summary>
    private readonly HashSet<(int Layer, bool IsCell)> _started = [];

    /// <summary>The input that goes through the layers, the letter of its time axis, and features at the tip of the stack; −1 and 0 where not known yet.</summary>
    private int _data = -1;
    private char _time;
    private int _width;
    private int _stage;

    private SequentialDetection(GraphDefinition definition, ModelDraft draft) => (_definition, _draft) = (definition, draft);

    private List<LayerInfo> Layers => _draft.Layers;

    /// <summary>The stack, or null where the graph is none.</summary>
    public static ModelDraft? Find(GraphDefinition definition, string format, string? path)
    {
        var draft = new ModelDraft(format, path);
        try
        {
            if (!new SequentialDetection(definition, draft).IsStack())
                return null;
            Architecture.Check(draft.Layers);
            return draft;
        }
        catch (Exception e) when (e is GraphException or InvalidDataException)
        {
            return null; // who makes the graph, says what is wrong with it
        }
    }

    private bool IsStack()
    {
        foreach ((string name, GraphTensor tensor) in _definition.Constants)
            _values.Add(name, new StackConstant(tensor, name));
        for (int i = 0; i < _definition.Inputs.Count; i++)
        {
            if (Input(i) is not { } value || !_values.TryAdd(_definition.Inputs[i].Name, value))
                return false;
        }
        foreach (GraphNode node in _definition.Nodes)
        {
            if (node.Domain is not ("" or "ai.onnx") || !Visit(node))
                return false;
        }
        return Layers.Any(layer => RecurrentInfo.IsRecurrent(layer.Inner ?? layer)) && Ends();
    }

    /// <summary>Numbers of at least features and tokens are data until a node takes them for states.</summary>
    private StackData? Input(int index)
    {
        GraphValue input = _definition.Inputs[index];
        if (input.Shape is not { Count: >= 1 and <= 4 } shape)
            return null;
        string letters = "abcd"[..shape.Count];
        return input.Type switch
        {
            ElementType.Float32 => new StackData(index, letters[..^1] + 'F', 0, 0),
            ElementType.Int64 or ElementType.Int32 => new StackData(index, letters, 0, 0),
            _ => null,
        };
    }

    private bool Visit(GraphNode node)
    {
        if (node.Outputs.Length == 0 || node.Inputs.Length < FewestInputs(node.Operator))
            return false; // the operator itself tells what it lacks
        var inputs = new StackValue?[node.Inputs.Length];
        bool isFixed = true;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (!node.HasInput(i))
                continue;
            if (!_values.TryGetValue(node.Inputs[i], out inputs[i]))
                return false;
            isFixed &= inputs[i] is StackConstant or StackDerived;
        }
        if (node.Operator is "Shape" or "Size")
            return Set(node, new StackDerived(false));
        if (isFixed)
            return Set(node, Fixed(node, inputs));
        OperatorTable.Create(node); // what the runner would refuse has no meaning in a stack, either
        node.ForgetAsked();
        if (node.Operator is "RNN" or "GRU" or "LSTM")
            return Recurrent(node, inputs);
        if (Apply(node, inputs) is not { } value)
            return false;
        node.CheckAllAsked();
        return Set(node, value);
    }

    private static int FewestInputs(string name) => name switch
    {
        "Constant" => 0,
        "MatMul" or "Gemm" or "Reshape" or "Gather" or "LayerNormalization" or "Add" or "Sub" or "Mul" or "Div" or "Pow" => 2,
        _ => 1,
    };

    /// <summary>What a node that takes data or states gives; null where it has no place in a stack.</summary>
    private StackValue? Apply(GraphNode node, StackValue?[] inputs) => node.Operator switch
    {
        "Identity" => inputs[0],
        "Cast" => Cast(node, inputs),
        "Dropout" => Dropout(node, inputs),
        "Transpose" => Transpose(node, inputs),
        "Squeeze" => Squeeze(node, inputs),
        "Unsqueeze" => Unsqueeze(node, inputs),
        "Reshape" => Reshape(node, inputs),
        "Gather" => Gather(node, inputs),
        "Slice" => Slice(node, inputs),
        "Split" => Split(node, inputs),
        "Concat" => Concat(node, inputs),
        "MatMul" => MatMul(inputs),
        "Gemm" => Gemm(node, inputs),
        "Add" or "Sub" or "Mul" or "Div" or "Pow" or "Sqrt" or "ReduceMean" => Arithmetic(node, inputs),
        "LayerNormalization" => LayerNormalization(node, inputs),
        _ => Function(node, inputs),
    };

    private bool Set(GraphNode node, StackValue value)
    {
        foreach (string output in node.Outputs)
        {
            if (output.Length > 0 && !_values.TryAdd(output, value))
                return false;
        }
        return node.Outputs.Length == 1 || value is StackStateInput or StackDerived;
    }

    /// <summary>A node of constants and shapes alone.</summary>
    private static StackValue Fixed(GraphNode node, StackValue?[] inputs)
    {
        if (node.Operator == "Constant" && node.Tensor("value") is { } tensor)
            return new StackConstant(tensor, node.Outputs[0]);
        if (node.Operator == "Identity" && inputs[0] is StackConstant same)
            return same;
        if (node.Operator == "ConstantOfShape")
            return new StackDerived(node.Tensor("value") is not { } value || IsZero(new StackConstant(value, "")));
        bool moves = node.Operator is "Expand" or "Slice" or "Unsqueeze" or "Squeeze" or "Reshape" or "Transpose" or "Identity" or "Gather" or "Split" or "Tile";
        return new StackDerived((moves && IsZero(inputs[0])) || (node.Operator == "Concat" && inputs.All(IsZero)));
    }

    private static bool IsZero(StackValue? value) => value switch
    {
        StackDerived derived => derived.IsZero,
        StackConstant { Tensor.Type: ElementType.Float32 } constant => constant.Tensor.Values<float>().IndexOfAnyExcept(0f) < 0,
        _ => false,
    };

    /// <summary>One output is what comes out of the last layer; the others are final states, and all inputs but one initial states.</summary>
    private bool Ends()
    {
        StackData? result = null;
        var states = new List<StackStates>();
        foreach (GraphValue output in _definition.Outputs)
        {
            StackValue? value = _values.GetValueOrDefault(output.Name);
            if (value is StackStates state)
                states.Add(state);
            else if (value is StackData data && result == null)
                result = data;
            else
                return false;
        }
        if (!AreCarried(states))
            return false;
        if (result == null && states.Count == 1)
        {
            result = AsData(states[0]);
            states.Clear();
        }
        if (result == null || !IsTip(result) || !KeepsOrder(result) || _stateInputs.Contains(_data))
            return false;
        for (int i = 0; i < _definition.Inputs.Count; i++)
        {
            if (i != _data && !_stateInputs.Contains(i))
                return false;
        }
        if (result.IsAllRead)
        {
            int recurrent = Layers.FindLastIndex(layer => layer.Inner != null);
            Layers[recurrent] = Layers[recurrent] with { LastStep = true };
        }
        Describe(result, states.Count);
        return true;
    }

    /// <summary>The axes that are left are time, unless it is the last step, batch and features behind them.</summary>
    private bool KeepsOrder(StackData result)
    {
        if (result.Axes.Contains('D', StringComparison.Ordinal) && !IsOne(result, 'D'))
            return false;
        string axes = result.Axes.Replace("1", "", StringComparison.Ordinal).Replace("D", "", StringComparison.Ordinal);
        return axes.EndsWith('F') && axes.Length <= (result.IsLast ? 2 : 3) && (result.IsLast || axes.Contains(_time, StringComparison.Ordinal));
    }

    private void Describe(StackData result, int states)
    {
        GraphValue input = _definition.Inputs[_data];
        int axis = _time - 'a';
        if (axis > 0)
            _draft.Notes.Add("the file's input has the batch first; FastRnn's sequences are [time, batch, features]");
        if (result.IsLast)
            _draft.Notes.Add("the file gives the last step alone; this model gives every step, of which the last is the file's output");
        if (_stateInputs.Count + states > 0)
            _draft.Notes.Add($"{_stateInputs.Count} inputs and {states} outputs of the file are states of recurrent layers: a session carries them");
        if (input.Type != ElementType.Float32)
            _draft.Notes.Add("the file's input holds tokens");
    }

    /// <summary>Behind all changes of the stack that there are: a stack does not branch, and nothing of it is for nobody.</summary>
    private bool IsTip(StackData data)
    {
        if (data.Stage != _stage || (_data >= 0 && data.Input != _data))
            return false;
        _data = data.Input;
        return true;
    }

    /// <summary>The tip with its features last.</summary>
    private bool IsDense(StackData data) => data.Axes.EndsWith('F') && !data.Axes.Contains('D', StringComparison.Ordinal) && IsTip(data);

    private static float[] Floats(GraphTensor tensor) => tensor.Values<float>().ToArray();
}
