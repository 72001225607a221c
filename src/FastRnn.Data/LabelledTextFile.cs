namespace FastRnn.Data;

/// <summary>A text and its class.</summary>
/// <param name="Label">The class.</param>
/// <param name="Text">What is to be classified.</param>
/// <param name="Path">The file it stands in.</param>
/// <param name="Line">Its line there, from 1.</param>
public sealed record LabelledText(string Label, string Text, string Path, long Line);

/// <summary>
/// Texts with labels: a file of lines <c>label, tab, text</c>, where further columns are not looked at, or a folder of <c>.txt</c> files, one
/// for each class and named after it, with a text a line. Empty lines are passed over.
/// </summary>
public static class LabelledTextFile
{
    /// <summary>Reads a file or a folder. Samples of a folder stand file after file, by name.</summary>
    /// <exception cref="DataFormatException">There is no sample; a line has no tab, label or text, or is not UTF-8.</exception>
    /// <exception cref="IOException">Something cannot be read.</exception>
    public static IReadOnlyList<LabelledText> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? ReadFolder(path) : ReadFile(path);
    }

    private static List<LabelledText> ReadFile(string path)
    {
        var samples = new List<LabelledText>();
        foreach ((long line, string text) in DataLines.Read(path))
        {
            if (string.IsNullOrWhiteSpace(text))
                continue;
            string[] columns = text.Split('\t', 3);
            if (columns.Length < 2)
                throw new DataFormatException(path, "there is no tab: expected label, tab, text", line);
            string label = columns[0].Trim(), content = columns[1].Trim();
            if (label.Length == 0)
                throw new DataFormatException(path, "the label before the tab is empty", line);
            if (content.Length == 0)
                throw new DataFormatException(path, "the text after the tab is empty", line);
            samples.Add(new LabelledText(label, content, path, line));
        }
        return samples.Count > 0 ? samples : throw new DataFormatException(path, "there is no sample, all lines are empty");
    }

    private static List<LabelledText> ReadFolder(string folder)
    {
        var samples = new List<LabelledText>();
        foreach (string path in Directory.GetFiles(folder, "*.txt").Order(StringComparer.Ordinal))
        {
            string label = Path.GetFileNameWithoutExtension(path);
            int before = samples.Count;
            samples.AddRange(DataLines.Read(path).Where(line => !string.IsNullOrWhiteSpace(line.Text))
                .Select(line => new LabelledText(label, line.Text.Trim(), path, line.Line)));
            if (samples.Count == before)
                throw new DataFormatException(path, "there is no sample, all lines are empty");
        }
        return samples.Count > 0 ? samples : throw new DataFormatException(folder, "the folder holds no .txt file, one for each class");
    }
}
