using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>How a recurrent layer's arrays lie in a file.</summary>
internal enum KerasLayout
{
    /// <summary>Kernel [input, G·H], recurrent kernel [H, G·H], bias [G·H] or none.</summary>
    Plain,

    /// <summary>The same with a bias [2, G·H], of inputs and of the state: a GRU that resets after the product.</summary>
    TwoBiases,

    /// <summary>CuDNNLSTM and CuDNNGRU: biases [2·G·H]; each gate's matrices as cuDNN has them (Keras issue 8720, pull request 9112).</summary>
    CuDnn,

    /// <summary>Keras 1: kernel, recurrent kernel and bias of each gate on its own.</summary>
    GateByGate,
}

/// <summary>Brings Keras's arrays into the engine's layout, under its names.</summary>
internal sealed class KerasWeights(ModelDraft draft, string? path)
{
    /// <summary>The layout of a recurrent layer's arrays and the width of its input.</summary>
    /// <param name="layer">For messages.</param>
    /// <param name="gates">4, 3 or 1.</param>
    /// <param name="hidden">Units.</param>
    /// <param name="bias">Whether there is one.</param>
    /// <param name="arrays">In Keras's order.</param>
    public (KerasLayout Layout, int Input) Recurrent(string layer, int gates, int hidden, bool bias, ReadOnlySpan<HdfTensor> arrays)
    {
        int rows = checked(gates * hidden), wanted = bias ? 3 : 2;
        if (gates > 1 && arrays.Length == wanted * gates && bias)
        {
            int width = arrays[0].Shape.Length == 2 ? arrays[0].Shape[0] : 0;
            for (int i = 0; i < arrays.Length; i++)
                Require(layer, arrays[i], (i % 3) switch { 0 => [width, hidden], 1 => [hidden, hidden], _ => [hidden] });
            return (KerasLayout.GateByGate, width);
        }
        if (arrays.Length != wanted)
            throw Error($"layer {ModelFormatException.Quote(layer)} needs {wanted} arrays, the file has {arrays.Length}", arrays.Length > 0 ? arrays[0].Offset : -1);
        int input = arrays[0].Shape.Length == 2 ? arrays[0].Shape[0] : 0;
        Require(layer, arrays[0], [input, rows]);
        Require(layer, arrays[1], [hidden, rows]);
        if (!bias)
            return (KerasLayout.Plain, input);
        int[] shape = arrays[2].Shape;
        if (gates > 1 && shape is [int flat] && flat == 2L * rows)
            return (KerasLayout.CuDnn, input);
        if (gates == 3 && shape is [2, int columns] && columns == rows)
            return (KerasLayout.TwoBiases, input);
        Require(layer, arrays[2], [rows]);
        return (KerasLayout.Plain, input);
    }

    /// <summary>A recurrent layer's arrays, whose shapes are known to fit.</summary>
    /// <param name="prefix">Of the parameters' names: the layer's number and a point.</param>
    /// <param name="suffix"><c>_reverse</c> or nothing.</param>
    /// <param name="info">The layer; of a bidirectional one that inside.</param>
    /// <param name="layout">Of the arrays.</param>
    /// <param name="arrays">In Keras's order.</param>
    public void AddRecurrent(string prefix, string suffix, LayerInfo info, KerasLayout layout, ReadOnlySpan<HdfTensor> arrays)
    {
        (string from, string to) = info.Type switch
        {
            "lstm" => (layout == KerasLayout.GateByGate ? GateOrder.Keras1Lstm : GateOrder.KerasLstm, GateOrder.Lstm),
            "gru" => (GateOrder.KerasGru, GateOrder.Gru),
            _ => (GateOrder.Rnn, GateOrder.Rnn),
        };
        (int input, int hidden, int gates) = (info.Input!.Value, info.Hidden!.Value, from.Length);
        (float[] ih, float[] hh, float[] biases) = layout == KerasLayout.GateByGate ? Joined(arrays, input, hidden, gates)
            : (Rows(arrays[0], input, hidden, gates, layout), Rows(arrays[1], hidden, hidden, gates, layout), arrays.Length > 2 ? arrays[2].Values : new float[gates * hidden]);
        int last = arrays.Length - 1, bias = Math.Min(2, last), rows = gates * hidden;
        void Add(string name, float[] values, int columns, HdfTensor source) =>
            draft.Add($"{prefix}{name}_l0{suffix}", GateOrder.Rows(values, hidden, columns, from, to), source.Name, source.Offset);

        Add("weight_ih", ih, input, arrays[0]);
        Add("weight_hh", hh, hidden, arrays[1]);
        Add("bias_ih", biases[..rows], 1, arrays[bias]);
        Add("bias_hh", biases.Length > rows ? biases[rows..] : new float[rows], 1, arrays[bias]);
    }

    /// <summary>A dense layer's [input, output] and its bias, zeros where it has none.</summary>
    public void AddDense(string prefix, HdfTensor kernel, HdfTensor? bias)
    {
        draft.Add($"{prefix}weight", GateOrder.Transposed(kernel.Values, kernel.Shape[0], kernel.Shape[1]), kernel.Name, kernel.Offset);
        draft.Add($"{prefix}bias", bias?.Values ?? new float[kernel.Shape[1]], bias?.Name ?? kernel.Name, bias?.Offset ?? kernel.Offset);
    }

    /// <summary>An array as it is.</summary>
    public void Add(string name, HdfTensor array) => draft.Add(name, array.Values, array.Name, array.Offset);

    /// <exception cref="ModelFormatException">The array has other sizes, or a size of 0.</exception>
    public void Require(string layer, HdfTensor array, int[] shape)
    {
        if (!array.Shape.AsSpan().SequenceEqual(shape) || shape.Contains(0))
        {
            throw Error(
                $"layer {ModelFormatException.Quote(layer)}: {ModelFormatException.Quote(array.Name)} is {SafetensorsTensor.ShapeText(array.Shape)}, expected {SafetensorsTensor.ShapeText(shape)}",
                array.Offset);
        }
    }

    private static float[] Rows(HdfTensor kernel, int columns, int hidden, int gates, KerasLayout layout) => layout == KerasLayout.CuDnn
        ? GateOrder.ColumnBlocks(kernel.Values, columns, hidden, gates)
        : GateOrder.Transposed(kernel.Values, columns, gates * hidden);

    /// <summary>Keras 1's arrays of each gate, one gate's rows under the other's.</summary>
    private static (float[] Input, float[] State, float[] Bias) Joined(ReadOnlySpan<HdfTensor> arrays, int input, int hidden, int gates)
    {
        (var ih, var hh, var bias) = (new float[gates * hidden * input], new float[gates * hidden * hidden], new float[gates * hidden]);
        for (int gate = 0; gate < gates; gate++)
        {
            GateOrder.Transposed(arrays[3 * gate].Values, input, hidden).CopyTo(ih, gate * hidden * input);
            GateOrder.Transposed(arrays[(3 * gate) + 1].Values, hidden, hidden).CopyTo(hh, gate * hidden * hidden);
            arrays[(3 * gate) + 2].Values.CopyTo(bias, gate * hidden);
        }
        return (ih, hh, bias);
    }

    private ModelFormatException Error(string problem, long offset) => new(problem, offset, path);
}
