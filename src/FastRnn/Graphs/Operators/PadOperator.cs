using System.Runtime.InteropServices;

namespace FastRnn.Graphs.Operators;

/// <summary>Elements put before and behind every axis: a value, the nearest element, or the tensor mirrored or repeated; negative numbers cut.</summary>
internal sealed class PadOperator : GraphOperator
{
    private readonly long[]? _pads;
    private readonly float _value;
    private readonly string _mode;
    private readonly bool _byInput;

    public PadOperator(GraphNode node)
        : base(node)
    {
        _byInput = node.Opset >= 11;
        node.Arity(_byInput ? 2 : 1, node.Opset >= 18 ? 4 : _byInput ? 3 : 1);
        _mode = node.Text("mode", "constant");
        if (_mode is not ("constant" or "reflect" or "edge") && !(_mode == "wrap" && node.Opset >= 19))
            throw node.Error($"mode {SafeText.Quote(_mode)} is not known for opset {node.Opset}");
        if (_byInput)
            return;
        (_pads, _value) = (node.Integers("pads"), node.Float("value", 0));
        if (_pads == null)
            throw node.Error("attribute pads is missing");
    }

    public override bool ShapedBy(int input) => input is 1 or 3;

    public override void Infer(GraphCall call)
    {
        if (_byInput)
        {
            call.Require(2 < call.Inputs.Length ? 2 : 0, call.InputTypes[0]);
            call.RequireSingle(2, "the value");
        }
        int[]? from = call.InputShapes[0];
        int[]? shape = null;
        if (from != null)
        {
            (long[] Before, long[] Behind)? pads = Pads(call, from.Length);
            shape = new int[from.Length];
            for (int i = 0; i < shape.Length; i++)
                shape[i] = from[i] < 0 || pads == null ? ShapeMath.Unknown : Size(from[i], pads.Value.Before[i], pads.Value.Behind[i]);
            call.Scratch = pads?.Before;
        }
        call.Set(0, call.InputTypes[0], shape);
    }

    public override void Run(GraphCall call)
    {
        GraphTensor x = call.Input(0), y = call.Output(0);
        if (y.Length == 0)
            return; // however long the other axes are
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        value.Clear();
        if (_byInput && call.Inputs.Length > 2 && call.Inputs[2] is { } given)
            given.Bytes.CopyTo(value);
        else if (!_byInput)
            Write(x.Type, value);
        var before = (long[])call.Scratch!;
        switch (x.Type.Size())
        {
            case 1:
                Fill(x, y, value[0], before);
                break;
            case 4:
                Fill(x, y, MemoryMarshal.Read<uint>(value), before);
                break;
            default:
                Fill(x, y, MemoryMarshal.Read<ulong>(value), before);
                break;
        }
    }

    private void Fill<T>(GraphTensor x, GraphTensor y, T value, ReadOnlySpan<long> before)
        where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(x.Bytes);
        Span<T> to = MemoryMarshal.Cast<byte, T>(y.Bytes);
        int rank = x.Shape.Length, width = rank == 0 ? 1 : y.Shape[^1];
        Span<int> strides = stackalloc int[rank], index = stackalloc int[rank];
        ShapeMath.Strides(x.Shape, strides);
        index.Clear();
        for (int row = 0; row < to.Length; row += width)
        {
            int start = 0;
            for (int axis = 0; axis < rank - 1 && start >= 0; axis++)
                start = Source(index[axis] - before[axis], x.Shape[axis]) is >= 0 and var place ? start + (place * strides[axis]) : -1;
            for (int i = 0; i < width; i++)
            {
                int place = start < 0 ? -1 : rank == 0 ? 0 : Source(i - before[^1], x.Shape[^1]);
                to[row + i] = place < 0 ? value : from[start + place];
            }
            for (int axis = rank - 2; axis >= 0 && ++index[axis] == y.Shape[axis]; axis--)
                index[axis] = 0;
        }
    }

    private void Write(ElementType type, Span<byte> value)
    {
        if (type == ElementType.Float64)
            BitConverter.TryWriteBytes(value, (double)_value);
        else if (type == ElementType.Float32)
            BitConverter.TryWriteBytes(value, _value);
        else
            throw Node.Error($"it takes floats before opset 11, not {type.Name()}");
    }

    private int Size(int size, long before, long behind)
    {
        if (before is < -int.MaxValue or > int.MaxValue || behind is < -int.MaxValue or > int.MaxValue || size + before + behind is < 0 or > int.MaxValue)
            throw Node.Error($"{before} before and {behind} behind an axis of {size} cannot be");
        if (_mode != "constant" && size == 0 && before + behind > 0)
            throw Node.Error("an axis of 0 has no elements to repeat");
        if (_mode == "reflect" && (before >= size || behind >= size) && size > 0 && (before > 0 || behind > 0))
            throw Node.Error($"an axis of {size} cannot be mirrored by {Math.Max(before, behind)}");
        return (int)(size + before + behind);
    }

    private (long[] Before, long[] Behind)? Pads(GraphCall call, int rank)
    {
        long[]? pads = _byInput ? call.Integers(1) : _pads;
        long[]? axes = Node.HasInput(3) ? call.Integers(3) : null;
        if (pads == null || (Node.HasInput(3) && axes == null))
            return null;
        int count = axes?.Length ?? rank;
        if (pads.Length != 2 * count)
            throw Node.Error($"{pads.Length} numbers are not two for each of {count} axes");
        (long[] before, long[] behind) = (new long[rank], new long[rank]);
        for (int i = 0; i < count; i++)
        {
            int axis = ShapeMath.Axis(axes?[i] ?? i, rank, Node);
            (before[axis], behind[axis]) = (pads[i], pads[count + i]);
        }
        return (before, behind);
    }

    /// <summary>The index of an axis that an element comes from; −1 for the value.</summary>
    private int Source(long place, int size)
    {
        if (place >= 0 && place < size)
            return (int)place;
        return _mode switch
        {
            "edge" => place < 0 ? 0 : size - 1,
            "wrap" => (int)(((place % size) + size) % size),
            "reflect" => (int)(place < 0 ? -place : (2L * (size - 1)) - place),
            _ => -1,
        };
    }
}
