using System.Buffers;

namespace FastRnn.Mutations.Changes;

/// <summary>A value of a JSON text by its bytes: [Begin, End), and where its key begins; −1 without one.</summary>
internal readonly record struct JsonPlace(int Begin, int End, int Key, byte Kind)
{
    public int Start => Key >= 0 ? Key : Begin;

    public bool IsContainer => Kind is (byte)'{' or (byte)'[';

    public bool IsText => Kind == '"';

    /// <summary>A number, or true, false, null.</summary>
    public bool IsPlain => !IsContainer && !IsText;
}

/// <summary>Finds the values of a text that need not be JSON any more: what was changed once is changed again.</summary>
internal static class JsonScan
{
    private static readonly SearchValues<byte> _ends = SearchValues.Create(",:]}[{ \n\r\t"u8);

    public static List<JsonPlace> Places(ReadOnlySpan<byte> text)
    {
        var places = new List<JsonPlace>();
        var open = new Stack<int>();
        int key = -1;
        for (int at = 0; at < text.Length;)
        {
            byte c = text[at];
            if (c is (byte)'}' or (byte)']')
            {
                if (open.TryPop(out int container))
                    places[container] = places[container] with { End = at + 1 };
                at++;
            }
            else if (c is (byte)'{' or (byte)'[')
            {
                open.Push(places.Count);
                places.Add(new(at++, text.Length, key, c));
                key = -1;
            }
            else if (c is (byte)',' or (byte)':' or (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                at++;
            }
            else
            {
                int end = End(text, at);
                if (c == '"' && IsKey(text, end))
                {
                    key = at;
                }
                else
                {
                    places.Add(new(at, end, key, c));
                    key = -1;
                }
                at = end;
            }
        }
        return places;
    }

    private static int End(ReadOnlySpan<byte> text, int at)
    {
        if (text[at] != '"')
        {
            int rest = text[at..].IndexOfAny(_ends);
            return rest < 0 ? text.Length : at + Math.Max(1, rest);
        }
        for (int i = at + 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                return i + 1;
        }
        return text.Length;
    }

    private static bool IsKey(ReadOnlySpan<byte> text, int end)
    {
        while (end < text.Length && text[end] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            end++;
        return end < text.Length && text[end] == ':';
    }
}
