using FastRnn.Backends;
using FastRnn.Formats.Dialects;

namespace FastRnn.Graphs.Operators;

/// <summary>The weights of one direction of a node, in the engine's order: ONNX has i o f c and z r h, both biases in one array, and peepholes i o f.</summary>
internal static class NodeWeights
{
    public static void Write(GraphCall call, int direction, RecurrentWeights weights)
    {
        Backend backend = call.Backend;
        (string onnx, string engine) = Orders(weights.Cell.Kind);
        int hidden = weights.Hidden, rows = weights.Gates * hidden;
        backend.Write(weights.InputWeight, GateOrder.Rows(Part(call, RecurrentAttributes.W, direction, rows * weights.Input), hidden, weights.Input, onnx, engine));
        backend.Write(weights.RecurrentWeight, GateOrder.Rows(Part(call, RecurrentAttributes.R, direction, rows * hidden), hidden, hidden, onnx, engine));
        ReadOnlySpan<float> biases = call.Node.HasInput(RecurrentAttributes.B) ? Part(call, RecurrentAttributes.B, direction, 2 * rows) : new float[2 * rows];
        backend.Write(weights.InputBias, GateOrder.Rows(biases[..rows], hidden, 1, onnx, engine));
        backend.Write(weights.RecurrentBias, GateOrder.Rows(biases[rows..], hidden, 1, onnx, engine));
        if (weights.Peephole != null)
            backend.Write(weights.Peephole, GateOrder.Rows(Part(call, RecurrentAttributes.Peephole, direction, 3 * hidden), hidden, 1, GateOrder.OnnxPeepholes, GateOrder.Peepholes));
    }

    /// <summary>ONNX's order of gates, and the engine's.</summary>
    public static (string Onnx, string Engine) Orders(CellKind kind) => kind switch
    {
        CellKind.Lstm => (GateOrder.OnnxLstm, GateOrder.Lstm),
        CellKind.Gru => (GateOrder.OnnxGru, GateOrder.Gru),
        _ => (GateOrder.Rnn, GateOrder.Rnn),
    };

    private static ReadOnlySpan<float> Part(GraphCall call, int input, int direction, int length) =>
        call.Input(input).Values<float>().Slice(direction * length, length);
}
