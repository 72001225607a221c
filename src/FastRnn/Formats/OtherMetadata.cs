namespace FastRnn.Formats;

/// <summary>What files say of themselves beside what FastRnn's own records do; see <see cref="ModelInfo.Metadata"/>.</summary>
internal static class OtherMetadata
{
    /// <summary>Characters of all names and values: readers have limits for what files of the same kind say.</summary>
    public const int Longest = 1 << 16;

    /// <summary>What the format says itself: its records, and for whom weights are laid out.</summary>
    public static bool IsOwn(string name) => name == "format" || name.StartsWith(SafetensorsEnvelope.Prefix, StringComparison.Ordinal);

    public static Dictionary<string, string> Of(SafetensorsFile file) =>
        file.Metadata.Where(item => !IsOwn(item.Key)).ToDictionary(item => item.Key, item => item.Value, StringComparer.Ordinal);

    /// <summary>What fits into a file, and the names of the rest.</summary>
    /// <param name="metadata">In the order in which it is to be kept.</param>
    /// <param name="hasPlace">Whether a kind of file has a place for a name; null for all.</param>
    public static (Dictionary<string, string> Kept, List<string> Left) Fitting(IReadOnlyDictionary<string, string> metadata, Func<string, bool>? hasPlace = null)
    {
        var kept = new Dictionary<string, string>(StringComparer.Ordinal);
        var left = new List<string>();
        long length = 0;
        foreach ((string name, string value) in metadata.Where(item => !IsOwn(item.Key)))
        {
            long longer = length + name.Length + value.Length;
            if (longer > Longest || hasPlace?.Invoke(name) == false)
                left.Add(name);
            else
                (kept[name], length) = (value, longer);
        }
        return (kept, left);
    }

    /// <summary>A few names, for a note.</summary>
    public static string Some(List<string> names) => $"{string.Join(", ", names.Take(5).Select(name => ModelFormatException.Quote(name)))}{(names.Count > 5 ? $" and {names.Count - 5} others" : "")}";

    /// <summary>What a file keeps, in order.</summary>
    /// <exception cref="ArgumentException">It is too long.</exception>
    public static List<KeyValuePair<string, string>> Kept(ModelInfo info)
    {
        List<KeyValuePair<string, string>> kept = [.. info.Metadata.Where(item => !IsOwn(item.Key)).OrderBy(item => item.Key, StringComparer.Ordinal)];
        long length = kept.Sum(item => (long)item.Key.Length + item.Value.Length);
        return length <= Longest ? kept : throw new ArgumentException($"the metadata has {length} characters, at most {Longest} fit", nameof(info));
    }
}
