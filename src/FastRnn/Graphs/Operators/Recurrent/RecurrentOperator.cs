using FastRnn.Backends;

namespace FastRnn.Graphs.Operators;

/// <summary>
/// RNN, GRU and LSTM, on the cells of the engine. Y [T, D, N, H], Y_h and Y_c [D, N, H]; with layout 1 [N, T, D, H] and [N, D, H]. A sample of length 0 has
/// outputs and final states 0, whatever its initial state: so ONNX Runtime has it.
/// </summary>
internal sealed class RecurrentOperator(GraphNode node, CellKind kind) : GraphOperator(node)
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("RNN", 7, node => new RecurrentOperator(node, CellKind.Rnn)),
        new("GRU", 7, node => new RecurrentOperator(node, CellKind.Gru)),
        new("LSTM", 7, node => new RecurrentOperator(node, CellKind.Lstm)),
    ];

    private readonly RecurrentAttributes _attributes = new(node, kind);
    private RecurrentWeights[]? _constant;

    /// <summary>What the node says of itself.</summary>
    public RecurrentAttributes Attributes => _attributes;

    public override bool Folds => false;

    public override void Infer(GraphCall call)
    {
        for (int i = 0; i < call.Node.Inputs.Length; i++)
            call.Require(i, i == RecurrentAttributes.Lengths ? ElementType.Int32 : ElementType.Float32);
        int? hidden = _attributes.Hidden ?? Known(call.RequireRank(RecurrentAttributes.R, 3), 2);
        int? input = Known(call.RequireRank(RecurrentAttributes.X, 3), 2) ?? Known(call.RequireRank(RecurrentAttributes.W, 3), 2);
        if (hidden == null)
        {
            SetShapes(call, null, null, null);
            return;
        }
        if (hidden < 1 || input < 1)
            throw Node.Error($"{input} inputs and {hidden} units, each must be at least 1");
        int[]? x = call.InputShapes[RecurrentAttributes.X];
        int? steps = Known(x, _attributes.BatchFirst ? 1 : 0), batch = Known(x, _attributes.BatchFirst ? 0 : 1);
        CheckWeights(call, input, hidden.Value);
        CheckShape(call, RecurrentAttributes.Lengths, [batch]);
        int?[] state = _attributes.BatchFirst ? [batch, _attributes.Directions, hidden] : [_attributes.Directions, batch, hidden];
        CheckShape(call, RecurrentAttributes.InitialHidden, state);
        CheckShape(call, RecurrentAttributes.InitialCell, state);
        SetShapes(call, steps, batch, hidden.Value);
    }

    public override void Bind(GraphCall call)
    {
        if (IsConstant(call, RecurrentAttributes.W) && IsConstant(call, RecurrentAttributes.R) && IsConstant(call, RecurrentAttributes.B) && IsConstant(call, RecurrentAttributes.Peephole))
        {
            long bytes = 0;
            _constant = Written(call, NewWeights(call, ref bytes));
            foreach (RecurrentWeights weights in _constant)
                weights.Prepare(Numerics.WeightPrecision.Float32);
        }
    }

    public override void Run(GraphCall call)
    {
        ReadOnlySpan<int> x = call.Input(RecurrentAttributes.X).Shape;
        var shape = new RecurrentShape(x[_attributes.BatchFirst ? 1 : 0], x[_attributes.BatchFirst ? 0 : 1], _attributes.Directions, _attributes.BatchFirst);
        var scratch = (Scratch)(call.Scratch ??= new Scratch());
        RecurrentWeights[] weights = _constant ?? Written(call, scratch.Weights is { } last && Fits(call, last) ? last : NewWeights(call, ref scratch.WeightBytes));
        scratch.Weights = weights;
        if (scratch.Run is not { } run || run.Weights != weights || run.Shape != shape)
        {
            CheckSize(shape, Math.Max(x[2], weights[0].Hidden));
            scratch.Run = null;
            call.Memory.Reserve(ref scratch.RunBytes, RecurrentRun.Bytes(shape, weights[0], Node.HasInput(RecurrentAttributes.Lengths)), Node);
            scratch.Run = run = new RecurrentRun(call.Backend, weights, shape, _attributes.Backwards);
        }
        run.Compute(call);
    }

    /// <summary>The states of all steps are kept in a run, whether or not somebody asks for them.</summary>
    private void CheckSize(RecurrentShape shape, int width)
    {
        UInt128 bytes = (UInt128)((ulong)shape.Steps + 1) * (ulong)shape.Batch * (ulong)Memory.AlignedBuffer.Pad(width) * sizeof(float);
        if (bytes > (UInt128)Array.MaxLength)
            throw Node.Error($"{shape.Steps} steps of {shape.Batch} samples of {width} values need more than {Array.MaxLength} bytes");
    }

    private static int? Known(int[]? shape, int axis) => shape == null || shape[axis] == ShapeMath.Unknown ? null : shape[axis];

    private void SetShapes(GraphCall call, int? steps, int? batch, int? hidden)
    {
        int t = steps ?? ShapeMath.Unknown, n = batch ?? ShapeMath.Unknown, d = _attributes.Directions, h = hidden ?? ShapeMath.Unknown;
        call.Set(0, ElementType.Float32, _attributes.BatchFirst ? [n, t, d, h] : [t, d, n, h]);
        call.Set(1, ElementType.Float32, _attributes.BatchFirst ? [n, d, h] : [d, n, h]);
        call.Set(2, ElementType.Float32, _attributes.BatchFirst ? [n, d, h] : [d, n, h]);
    }

    private void CheckWeights(GraphCall call, int? input, int hidden)
    {
        long rows = (long)_attributes.Cells[0].Gates * hidden;
        CheckShape(call, RecurrentAttributes.W, [_attributes.Directions, rows, input]);
        CheckShape(call, RecurrentAttributes.R, [_attributes.Directions, rows, hidden]);
        CheckShape(call, RecurrentAttributes.B, [_attributes.Directions, 2 * rows]);
        CheckShape(call, RecurrentAttributes.Peephole, [_attributes.Directions, 3L * hidden]);
    }

    /// <summary>What is known of an input's shape is as wanted, where that is known.</summary>
    private void CheckShape(GraphCall call, int input, ReadOnlySpan<long?> wanted)
    {
        if (!Node.HasInput(input) || call.RequireRank(input, wanted.Length) is not { } shape)
            return;
        for (int i = 0; i < shape.Length; i++)
        {
            if (wanted[i] is { } size && shape[i] != ShapeMath.Unknown && shape[i] != size)
                throw Node.Error($"input {input} is {SafeText.Shape(shape)}, its size {i} must be {size}");
        }
    }

    private void CheckShape(GraphCall call, int input, int?[] wanted) => CheckShape(call, input, Array.ConvertAll(wanted, size => (long?)size));

    private bool IsConstant(GraphCall call, int input) => !Node.HasInput(input) || call.Inputs[input] != null;

    private RecurrentWeights[] NewWeights(GraphCall call, ref long held)
    {
        int input = call.Input(RecurrentAttributes.W).Shape[2], hidden = call.Input(RecurrentAttributes.R).Shape[2];
        var weights = new RecurrentWeights[_attributes.Directions];
        // By rows, packed, and packed for a pass backwards, where the back end does not wait for one.
        UInt128 row = 3 * ((UInt128)Memory.AlignedBuffer.Pad(input) + (UInt128)Memory.AlignedBuffer.Pad(hidden)) * sizeof(float);
        call.Memory.Reserve(ref held, row * (UInt128)(weights.Length * _attributes.Cells[0].Gates) * (UInt128)Memory.AlignedBuffer.Pad(hidden), Node);
        for (int d = 0; d < weights.Length; d++)
            weights[d] = call.Backend.CreateRecurrentWeights(_attributes.Cells[d], input, hidden);
        return weights;
    }

    private static bool Fits(GraphCall call, RecurrentWeights[] weights) =>
        weights[0].Input == call.Input(RecurrentAttributes.W).Shape[2] && weights[0].Hidden == call.Input(RecurrentAttributes.R).Shape[2];

    private static RecurrentWeights[] Written(GraphCall call, RecurrentWeights[] weights)
    {
        for (int d = 0; d < weights.Length; d++)
            NodeWeights.Write(call, d, weights[d]);
        return weights;
    }

    /// <summary>Of one session, with the bytes that are counted for it.</summary>
    private sealed class Scratch
    {
        public long WeightBytes, RunBytes;

        public RecurrentWeights[]? Weights { get; set; }

        public RecurrentRun? Run { get; set; }
    }
}
