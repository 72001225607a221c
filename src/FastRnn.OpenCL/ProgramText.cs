using System.Text;

namespace FastRnn.OpenCL;

/// <summary>The texts of the kernels, which lie in the assembly.</summary>
internal static class ProgramText
{
    private const string Include = "#include \"";

    /// <summary>A file with every file that it includes in its place, each once.</summary>
    public static string Of(string file)
    {
        var text = new StringBuilder();
        Append(file, text, []);
        return text.ToString();
    }

    /// <summary>UTF-8 with a zero behind it.</summary>
    public static byte[] Native(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private static void Append(string file, StringBuilder text, HashSet<string> done)
    {
        if (!done.Add(file))
            return;
        using Stream stream = typeof(ProgramText).Assembly.GetManifestResourceStream(file)
            ?? throw new ArgumentException($"there is no file {file} among the kernels", nameof(file));
        using var reader = new StreamReader(stream);
        text.Append("#line 1 \"").Append(file).Append("\"\n");
        for (int line = 1; reader.ReadLine() is { } read; line++)
        {
            if (read.StartsWith(Include, StringComparison.Ordinal))
            {
                Append(read[Include.Length..].TrimEnd(' ', '"'), text, done);
                text.Append("#line ").Append(line + 1).Append(" \"").Append(file).Append("\"\n");
            }
            else
            {
                text.Append(read).Append('\n');
            }
        }
    }
}
