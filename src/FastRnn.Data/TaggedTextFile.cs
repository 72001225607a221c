namespace FastRnn.Data;

/// <summary>A sentence with a tag for each word.</summary>
/// <param name="Words">The words.</param>
/// <param name="Tags">As many tags.</param>
/// <param name="Path">The file it stands in.</param>
/// <param name="Line">The line of its first word, from 1.</param>
public sealed record TaggedSentence(IReadOnlyList<string> Words, IReadOnlyList<string> Tags, string Path, long Line);

/// <summary>
/// Text with tags: a word a line as <c>word, tab, tag</c>, where further columns are not looked at, and an empty line between sentences.
/// </summary>
public static class TaggedTextFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="DataFormatException">There is no sentence; a line has no tab, word or tag, or is not UTF-8.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<TaggedSentence> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var sentences = new List<TaggedSentence>();
        List<string> words = [], tags = [];
        long first = 0;
        foreach ((long line, string text) in DataLines.Read(path))
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                End();
                continue;
            }
            if (words.Count == 0)
                first = line;
            (string word, string tag) = Columns(path, line, text);
            words.Add(word);
            tags.Add(tag);
        }
        End();
        return sentences.Count > 0 ? sentences : throw new DataFormatException(path, "there is no sentence, all lines are empty");

        void End()
        {
            if (words.Count > 0)
                sentences.Add(new TaggedSentence(words, tags, path, first));
            (words, tags) = ([], []);
        }
    }

    private static (string Word, string Tag) Columns(string path, long line, string text)
    {
        string[] columns = text.Split('\t', 3);
        if (columns.Length < 2)
            throw new DataFormatException(path, "there is no tab: expected word, tab, tag", line);
        string word = columns[0].Trim(), tag = columns[1].Trim();
        if (word.Length == 0)
            throw new DataFormatException(path, "the word before the tab is empty", line);
        return tag.Length > 0 ? (word, tag) : throw new DataFormatException(path, "the tag after the tab is empty", line);
    }
}
