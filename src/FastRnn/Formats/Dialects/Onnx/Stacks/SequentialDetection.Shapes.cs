using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>Nodes that move data and states about: what they do to the axes.</summary>
internal sealed partial class SequentialDetection
{
    private static StackData? Cast(GraphNode node, StackValue?[] inputs)
    {
        const long int32 = 6, int64 = 7;
        return inputs[0] is StackData data && !data.Axes.Contains('F', StringComparison.Ordinal) && node.Integer("to", 0) is int32 or int64 ? (StackData)inputs[0]! : null;
    }

    private static StackValue? Transpose(GraphNode node, StackValue?[] inputs)
    {
        string? axes = inputs[0] switch { StackData data => data.Axes, StackStates states => states.Axes, _ => null };
        if (axes == null)
            return null;
        long[] order = node.Integers("perm") ?? [.. Enumerable.Range(0, axes.Length).Reverse().Select(axis => (long)axis)];
        if (order.Length != axes.Length || order.Distinct().Count() != axes.Length || order.Any(axis => axis < 0 || axis >= axes.Length))
            return null;
        return WithAxes(inputs[0]!, string.Concat(order.Select(axis => axes[(int)axis])));
    }

    private StackValue? Squeeze(GraphNode node, StackValue?[] inputs)
    {
        string? axes = inputs[0] switch { StackData data => data.Axes, StackStates states => states.Axes, _ => null };
        if (axes == null || Numbers(node, inputs, "axes", 1) is not { } numbers)
            return null;
        var removed = new HashSet<int>();
        foreach (long number in numbers)
        {
            int axis = (int)(number < 0 ? number + axes.Length : number);
            if (axis < 0 || axis >= axes.Length || !IsOne(inputs[0]!, axes[axis]) || !removed.Add(axis))
                return null;
        }
        return WithAxes(inputs[0]!, string.Concat(axes.Where((_, i) => !removed.Contains(i))));
    }

    /// <summary>Whether the file's own sizes say that an axis has the size 1.</summary>
    private bool IsOne(StackValue value, char axis) => axis switch
    {
        '1' => true,
        'D' => Layers[((StackData)value).Layers - 1].Type != "bidirectional",
        'L' => ((StackStates)value).Items.Length == 1,
        _ => false,
    };

    private static StackValue? Unsqueeze(GraphNode node, StackValue?[] inputs)
    {
        if (inputs[0] is StackStateInput or StackData { Layers: 0 } && Numbers(node, inputs, "axes", 1) is null)
            return null;
        if (inputs[0] is StackStateInput)
            return inputs[0];
        string? axes = inputs[0] switch { StackData data => data.Axes, StackStates states => states.Axes, _ => null };
        if (axes == null || Numbers(node, inputs, "axes", 1) is not [long number])
            return null;
        int axis = (int)(number < 0 ? number + axes.Length + 1 : number);
        return axis < 0 || axis > axes.Length ? null : WithAxes(inputs[0]!, axes.Insert(axis, "1"));
    }

    /// <summary>Only both directions of a step as its features: […, D, F] as […, D·F].</summary>
    private StackData? Reshape(GraphNode node, StackValue?[] inputs)
    {
        if (inputs[1] is not StackConstant { Tensor.Type: ElementType.Int64 } shape || node.Flag("allowzero"))
            return null;
        ReadOnlySpan<long> sizes = shape.Tensor.Values<long>();
        switch (inputs[0])
        {
            case StackData { Axes: [.., 'D', 'F'] } data when IsTip(data) && Joins(data.Axes[..^2], data.Input, sizes, _width):
                return data with { Axes = data.Axes[..^2] + 'F' };
            case StackStates { Axes: [.., 'L', 'F'] } states when BothDirections(states) is { } data && Joins(states.Axes[..^2], data.Input, sizes, _width):
                return data;
            default:
                return null;
        }
    }

    /// <summary>Whether a shape leaves the axes before the last as they are.</summary>
    private bool Joins(string axes, int input, ReadOnlySpan<long> sizes, int width)
    {
        if (sizes.Length != axes.Length + 1 || (sizes[^1] != -1 && sizes[^1] != width))
            return false;
        for (int i = 0; i < axes.Length; i++)
        {
            bool same = sizes[i] == 0 || (sizes[i] == -1 && axes.Length == 1) || (axes[i] == '1' && sizes[i] == 1)
                || (axes[i] is >= 'a' and <= 'd' && sizes[i] > 0 && _definition.Inputs[input].Shape![axes[i] - 'a'].Size == sizes[i]);
            if (!same)
                return false;
        }
        return true;
    }

    /// <summary>Rows of a table by tokens; the last step; one of several states.</summary>
    private StackValue? Gather(GraphNode node, StackValue?[] inputs)
    {
        long number = node.Integer("axis", 0);
        if (inputs[0] is StackConstant table)
            return number == 0 ? Embedding(table, inputs[1]) : null;
        if (inputs[0] is StackStateInput)
            return inputs[0];
        if (inputs[1] is not StackConstant { Tensor: { Length: 1, Type: ElementType.Int64 or ElementType.Int32 } index })
            return null;
        bool keeps = index.Shape.Length > 0;
        return Pick(inputs[0], number, index.Integer(0), index.Integer(0) == -1, keeps);
    }

    /// <summary>One place of an axis: of time the last, of states any.</summary>
    private StackValue? Pick(StackValue? from, long number, long place, bool isLast, bool keeps)
    {
        switch (from)
        {
            case StackData { Layers: 0 } data when data.Axes[^1] == 'F' && (_time == 0 || _data != data.Input):
                return new StackStateInput(data.Input);
            case StackData data when data.Axis(number) is var axis and >= 0:
                if (data.Axes[axis] == 'D' && IsOne(data, 'D') && place is 0 or -1)
                    return data with { Axes = data.Axes.Remove(axis, 1).Insert(axis, keeps ? "D" : "") };
                return _time != 0 && data.Axes[axis] == _time && isLast
                    ? data with { Axes = data.Axes.Remove(axis, 1).Insert(axis, keeps ? "1" : ""), IsLast = true }
                    : null;
            case StackStates states:
                int list = (int)(number < 0 ? number + states.Axes.Length : number);
                if (list < 0 || list >= states.Axes.Length || states.Axes[list] != 'L')
                    return null;
                if (place < 0)
                    place += states.Items.Length;
                return place < 0 || place >= states.Items.Length
                    ? null
                    : new StackStates([states.Items[place]], keeps ? states.Axes : states.Axes.Remove(list, 1));
            default:
                return null;
        }
    }

    private static StackStateInput? Split(GraphNode node, StackValue?[] inputs)
    {
        foreach (string attribute in (ReadOnlySpan<string>)["axis", "split", "num_outputs"])
            node.Ignore(attribute);
        return inputs[0] is StackData { Layers: 0 } data ? new StackStateInput(data.Input) : inputs[0] as StackStateInput;
    }

    private StackValue? Slice(GraphNode node, StackValue?[] inputs)
    {
        if (Numbers(node, inputs, "starts", 1) is not [long start] || Numbers(node, inputs, "ends", 2) is not [long end])
            return null;
        long axis = 0;
        if (node.HasInput(3) || node.Has("axes"))
        {
            if (Numbers(node, inputs, "axes", 3) is not [long given])
                return null;
            axis = given;
        }
        if (node.HasInput(4) && Numbers(node, inputs, "", 4) is not [1])
            return null;
        const long behind = int.MaxValue;
        if (start == 0 && end >= behind)
            return inputs[0];
        if (inputs[0] is StackStateInput)
            return inputs[0];
        if (inputs[0] is StackData { Layers: 0 } part && part.Axes[^1] == 'F' && (_time == 0 || part.Input != _data))
            return new StackStateInput(part.Input);
        if (inputs[0] is StackData data)
            return start == -1 && end >= behind ? Pick(data, axis, start, true, keeps: true) : null;
        if (inputs[0] is not StackStates states || axis != states.Axes.IndexOf('L', StringComparison.Ordinal))
            return null;
        int count = states.Items.Length, from = Place(start, count), to = Place(end, count);
        return from < to ? states with { Items = states.Items[from..to] } : null;
    }

    private static int Place(long place, int count) => (int)Math.Clamp(place < 0 ? place + count : place, 0, count);

    private StackValue? Concat(GraphNode node, StackValue?[] inputs)
    {
        if (!inputs.All(input => input is StackStates))
            return null;
        StackStates[] parts = [.. inputs.Select(input => (StackStates)input!)];
        string axes = parts[0].Axes;
        if (parts.Any(part => part.Axes != axes))
            return null;
        long number = node.Integer("axis", 0);
        int axis = (int)(number < 0 ? number + axes.Length : number);
        if (axis < 0 || axis >= axes.Length)
            return null;
        var all = new StackStates([.. parts.SelectMany(part => part.Items)], axes);
        StackValue? joined = null;
        if (axes[axis] == 'L')
            joined = all;
        else if (axes[axis] == 'F' && parts.All(part => part.Items.Length == 1) && BothDirections(all) is { } data)
            joined = data with { Axes = axes.Replace('L', '1') };
        return joined;
    }

    /// <summary>Both final h of the last layer, which reads both ways, side by side: it then gives the step that has read all.</summary>
    private StackData? BothDirections(StackStates states)
    {
        int last = Layers.Count - 1;
        if (_data < 0 || last < 0 || Layers[last].Type != "bidirectional" || states.Items is not [{ Direction: 0, IsCell: false } first, { Direction: 1, IsCell: false } second])
            return null;
        if (first.Layer != last || second.Layer != last)
            return null;
        return new StackData(_data, states.Axes.Replace("L", "", StringComparison.Ordinal), Layers.Count, _stage, IsLast: true, IsAllRead: true);
    }

    /// <summary>The final h of the last layer as its last step.</summary>
    private StackData? AsData(StackValue? value)
    {
        if (value is StackData data)
            return data;
        int last = Layers.Count - 1;
        if (value is not StackStates { Items: [{ IsCell: false } item] } states || item.Layer != last || _data < 0 || Layers[last].Type == "bidirectional")
            return null;
        return new StackData(_data, states.Axes.Replace('L', '1'), Layers.Count, _stage, IsLast: true, IsAllRead: Layers[last].Type == "go_backwards");
    }

    private static StackValue WithAxes(StackValue value, string axes) => value switch
    {
        StackData data => data with { Axes = axes },
        StackStates states => states with { Axes = axes },
        _ => value,
    };

    /// <summary>Integers that are an attribute in older files and a constant input in newer ones.</summary>
    private static long[]? Numbers(GraphNode node, StackValue?[] inputs, string attribute, int input)
    {
        if (attribute.Length > 0 && node.Has(attribute))
            return node.Integers(attribute);
        if (input >= inputs.Length || inputs[input] is not StackConstant { Tensor: { Type: ElementType.Int64 or ElementType.Int32 } tensor })
            return null;
        var numbers = new long[tensor.Length];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = tensor.Integer(i);
        return numbers;
    }
}
