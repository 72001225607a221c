using FastRnn.Backends;
using FastRnn.Formats.Dialects;

namespace FastRnn.Graphs.Operators;

/// <summary>One array of the engine's weights of a direction: which input of the node it is a part of, from where on, and the order of its gates there and here.</summary>
/// <param name="Name">Of the parameter, without the layer's number and direction.</param>
/// <param name="Input">Of the node.</param>
/// <param name="Start">Its first element.</param>
/// <param name="Columns">Of a row; 1 for biases and peepholes.</param>
/// <param name="Onnx">Order of the gates in the node.</param>
/// <param name="Engine">Order of the gates here.</param>
/// <param name="Shape">Of the parameter.</param>
internal sealed record NodeWeightPart(string Name, int Input, int Start, int Columns, string Onnx, string Engine, int[] Shape)
{
    /// <summary>The array in the engine's order, out of the elements of the whole input; zeros for an input that is left out.</summary>
    public float[] Read(ReadOnlySpan<float> whole, int hidden)
    {
        int length = Onnx.Length * hidden * Columns;
        return whole.IsEmpty ? new float[length] : GateOrder.Rows(whole.Slice(Start, length), hidden, Columns, Onnx, Engine);
    }
}

/// <summary>The weights of a node, in the engine's order: ONNX has i o f c and z r h, both biases in one array, and peepholes i o f.</summary>
internal static class NodeWeights
{
    /// <summary>The arrays of one direction.</summary>
    public static NodeWeightPart[] Parts(CellKind kind, bool peepholes, int input, int hidden, int direction)
    {
        (string onnx, string engine) = Orders(kind);
        int rows = onnx.Length * hidden;
        NodeWeightPart[] parts =
        [
            new("weight_ih", RecurrentAttributes.W, direction * rows * input, input, onnx, engine, [rows, input]),
            new("weight_hh", RecurrentAttributes.R, direction * rows * hidden, hidden, onnx, engine, [rows, hidden]),
            new("bias_ih", RecurrentAttributes.B, direction * 2 * rows, 1, onnx, engine, [rows]),
            new("bias_hh", RecurrentAttributes.B, ((direction * 2) + 1) * rows, 1, onnx, engine, [rows]),
        ];
        return !peepholes ? parts
            : [.. parts, new("weight_peephole", RecurrentAttributes.Peephole, direction * 3 * hidden, 1, GateOrder.OnnxPeepholes, GateOrder.Peepholes, [3, hidden])];
    }

    /// <summary>Gives the back end the weights of a direction that the node's inputs have now.</summary>
    public static void Write(GraphCall call, int direction, RecurrentWeights weights)
    {
        DeviceBuffer?[] buffers = [weights.InputWeight, weights.RecurrentWeight, weights.InputBias, weights.RecurrentBias, weights.Peephole];
        NodeWeightPart[] parts = Parts(weights.Cell.Kind, weights.Cell.Peepholes, weights.Input, weights.Hidden, direction);
        for (int i = 0; i < parts.Length; i++)
        {
            ReadOnlySpan<float> whole = call.Node.HasInput(parts[i].Input) ? call.Input(parts[i].Input).Values<float>() : [];
            call.Backend.Write(buffers[i]!, parts[i].Read(whole, weights.Hidden));
        }
    }

    /// <summary>ONNX's order of gates, and the engine's.</summary>
    private static (string Onnx, string Engine) Orders(CellKind kind) => kind switch
    {
        CellKind.Lstm => (GateOrder.OnnxLstm, GateOrder.Lstm),
        CellKind.Gru => (GateOrder.OnnxGru, GateOrder.Gru),
        _ => (GateOrder.Rnn, GateOrder.Rnn),
    };
}
