using System.Text;

namespace FastRnn.Mutations.Changes;

/// <summary>Changes of a protocol buffer's message field by field, with every length around them made to fit, so that what reads its meaning is reached.</summary>
internal static class WireChanges
{
    private static readonly ulong[] _values = [0, 1, 2, 3, 7, 8, 127, 128, 255, 65_536, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue - 1, ulong.MaxValue];

    /// <summary>One change; fields are also taken from <paramref name="other"/>.</summary>
    public static byte[] Change(byte[] message, byte[] other, Random random)
    {
        if (WireField.Parse(message) is not { Count: > 0 } fields)
            return ByteChanges.Change(message, other, [], random);
        var lists = new List<List<WireField>>();
        WireField.Collect(fields, lists);
        List<WireField> list = lists[random.Next(lists.Count)];
        Change(list, lists, other, random);
        return WireField.Write(fields);
    }

    private static void Change(List<WireField> list, List<List<WireField>> lists, byte[] other, Random random)
    {
        int at = random.Next(list.Count);
        WireField field = list[at];
        switch (random.Next(13))
        {
            case 0:
                list.RemoveAt(at);
                break;
            case 1:
                list.Insert(random.Next(list.Count + 1), field.Copy());
                break;
            case 2:
                int second = random.Next(list.Count);
                (list[at], list[second]) = (list[second], field);
                break;
            case 3:
                List<WireField> from = lists[random.Next(lists.Count)];
                WireField taken = from[random.Next(from.Count)];
                (field.Type, field.Value, field.Bytes, field.Inner) = (taken.Type, taken.Value, taken.Bytes, taken.Copy().Inner);
                break;
            case 4:
                list.Insert(at, From(other, random) ?? field.Copy());
                break;
            case 5:
                field.Number = random.Next(3) == 0 ? list[random.Next(list.Count)].Number : 1 + random.Next(20);
                break;
            case 6 when random.Next(4) == 0:
                field.Type = random.Next(8);
                break;
            case 7 when field.Inner != null:
                Nest(field, random.Next(6) == 0 ? 100 : 1);
                break;
            default:
                ChangeValue(field, random);
                break;
        }
    }

    private static WireField? From(byte[] other, Random random)
    {
        if (WireField.Parse(other) is not { Count: > 0 } fields)
            return null;
        var lists = new List<List<WireField>>();
        WireField.Collect(fields, lists);
        List<WireField> list = lists[random.Next(lists.Count)];
        return list[random.Next(list.Count)];
    }

    private static void Nest(WireField field, int depth)
    {
        for (int i = 0; i < depth; i++)
            field.Inner = [new() { Number = field.Number, Type = 2, Inner = field.Inner }];
    }

    private static void ChangeValue(WireField field, Random random)
    {
        if (field.Type != 2)
        {
            field.Value = random.Next(4) switch
            {
                0 => field.Value + 1,
                1 => field.Value - 1,
                2 => (ulong)random.Next(24),
                _ => _values[random.Next(_values.Length)],
            };
            return;
        }
        if (field.Inner != null && random.Next(2) == 0)
            field.Bytes = WireField.Write(field.Inner);
        field.Inner = null;
        field.Bytes = random.Next(7) switch
        {
            0 => [],
            1 => field.Bytes.Length > 0 ? field.Bytes[..^1] : [0],
            2 => [.. field.Bytes, 0],
            3 => Encoding.UTF8.GetBytes(_texts[random.Next(_texts.Length)]),
            _ => ByteChanges.Change(field.Bytes, field.Bytes, [], random),
        };
    }

    private static readonly string[] _texts =
    [
        "", "x", "X", "Y", "LSTM", "GRU", "RNN", "Relu", "Shape", "Reshape", "Expand", "ConstantOfShape", "Concat", "Slice", "Split", "Pad", "Gather", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "MatMul", "Gemm", "ReduceSum", "ReduceMean", "ArgMax", "Softmax", "LayerNormalization", "Clip",
        "Where", "Cast", "Constant", "Add", "Div", "Pow", "Less", "If", "Loop", "Scan", "forward", "reverse", "bidirectional", "Tanh", "\u0000",
        "../x", "/etc/passwd", "ai.onnx", "com.microsoft", "location", "hidden_size", "axis", "axes", "perm", "to", "value", "direction", "activations", "layout", "clip", "\ufffd",
    ];
}
