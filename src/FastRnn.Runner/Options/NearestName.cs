namespace FastRnn.Runner;

/// <summary>What was probably meant by a name that does not exist.</summary>
internal static class NearestName
{
    /// <summary>The known name that is nearest, or null when none is near enough to be meant.</summary>
    public static string? Of(string word, IEnumerable<string> known) =>
        known.Select(name => (name, distance: Distance(word, name)))
            .Where(x => x.distance <= (word.TrimStart('-').Length + 2) / 3)
            .OrderBy(x => x.distance).Select(x => x.name).FirstOrDefault();

    /// <summary>Levenshtein distance.</summary>
    private static int Distance(string a, string b)
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
}
