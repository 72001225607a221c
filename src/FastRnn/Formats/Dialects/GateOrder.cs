namespace FastRnn.Formats.Dialects;

/// <summary>
/// The only place where gates change their order and matrices their direction. Every order is a word of one letter a gate, so that a reader's line says what the
/// file has and what the engine wants: <c>GateOrder.Rows(w, hidden, columns, GateOrder.OnnxLstm, GateOrder.Lstm)</c>. The engine's own layout is PyTorch's: blocks of
/// <c>hidden</c> rows, i f g o and r z n.
/// </summary>
internal static class GateOrder
{
    /// <summary>The engine's and PyTorch's: input, forget, candidate (g), output.</summary>
    public const string Lstm = "ifgo";

    /// <summary>The engine's and PyTorch's: reset, update (z), candidate (n).</summary>
    public const string Gru = "rzn";

    /// <summary>The engine's peepholes.</summary>
    public const string Peepholes = "ifo";

    /// <summary>Keras, RTNeural, cuDNN: i f c o, the engine's order by other letters.</summary>
    public const string KerasLstm = "ifgo";

    /// <summary>Keras, RTNeural, ONNX: z r h.</summary>
    public const string KerasGru = "zrn";

    /// <summary>Keras 1, which keeps each gate's arrays apart: i c f o.</summary>
    public const string Keras1Lstm = "igfo";

    /// <summary>ONNX: i o f c.</summary>
    public const string OnnxLstm = "iofg";

    /// <summary>ONNX: z r h.</summary>
    public const string OnnxGru = "zrn";

    /// <summary>ONNX: i o f.</summary>
    public const string OnnxPeepholes = "iof";

    /// <summary>A cell of one gate, which has no order.</summary>
    public const string Rnn = "h";

    /// <summary>Blocks of rows, [gates·hidden, columns] row-major, in another order; a bias has one column.</summary>
    public static float[] Rows(ReadOnlySpan<float> values, int hidden, int columns, string from, string to)
    {
        int block = checked(hidden * columns);
        Check(values.Length, from, to, block);
        var result = new float[values.Length];
        for (int gate = 0; gate < to.Length; gate++)
            values.Slice(from.IndexOf(to[gate], StringComparison.Ordinal) * block, block).CopyTo(result.AsSpan(gate * block));
        return result;
    }

    /// <summary>[rows, columns] as [columns, rows], both row-major: Keras keeps its kernels the other way.</summary>
    public static float[] Transposed(ReadOnlySpan<float> values, int rows, int columns)
    {
        if (values.Length != (long)rows * columns)
            throw new ArgumentException($"{values.Length} values are not {rows} × {columns}");
        var result = new float[values.Length];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
                result[(column * rows) + row] = values[(row * columns) + column];
        }
        return result;
    }

    /// <summary>
    /// Blocks of columns, [rows, gates·columns], as blocks of their own, each [rows, columns]. Keras keeps cuDNN's matrices so that each block, as it then lies in memory, is the
    /// gate's [hidden, input].
    /// </summary>
    public static float[] ColumnBlocks(ReadOnlySpan<float> values, int rows, int columns, int gates)
    {
        if (values.Length != (long)rows * columns * gates)
            throw new ArgumentException($"{values.Length} values are not {rows} × {columns} × {gates}");
        var result = new float[values.Length];
        for (int gate = 0; gate < gates; gate++)
        {
            for (int row = 0; row < rows; row++)
                values.Slice(((row * gates) + gate) * columns, columns).CopyTo(result.AsSpan(((gate * rows) + row) * columns));
        }
        return result;
    }

    /// <summary>The values of one gate's block replaced by their negatives: turns an update gate z into 1 − z.</summary>
    public static void Negate(Span<float> values, int hidden, int columns, string order, char gate)
    {
        foreach (ref float value in values.Slice(order.IndexOf(gate, StringComparison.Ordinal) * hidden * columns, hidden * columns))
            value = -value;
    }

    private static void Check(int length, string from, string to, int block)
    {
        if (from.Length != to.Length || length != (long)from.Length * block || !to.All(letter => from.Contains(letter, StringComparison.Ordinal)))
            throw new ArgumentException($"{length} values cannot go from {from} to {to} in blocks of {block}");
    }
}
