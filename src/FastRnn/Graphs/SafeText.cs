using System.Globalization;
using System.Text;

namespace FastRnn.Graphs;

/// <summary>Text that came out of a file, made fit to print.</summary>
internal static class SafeText
{
    /// <summary>Text of a hostile file between quotes, so that it can neither fill the terminal nor steer it.</summary>
    public static string Quote(string text, int longest = 80)
    {
        var shown = new StringBuilder("'");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, longest)))
        {
            if (c is >= ' ' and < '\u007f')
                shown.Append(c);
            else
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return shown.Append(text.Length > longest ? "…'" : "'").ToString();
    }

    /// <summary><c>[2, -1, 7]</c>, the first of them where there are many.</summary>
    public static string List(ReadOnlySpan<long> numbers)
    {
        const int most = 32;
        return $"[{string.Join(", ", numbers[..Math.Min(numbers.Length, most)].ToArray())}{(numbers.Length > most ? ", …" : "")}]";
    }

    /// <summary><c>[2, ?, 7]</c>; a size below zero is not known.</summary>
    public static string Shape(ReadOnlySpan<int> shape)
    {
        var shown = new StringBuilder("[");
        for (int i = 0; i < shape.Length; i++)
        {
            if (i > 0)
                shown.Append(", ");
            if (shape[i] < 0)
                shown.Append('?');
            else
                shown.Append(shape[i].ToString(CultureInfo.InvariantCulture));
        }
        return shown.Append(']').ToString();
    }
}
