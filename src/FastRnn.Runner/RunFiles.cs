using System.Globalization;
using System.Text;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>The files beside a model.</summary>
internal static class RunFiles
{
    /// <summary>Fails unless there is such a file, or pipe, to read.</summary>
    public static void RequireFile(string path, string missing = "no such file")
    {
        if (!File.Exists(path))
            throw new CliException(ExitCodes.BadInput, $"{path}: {(Directory.Exists(path) ? "is a folder, expected a file" : missing)}");
    }

    /// <summary>The files that training writes for a model: itself, then those beside it.</summary>
    public static string[] Written(string model) =>
        [model, Checkpoint(model), Log(model), Plot(model), Page(model), Configuration(model)];

    public static string Checkpoint(string model) => model + ".checkpoint";

    public static string Log(string model) => model + ".csv";

    public static string Plot(string model) => model + ".svg";

    public static string Page(string model) => model + ".html";

    public static string Configuration(string model) => model + ".json";

    /// <summary>Fails when the record of the run would replace a configuration that a person wrote.</summary>
    public static void CheckConfiguration(string model, string? given)
    {
        if (given != null && SameFile(given, Configuration(model)) && !Runner.Configuration.IsOfRun(given))
            throw new CliException(ExitCodes.BadInput, $"{given}: would be replaced by the record of the run; --out takes another name");
    }

    /// <summary>Fails before any work when the model could not be saved afterwards, or would replace the data.</summary>
    public static void CheckWritable(string model, string data)
    {
        foreach (string written in Written(model))
        {
            if (SameFile(written, data))
                throw new CliException(ExitCodes.BadInput, $"{written}: would replace the data; --out takes another name");
        }
        CheckPlace(model);
        string path = Path.GetFullPath(model), folder = Path.GetDirectoryName(path) ?? path;
        string probe = $"{Plot(path)}.tmp-{Environment.ProcessId}"; // a name that the next plot clears away, should this process be killed here
        try
        {
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new CliException(ExitCodes.BadInput, $"{model}: cannot write into {folder}: {e.Message}");
        }
    }

    /// <summary>Fails when a file of that name cannot be written: a device, a folder, or in a folder that is not there.</summary>
    public static void CheckPlace(string file)
    {
        string path = Path.GetFullPath(file), folder = Path.GetDirectoryName(path) ?? path;
        if (OperatingSystem.IsLinux() && path.StartsWith("/dev/", StringComparison.Ordinal))
            throw new CliException(ExitCodes.BadInput, $"{file}: is a device, expected a file name");
        if (Directory.Exists(path))
            throw new CliException(ExitCodes.BadInput, $"{file}: is a folder, expected a file name");
        if (!Directory.Exists(folder))
            throw new CliException(ExitCodes.BadInput, $"{file}: the folder {folder} does not exist");
    }

    /// <summary>Whether two names are of one file, through links too.</summary>
    public static bool SameFile(string a, string b) =>
        string.Equals(Resolved(a), Resolved(b), OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    private static string Resolved(string path) =>
        File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target ? target.FullName : Path.GetFullPath(path);

    /// <summary>The epochs as CSV. Written as a whole, so a resumed run has no row twice and a killed one no half row.</summary>
    public static void WriteLog(string path, IReadOnlyList<EpochSummary> epochs)
    {
        var text = new StringBuilder("epoch,train_loss,validation_loss,tokens_per_second,seconds\n");
        foreach (EpochSummary e in epochs)
        {
            text.Append(CultureInfo.InvariantCulture, $"{e.Epoch},{e.TrainLoss:R},{e.ValidationLoss:R},{e.TokensPerSecond:F1},{e.Seconds:F3}\n");
        }
        WriteText(path, text.ToString());
    }

    /// <summary>Replaces a text file as models are replaced: whole or not at all, and nothing left beside it.</summary>
    public static void WriteText(string path, string text) => AtomicFile.Write(path, [Encoding.UTF8.GetBytes(text)]);
}
