using System.Net;
using System.Text;

namespace FastRnn.Runner;

/// <summary>Plain text as a page may hold it.</summary>
internal static class ReportText
{
    /// <summary>Escaped, with what a page cannot show made visible.</summary>
    public static string Encode(string text) => WebUtility.HtmlEncode(Visible(text));

    /// <summary>Control characters other than line ends and tabs, and halves of surrogate pairs, are no text: U+FFFD stands for them.</summary>
    public static string Visible(string text)
    {
        var visible = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes()) // half a pair comes as U+FFFD
            visible.Append(Rune.IsControl(rune) && rune.Value is not ('\n' or '\t') ? "\uFFFD" : rune.ToString());
        return visible.ToString();
    }
}
