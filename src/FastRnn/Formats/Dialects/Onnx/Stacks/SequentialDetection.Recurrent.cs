using FastRnn.Backends;
using FastRnn.Graphs;
using FastRnn.Graphs.Operators;
using FastRnn.Layers;

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
        return true;
    }

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
        LayerInfo inner = RecurrentInfo.Describe(Create(cell, input, hidden));
        LayerInfo layer = directions == 2 ? new() { Type = "bidirectional", Inner = inner, Merge = "concat", LastStep = false }
            : attributes.Backwards[0] ? new() { Type = "go_backwards", Inner = inner, LastStep = false }
            : inner;
        var sizes = new NodeSizes(cell, input, hidden);
        for (int d = 0; d < directions; d++)
            AddWeights(inputs, sizes, d, d == 1 ? "_reverse" : "");
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

    private static RecurrentLayer Create(CellType cell, int input, int hidden) => cell.Kind switch
    {
        CellKind.Lstm => new Lstm(input, hidden)
        {
            GateActivation = cell.GateActivation,
            CandidateActivation = cell.Activation,
            OutputActivation = cell.OutputActivation,
            Peepholes = cell.Peepholes,
            CoupledGates = cell.Coupled,
            GateClip = cell.GateClip,
        },
        CellKind.Gru => new Gru(input, hidden)
        {
            GateActivation = cell.GateActivation,
            CandidateActivation = cell.Activation,
            ResetBefore = cell.ResetBefore,
            GateClip = cell.GateClip,
        },
        _ => new Rnn(input, hidden, cell.Activation) { GateClip = cell.GateClip },
    };

    private void AddWeights(StackValue?[] inputs, NodeSizes sizes, int direction, string suffix)
    {
        (string onnx, string engine) = NodeWeights.Orders(sizes.Cell.Kind);
        (int hidden, int rows) = (sizes.Hidden, sizes.Cell.Gates * sizes.Hidden);
        void Add(string name, int input, int offset, int columns, string from, string to)
        {
            int length = from.Length * hidden * columns;
            var source = inputs.ElementAtOrDefault(input) as StackConstant;
            ReadOnlySpan<float> values = source == null ? new float[length] : source.Tensor.Values<float>().Slice(offset, length);
            _draft.Add($"{Layers.Count}.{name}_l0{suffix}", GateOrder.Rows(values, hidden, columns, from, to), source?.Name ?? name);
        }

        Add("weight_ih", RecurrentAttributes.W, direction * rows * sizes.Input, sizes.Input, onnx, engine);
        Add("weight_hh", RecurrentAttributes.R, direction * rows * hidden, hidden, onnx, engine);
        Add("bias_ih", RecurrentAttributes.B, direction * 2 * rows, 1, onnx, engine);
        Add("bias_hh", RecurrentAttributes.B, ((direction * 2) + 1) * rows, 1, onnx, engine);
        if (sizes.Cell.Peepholes)
            Add("weight_peephole", RecurrentAttributes.Peephole, direction * 3 * hidden, 1, GateOrder.OnnxPeepholes, GateOrder.Peepholes);
    }

    private readonly record struct NodeSizes(CellType Cell, int Input, int Hidden);
}
