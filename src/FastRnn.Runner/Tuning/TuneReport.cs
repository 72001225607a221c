using System.Globalization;
using FastRnn.Formats;

namespace FastRnn.Runner;

internal sealed record TuneResult(
    string Method, ulong Seed, string Folder, IReadOnlyList<TuneTrial> Trials, int? BestTrial, double? BestValidationLoss,
    IReadOnlyDictionary<string, string>? BestSettings, string? Command, bool Interrupted) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Method).Add(Seed).Add(Folder).Add(Trials).Add(BestTrial).Add(BestValidationLoss).Add(BestSettings).Add(Command)
        .Add(Interrupted);
}

internal sealed record TuneTrial(int Trial, string Status, double? ValidationLoss, double Seconds, IReadOnlyDictionary<string, string> Settings) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Trial).Add(Status).Add(ValidationLoss).Add(Seconds).Add(Settings);
}

/// <summary>What a search has found: a table with the best on top, and how to train with its settings.</summary>
internal sealed class TuneReport(TuneOptions options, TrialJournal journal, Output output)
{
    public void Write(bool interrupted)
    {
        if (output.Json)
            WriteJson(interrupted);
        else if (journal.Trials.Count > 0)
            WriteText();
    }

    private void WriteJson(bool interrupted) => output.WriteJson(
        new TuneResult(
            options.Header.Method, options.Header.Seed, options.Folder,
            [.. journal.Trials.Select(trial => new TuneTrial(trial.Number, trial.Status, trial.Loss, trial.Seconds, journal.Settings(trial)))],
            journal.Best?.Number, journal.Best?.Loss, journal.Best is { } best ? journal.Settings(best) : null, Command(), interrupted));

    private void WriteText()
    {
        string[] heads = ["trial", "validation loss", "seconds", .. options.Parameters.Select(parameter => parameter.Name)];
        IEnumerable<string[]> rows = journal.Trials.OrderBy(trial => trial.Loss ?? double.PositiveInfinity).Select(Row);
        string[][] table = [heads, .. rows];
        int[] widths = [.. heads.Select((_, column) => table.Max(row => row[column].Length))];
        foreach (string[] row in table)
            output.Result.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadLeft(widths[column]))));
        if (Command() is not { } command)
            return;
        output.Result.WriteLine();
        output.Result.WriteLine($"best: trial {journal.Best!.Number}, again with");
        output.Result.WriteLine(command);
        output.Result.WriteLine($"or fastrnn train --config {Quoted(Path.Combine(options.Folder, "best.json"))}");
    }

    private static string[] Row(Trial trial) =>
    [
        trial.Number.ToString(CultureInfo.InvariantCulture), trial.Loss?.ToString("G6", CultureInfo.InvariantCulture) ?? trial.Status,
        trial.Seconds.ToString("F1", CultureInfo.InvariantCulture), .. trial.Values,
    ];

    private string? Command()
    {
        if (journal.Best is not { } best)
            return null;
        IEnumerable<string> setting = options.Parameters.SelectMany((parameter, i) => (string[])["--" + parameter.Name, best.Values[i]]);
        return string.Join(' ', ((string[])["fastrnn", "train", .. options.Header.Train, .. setting]).Select(Quoted));
    }

    /// <summary>As a shell takes it for one word.</summary>
    private static string Quoted(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=,+%@".Contains(c, StringComparison.Ordinal))
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
