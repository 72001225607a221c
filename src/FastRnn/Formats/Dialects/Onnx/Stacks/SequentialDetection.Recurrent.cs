using FastRnn.Backends;
using FastRnn.Graphs;
using FastRnn.Graphs.Operators;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>RNN, GRU and LSTM nodes as layers.</summary>
internal sealed partial class SequentialDetection
{
    private bool Recurrent(GraphNode node, StackValue?[] inputs)
    {
        CellKind kind = node.Operator switch { "LSTM" => CellKind.Lstm, "GRU" => CellKind.Gru, _ => CellKind.Rnn };
        var attributes = new RecurrentAttributes(node, kind);
        if (inputs[RecurrentAttributes.X] is not StackData { IsLast: false, Axes: [_, _, 'F'] } x || !IsDense(x) || node.HasInput(RecurrentAttributes.Lengths))
            return false;
        char time = x.Axes[attributes.BatchFirst ? 1 : 0];
        if (time == '1' || (_time != 0 && time != _time))
            return false;
        _time = time;
        if (!IsInitial(inputs, RecurrentAttributes.InitialHidden) || !IsInitial(inputs, RecurrentAttributes.InitialCell) || !AddRecurrent(node, inputs, attributes, x))
            return false;
        char batch = x.Axes[attributes.BatchFirst ? 0 : 1];
        string sequence = attributes.BatchFirst ? $"{batch}{time}DF" : $"{time}D{batch}F", state = attributes.BatchFirst ? $"{batch}LF" : $"L{batch}F";
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            StackState[] items = [.. Enumerable.Range(0, attributes.Directions).Select(direction => new StackState(Layers.Count - 1, direction, i == 2))];
            StackValue value = i == 0 ? new StackData(x.Input, sequence, Layers.Count, _stage) : new StackStates(items, state);
            if (node.HasOutput(i) && !_values.TryAdd(node.Outputs[i], value))
                return false;
        }
        return true;
    }

    /// <summary>Left out, zero, or an input of the graph, whole or in part.</summary>
    private bool IsInitial(StackValue?[] inputs, int index)
    {
        StackValue? value = index < inputs.Length ? inputs[index] : null;
        int input = value switch { StackStateInput state => state.Input, StackData { Layers: 0 } data => data.Input, _ => -1 };
        if (input < 0)
            return value == null || IsZero(value);
        _stateInputs.Add(input);
        _started.Add((Layers.Count, index == RecurrentAttributes.InitialCell));
        return true;
    }

    /// <summary>
    /// A session starts from zero and carries every state of every layer, which is what a caller makes of the file who hands the final states of each part to the next. So
    /// a layer whose state can be given must read forwards, and all of its states must come in and go out.
    /// </summary>
    private bool AreCarried(IEnumerable<StackStates> outputs)
    {
        var given = outputs.SelectMany(states => states.Items).Select(state => (state.Layer, state.IsCell)).ToHashSet();
        return _started.All(state => Layers[state.Layer].Inner == null && States(state.Layer).All(other => _started.Contains(other) && given.Contains(other)));
    }

    private (int Layer, bool IsCell)[] States(int layer) => Layers[layer].Type == "lstm" ? [(layer, false), (layer, true)] : [(layer, false)];

    private bool AddRecurrent(GraphNode node, StackValue?[] inputs, RecurrentAttributes attributes, StackData x)
    {
        CellType cell = attributes.Cells[0];
        if (inputs[RecurrentAttributes.R] is not StackConstant { Tensor: { Type: ElementType.Float32, Shape: [_, _, > 0 and var hidden] } })
            return false;
        if (inputs[RecurrentAttributes.W] is not StackConstant { Tensor: { Type: ElementType.Float32, Shape: [_, _, > 0 and var input] } } || !Takes(x, input))
            return false;
        long rows = (long)cell.Gates * hidden;
        int directions = attributes.Directions;
        bool fits = (attributes.Hidden ?? hidden) == hidden && Is(inputs, RecurrentAttributes.W, directions, rows, input) && Is(inputs, RecurrentAttributes.R, directions, rows, hidden)
            && (!node.HasInput(RecurrentAttributes.B) || Is(inputs, RecurrentAttributes.B, directions, 2 * rows))
            && (!cell.Peepholes || Is(inputs, RecurrentAttributes.Peephole, directions, 3L * hidden));
        if (!fits || attributes.Cells.Any(other => other != cell) || !IsTrainable(cell))
            return false;
        LayerInfo inner = RecurrentInfo.Describe(cell, input, hidden);
        LayerInfo layer = directions == 2 ? new() { Type = "bidirectional", Inner = inner, Merge = "concat", LastStep = false }
            : attributes.Backwards[0] ? new() { Type = "go_backwards", Inner = inner, LastStep = false }
            : inner;
        for (int d = 0; d < directions; d++)
            AddWeights(inputs, cell, input, hidden, d);
        AddLayer(layer, directions * hidden);
        return true;
    }

    private static bool Is(StackValue?[] inputs, int index, params ReadOnlySpan<long> shape)
    {
        if (inputs[index] is not StackConstant { Tensor.Type: ElementType.Float32 } constant || constant.Tensor.Shape.Length != shape.Length)
            return false;
        for (int i = 0; i < shape.Length; i++)
        {
            if (constant.Tensor.Shape[i] != shape[i])
                return false;
        }
        return true;
    }

    /// <summary>Functions with numbers that a cell's backward pass can take.</summary>
    private static bool IsTrainable(CellType cell) =>
        new[] { cell.GateActivation, cell.Activation, cell.OutputActivation }.All(function => CellActivation.Parse(function.ToString()) != null);

    private void AddWeights(StackValue?[] inputs, CellType cell, int input, int hidden, int direction)
    {
        foreach (NodeWeightPart part in NodeWeights.Parts(cell.Kind, cell.Peepholes, input, hidden, direction))
        {
            var source = inputs.ElementAtOrDefault(part.Input) as StackConstant;
            float[] values = part.Read(source == null ? [] : source.Tensor.Values<float>(), hidden);
            _draft.Add($"{Layers.Count}.{part.Name}_l0{(direction == 1 ? "_reverse" : "")}", values, source?.Name ?? part.Name);
        }
    }
}
