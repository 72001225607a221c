using System.CommandLine;
using System.Globalization;
using System.Text;
using FastRnn.Formats;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>fastrnn generate: made-up series as CSV, to try forecasts on.</summary>
internal static class GenerateCommand
{
    private const string Sine = "sine", NoisySine = "noisy-sine";
    private const int RowsAtOnce = 4096;

    public static Command Create(Output output, CancellationToken cancellation)
    {
        Option<string> series = CommonOptions.Choice("--series", Sine, "What to make, as columns step and value", Sine, NoisySine);
        Option<int> length = CommonOptions.Number("--length", 1000, 1, 10_000_000, "Rows");
        Option<double> period = CommonOptions.Real("--period", 50, x => x > 0, "a positive number", "Steps of one turn");
        Option<double> noise = CommonOptions.Real(
            "--noise", 0.1, x => x >= 0, "0 or more", $"Standard deviation of the normal noise of {NoisySine}; the sine's height is 1");
        Option<ulong> seed = CommonOptions.Seed();
        Option<string?> file = CommonOptions.NotEmpty(
            new Option<string?>("--out") { Description = "Where to write; standard output unless given", HelpName = "FILE" });
        var command = new Command("generate", "A made-up series as CSV") { series, length, period, noise, seed, file };
        command.SetAction(parsed =>
        {
            bool noisy = parsed.GetValue(series) == NoisySine;
            foreach (Option option in noisy ? [] : new Option[] { noise, seed })
            {
                if (parsed.GetResult(option) is { Implicit: false })
                    throw new CliException(ExitCodes.Usage, $"{option.Name} goes with --series {NoisySine}");
            }
            float[] values = Signals.Sine(parsed.GetValue(length), parsed.GetValue(period), noisy ? parsed.GetValue(noise) : 0, parsed.GetValue(seed));
            if (Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var row)
                throw new CliException(ExitCodes.Usage, $"the value at step {row} is {values[row]}: --period or --noise is out of range");
            Write(values, parsed.GetValue(file), output, cancellation);
        });
        return command;
    }

    private static void Write(float[] values, string? file, Output output, CancellationToken cancellation)
    {
        IEnumerable<string> parts = Rows(values, cancellation);
        if (file == null)
        {
            foreach (string part in parts)
                output.Result.Write(part);
            output.Result.Flush();
            return;
        }
        RunFiles.CheckPlace(file);
        AtomicFile.Write(file, parts.Select(part => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(part)));
        output.Log.WriteLine($"fastrnn: {file}: {values.Length} rows");
    }

    /// <summary>The file in parts of some thousand rows. Numbers have the digits that bring the same float back.</summary>
    private static IEnumerable<string> Rows(float[] values, CancellationToken cancellation)
    {
        var text = new StringBuilder("step,value\n");
        for (int t = 0; t < values.Length; t++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{t},{values[t]:R}\n");
            if (t % RowsAtOnce < RowsAtOnce - 1 && t < values.Length - 1)
                continue;
            cancellation.ThrowIfCancellationRequested();
            yield return text.ToString();
            text.Clear();
        }
    }
}
