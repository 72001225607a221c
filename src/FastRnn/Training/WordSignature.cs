using System.Text;

namespace FastRnn.Training;

/// <summary>
/// What a word looks like, for words that a vocabulary does not know: its shape and ending, as taggers have long guessed from (Weischedel et al.
/// 1993).
/// </summary>
internal static class WordSignature
{
    /// <summary>The symbol of a word of which nothing is known.</summary>
    public const string Unknown = "<unk>";

    /// <summary>What all signatures begin with.</summary>
    public const string Start = "<unk";

    /// <summary>How many signatures every word has.</summary>
    public const int Levels = 5;

    private const int LongestSuffix = 3;

    /// <summary>A word's signatures, the most telling first and <see cref="Unknown"/> last; the same one may stand twice.</summary>
    public static string[] Of(string word)
    {
        string shape = Shape(word, out bool hasSuffix), lower = word.ToLowerInvariant();
        string start = shape.Length == 0 ? Start : $"{Start}-{shape}";
        var signatures = new string[Levels];
        (signatures[^1], signatures[^2]) = (Unknown, $"{start}>");
        for (int suffix = 1; suffix <= LongestSuffix; suffix++)
        {
            bool fits = hasSuffix && lower.Length > suffix + 1 && !char.IsLowSurrogate(lower[^suffix]);
            signatures[LongestSuffix - suffix] = fits ? $"{start}-{lower[^suffix..]}>" : signatures[LongestSuffix - suffix + 1];
        }
        return signatures;
    }

    private static string Shape(string word, out bool hasSuffix)
    {
        int letters = 0, upper = 0, digits = 0, others = 0;
        foreach (Rune rune in word.EnumerateRunes())
        {
            if (Rune.IsDigit(rune))
                digits++;
            else if (Rune.IsLetter(rune))
                (letters, upper) = (letters + 1, upper + (Rune.IsUpper(rune) ? 1 : 0));
            else
                others++;
        }
        hasSuffix = digits == 0 && letters > 0 && char.IsLetter(word[^1]);
        if (letters == 0)
            return digits > 0 ? "digit" : "punct";
        string hyphen = others > 0 && word.Contains('-', StringComparison.Ordinal) ? "hyphen" : "";
        if (digits > 0)
            return "mixed" + (hyphen.Length > 0 ? "-" + hyphen : "");
        bool startsUpper = char.IsUpper(word[0]);
        string size = upper == letters && letters > 1 ? "CAPS" : startsUpper ? "Cap" : "";
        return size.Length > 0 && hyphen.Length > 0 ? $"{size}-{hyphen}" : size + hyphen;
    }
}
