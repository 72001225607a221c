using System.CommandLine;
using System.Globalization;
using System.Numerics;
using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>Options that several verbs share, and options with a checked range.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json(string description = "One JSON object on standard output") => new("--json") { Description = description };

    public static Option<int> Threads() => Number("--threads", 0, 0, 1024, "Threads that compute; 0 takes all cores");

    public static Option<string> Device() => DeviceChoice.Option();

    /// <summary>What answers line by line has nothing for the many units of a device to do, and what it printed cannot be taken back.</summary>
    public static CpuReason StepByStep { get; } = new("one step after the other is the CPU's work", Must: false);

    public static Option<ulong> Seed() =>
        Checked<ulong>("--seed", 1, NumberStyles.None, _ => true, $"0 to {ulong.MaxValue}", "Seed of all random numbers");

    public static Option<string> Model() => NotEmpty(new Option<string>("--model") { Description = "Model file", Required = true, HelpName = "FILE" });

    public static Option<int> Number(string name, int value, int least, int most, string description) =>
        Checked(name, value, NumberStyles.AllowLeadingSign, x => x >= least && x <= most, $"{least} to {most}", description);

    /// <summary>A real number with a condition that <paramref name="expected"/> puts in words.</summary>
    public static Option<double> Real(string name, double value, Func<double, bool> valid, string expected, string description) =>
        Checked(name, value, NumberStyles.Float, x => double.IsFinite(x) && valid(x), expected, description);

    /// <summary>A number of bytes, with or without a binary unit.</summary>
    public static Option<long> Bytes(string name, string description)
    {
        return new Option<long>(name)
        {
            Description = description,
            DefaultValueFactory = _ => 0,
            HelpName = "BYTES",
            CustomParser = result =>
            {
                string given = result.Tokens[^1].Value;
                if (TryBytes(given, out long bytes))
                    return bytes;
                result.AddError($"{name} is '{given}', expected a whole number of bytes, or of KiB, MiB or GiB as in 512MiB");
                return 0;
            },
        };
    }

    private static bool TryBytes(string text, out long bytes)
    {
        string[] units = ["KiB", "MiB", "GiB"];
        int unit = Array.FindIndex(units, end => text.EndsWith(end, StringComparison.Ordinal));
        int shift = 10 * (unit + 1);
        bool valid = long.TryParse(unit < 0 ? text : text[..^3], NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            && number <= long.MaxValue >> shift;
        bytes = valid ? number << shift : 0;
        return valid;
    }

    /// <summary>
    /// A number that is refused with what was given and what is expected. The library's own conversion would take 0,002 for 2, because it
    /// allows thousands separators.
    /// </summary>
    private static Option<T> Checked<T>(string name, T value, NumberStyles styles, Func<T, bool> valid, string expected, string description)
        where T : struct, INumberBase<T>
    {
        return new Option<T>(name)
        {
            Description = description,
            DefaultValueFactory = _ => value,
            CustomParser = result =>
            {
                string given = result.Tokens[^1].Value;
                if (T.TryParse(given, styles, CultureInfo.InvariantCulture, out T number) && valid(number))
                    return number;
                result.AddError($"{name} is '{given}', expected {expected}");
                return value;
            },
        };
    }

    /// <summary>A file's name cannot be empty, as it is where a script's variable is not set.</summary>
    public static Option<T> NotEmpty<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
                result.AddError($"{option.Name} is '', expected a file name");
        });
        return option;
    }

    public static Option<string> Choice(string name, string value, string description, params string[] choices)
    {
        var option = new Option<string>(name) { Description = $"{description}: {string.Join(", ", choices)}", DefaultValueFactory = _ => value };
        option.CompletionSources.Add(choices);
        option.Validators.Add(result =>
        {
            string? given = result.GetValueOrDefault<string>();
            if (!choices.Contains(given))
                result.AddError($"{name} is '{given}', expected {string.Join(" or ", choices)}");
        });
        return option;
    }

    /// <summary>
    /// The CPU's back end for a verb; the banner that every verb prints names it, and <paramref name="why"/> it was chosen. Where only <paramref name="infers"/>, models have their
    /// weights once, and nothing for gradients.
    /// </summary>
    public static CpuBackend OpenBackend(int threads, ulong? seed, Output output, string why = "", bool infers = false)
    {
        CpuBackend backend = infers ? CpuBackend.CreateForInference(threads) : new CpuBackend(threads);
        output.Log.WriteLine(Banner(backend, seed) + (backend.Isa == Isa.Widest ? "" : $" (this CPU offers {Isa.Name(Isa.Widest)})") + why);
        return backend;
    }

    public static string Banner(Backend backend, ulong? seed) => $"fastrnn {Version}: {backend.Name}{(seed == null ? "" : $", seed {seed}")}";

    public static string Version => typeof(CommonOptions).Assembly.GetName().Version?.ToString(3) ?? "";
}
