using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FastRnn.Mutations.Changes;

/// <summary>Changes of a JSON text value by value: so the text mostly stays JSON, and what reads its meaning is reached.</summary>
internal static class JsonChanges
{
    /// <summary>Nothing grows beyond this.</summary>
    public const int MostBytes = 1 << 18;

    private static readonly string[] _values =
    [
        "null", "true", "false", "0", "1", "-1", "2", "3", "0.5", "-0", "1.0", "1e9", "1e999", "-1e999", "1e-400", "65536", "65537", "2147483647", "2147483648", "4294967296",
        "9223372036854775807", "18446744073709551615", "99999999999999999999999999", "\"\"", "\"x\"", "\"0\"", "\"NaN\"", "\"\\u0000\"", "\"\\ud800\"", "\"..\"", "\"/etc/passwd\"",
        "[]", "{}", "[null]", "[0]", "[[]]", "[1,2,3]", "[-1]", "[2147483647,2147483647]", "{\"\":null}", "NaN", "Infinity", "//", "\"lstm\"", "\"gru\"", "\"dense\"", "\"tanh\"",
    ];

    /// <summary>One change of a text; values are also taken from <paramref name="other"/>.</summary>
    public static byte[] Change(byte[] text, byte[] other, Random random)
    {
        List<JsonPlace> places = JsonScan.Places(text);
        if (places.Count == 0 || text.Length > MostBytes)
            return ByteChanges.Change(text, other, [], random);
        JsonPlace place = Choose(places, random);
        if (random.Next(2) == 0 && places.FindAll(candidate => HoldsJson(text, candidate)) is { Count: > 0 } texts)
            place = texts[random.Next(texts.Count)];
        if (place.IsText && random.Next(4) > 0 && Inside(text, place, other, random) is { } inside)
            return inside;
        switch (random.Next(12))
        {
            case 0:
            case 1:
                return Replace(text, place, _values[random.Next(_values.Length)]);
            case 2:
                return Removed(text, place);
            case 3:
                return Doubled(text, place);
            case 4:
                return Swapped(text, place, Choose(places, random));
            case 5:
                return Replace(text, place, Encoding.UTF8.GetString(From(other, random)));
            case 6:
                return Renamed(text, place, Choose(places, random), random);
            case 7:
                return Nested(text, place, random);
            case 8:
                return ByteChanges.Change(text, other, [], random);
            case 9 when place.IsContainer:
                return Replace(text, place, place.Kind == '{' ? "[]" : "{}");
            default:
                return Number(text, place, random);
        }
    }

    /// <summary>Weights are most of some texts: three times of four something else is taken.</summary>
    private static JsonPlace Choose(List<JsonPlace> places, Random random)
    {
        bool any = random.Next(4) == 0;
        for (int i = 0; i < 200; i++)
        {
            JsonPlace place = places[random.Next(places.Count)];
            if (any || place.Key >= 0 || place.IsContainer || place.IsText)
                return place;
        }
        return places[0];
    }

    private static byte[] From(byte[] other, Random random)
    {
        List<JsonPlace> places = JsonScan.Places(other);
        if (places.Count == 0)
            return "0"u8.ToArray();
        JsonPlace place = Choose(places, random);
        return other[place.Begin..place.End];
    }

    private static byte[] Replace(byte[] text, JsonPlace place, string by) => ByteChanges.Replace(text, place.Begin, place.End - place.Begin, Encoding.UTF8.GetBytes(by));

    /// <summary>With one of the commas beside it.</summary>
    private static byte[] Removed(byte[] text, JsonPlace place)
    {
        int begin = place.Start, end = place.End;
        if (end < text.Length && text[end] == ',')
            end++;
        else if (begin > 0 && text[begin - 1] == ',')
            begin--;
        return ByteChanges.Replace(text, begin, end - begin, []);
    }

    private static byte[] Doubled(byte[] text, JsonPlace place)
    {
        byte[] again = [(byte)',', .. text[place.Start..place.End]];
        return ByteChanges.Replace(text, place.End, 0, again);
    }

    private static byte[] Swapped(byte[] text, JsonPlace a, JsonPlace b)
    {
        if (a.Begin > b.Begin)
            (a, b) = (b, a);
        if (a.End > b.Begin)
            return Replace(text, a, "0"); // one inside the other
        return [.. text[..a.Begin], .. text[b.Begin..b.End], .. text[a.End..b.Begin], .. text[a.Begin..a.End], .. text[b.End..]];
    }

    /// <summary>Its key becomes another's, or one that nobody knows.</summary>
    private static byte[] Renamed(byte[] text, JsonPlace place, JsonPlace other, Random random)
    {
        if (place.Key < 0)
            return Removed(text, place);
        int end = text.AsSpan(place.Key + 1).IndexOf((byte)'"') + place.Key + 2;
        byte[] name = "\"x\""u8.ToArray();
        if (other.Key >= 0 && random.Next(3) > 0)
            name = text[other.Key..(text.AsSpan(other.Key + 1).IndexOf((byte)'"') + other.Key + 2)];
        return ByteChanges.Replace(text, place.Key, end - place.Key, name);
    }

    private static byte[] Nested(byte[] text, JsonPlace place, Random random)
    {
        int depth = random.Next(8) == 0 ? 1 + random.Next(200) : 1;
        bool list = random.Next(2) == 0;
        string before = string.Concat(Enumerable.Repeat(list ? "[" : "{\"a\":", depth)), after = new(list ? ']' : '}', depth);
        return Replace(text, place, before + Encoding.UTF8.GetString(text, place.Begin, place.End - place.Begin) + after);
    }

    private static byte[] Number(byte[] text, JsonPlace place, Random random)
    {
        string old = Encoding.UTF8.GetString(text, place.Begin, Math.Min(place.End - place.Begin, 40));
        if (!place.IsPlain || !double.TryParse(old, CultureInfo.InvariantCulture, out double value))
            return Replace(text, place, random.Next(40).ToString(CultureInfo.InvariantCulture));
        double changed = random.Next(8) switch { 0 => value + 1, 1 => value - 1, 2 => -value, 3 => 0, 4 => value * 2, 5 => value + 0.5, 6 => 1e30, _ => int.MaxValue };
        return Replace(text, place, changed.ToString("R", CultureInfo.InvariantCulture));
    }

    private static bool HoldsJson(byte[] text, JsonPlace place) => place.IsText && place.Begin + 1 < text.Length && text[place.Begin + 1] is (byte)'{' or (byte)'[';

    /// <summary>A text that is JSON itself is changed inside, as JSON.</summary>
    private static byte[]? Inside(byte[] text, JsonPlace place, byte[] other, Random random)
    {
        if (!HoldsJson(text, place))
            return null;
        string inner;
        try
        {
            var reader = new Utf8JsonReader(text.AsSpan(place.Begin, place.End - place.Begin));
            reader.Read();
            inner = reader.GetString()!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
        byte[] changed = Change(Encoding.UTF8.GetBytes(inner), other, random);
        return Replace(text, place, $"\"{JsonEncodedText.Encode(Encoding.UTF8.GetString(changed), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
    }
}
