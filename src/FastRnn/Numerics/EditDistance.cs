namespace FastRnn.Numerics;

/// <summary>How far words are from one another.</summary>
internal static class EditDistance
{
    /// <summary>Insertions, deletions and substitutions between two words (Levenshtein 1966).</summary>
    public static int Between(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }

    /// <summary>The known word that was probably meant, or null where none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known) =>
        known.Select(name => (Name: name, Distance: Between(word, name)))
            .Where(x => x.Distance <= (word.TrimStart('-').Length + 2) / 3)
            .OrderBy(x => x.Distance).Select(x => x.Name).FirstOrDefault();
}
