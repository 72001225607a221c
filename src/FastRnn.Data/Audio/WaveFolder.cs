using FastRnn.Training;

namespace FastRnn.Data.Audio;

/// <summary>
/// A folder of <c>.wav</c> files of one sample rate as series of log-mel frames. The class is the sub-folder, or, for files that lie in the folder
/// itself, the first part of the name: <c>7_jackson_3.wav</c> is of class 7.
/// </summary>
public static class WaveFolder
{
    /// <summary>Whether a folder, or one within it, holds such files.</summary>
    public static bool HoldsSound(string folder) => Directory.Exists(folder) && Files(folder, SearchOption.AllDirectories).Length > 0;

    /// <summary>The sample rate of the first file.</summary>
    /// <exception cref="DataFormatException">There is no file, or it cannot be read as sound.</exception>
    /// <exception cref="IOException">Something cannot be read.</exception>
    public static int SampleRate(string folder) => WaveFile.Read(Find(folder)[0].Path).SampleRate;

    /// <summary>All sounds, sorted by name.</summary>
    /// <exception cref="DataFormatException">There is no file; one has no class, another sample rate, or cannot be read as sound.</exception>
    /// <exception cref="IOException">Something cannot be read.</exception>
    public static IReadOnlyList<LabelledSeries> Read(string folder, AudioSettings settings)
    {
        var mel = new LogMel(settings);
        List<(string Path, string? Label)> files = Find(folder);
        return files.Find(file => file.Label == null) is { Path: { } path }
            ? throw new DataFormatException(path, "the name tells no class: expected CLASS_NAME.wav, or folders of classes")
            : [.. files.Select(file => ReadFile(file.Path, file.Label, settings, mel))];
    }

    /// <summary>All sounds, sorted by name, without their classes, which names need not tell.</summary>
    /// <exception cref="DataFormatException">There is no file; one has another sample rate, or cannot be read as sound.</exception>
    /// <exception cref="IOException">Something cannot be read.</exception>
    public static IReadOnlyList<LabelledSeries> ReadUnlabelled(string folder, AudioSettings settings)
    {
        var mel = new LogMel(settings);
        return [.. Find(folder).Select(file => ReadFile(file.Path, null, settings, mel))];
    }

    /// <summary>One sound without its class.</summary>
    /// <exception cref="DataFormatException">It has another sample rate, or cannot be read as sound.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static LabelledSeries ReadFile(string path, AudioSettings settings) => ReadFile(path, null, settings, new LogMel(settings));

    private static LabelledSeries ReadFile(string path, string? label, AudioSettings settings, LogMel mel)
    {
        WaveFile wave = WaveFile.Read(path);
        return wave.SampleRate == settings.SampleRate
            ? new LabelledSeries(label, mel.Frames(wave.Samples.Span), settings.Bands, path, 0)
            : throw new DataFormatException(path, $"{wave.SampleRate} samples a second, expected {settings.SampleRate} as in the first file or the model");
    }

    private static List<(string Path, string? Label)> Find(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var found = new List<(string, string?)>();
        foreach (string inner in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
            found.AddRange(Files(inner, SearchOption.TopDirectoryOnly).Select(path => (path, (string?)Path.GetFileName(inner))));
        string[] here = Files(folder, SearchOption.TopDirectoryOnly);
        if (here.Length > 0 && found.Count > 0)
            throw new DataFormatException(here[0], $"lies beside folders of classes such as '{found[0].Item2}': in which class is it?");
        found.AddRange(here.Select(path => (path, Label(path))));
        return found.Count > 0 ? found : throw new DataFormatException(folder, "the folder and those in it hold no .wav file");
    }

    private static string? Label(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        int end = name.IndexOf('_', StringComparison.Ordinal);
        return end > 0 ? name[..end] : null;
    }

    private static string[] Files(string folder, SearchOption depth) =>
        [.. Directory.GetFiles(folder, "*.wav", new EnumerationOptions { MatchCasing = MatchCasing.CaseInsensitive, RecurseSubdirectories = depth == SearchOption.AllDirectories })
            .Order(StringComparer.Ordinal)];
}
