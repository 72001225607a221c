using System.CommandLine;
using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>Options that several verbs share, and options with a checked range.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json") { Description = "One JSON object on standard output" };

    public static Option<int> Threads() => Number("--threads", 0, 0, 1024, "Threads that compute; 0 takes all cores");

    public static Option<string> Device() => Choice("--device", "cpu", "Where to compute", "cpu");

    public static Option<ulong> Seed() => new("--seed") { Description = "Seed of all random numbers", DefaultValueFactory = _ => 1 };

    public static Option<string> Model() => new("--model") { Description = "Model file", Required = true, HelpName = "FILE" };

    public static Option<int> Number(string name, int value, int least, int most, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is int given && (given < least || given > most))
                result.AddError($"{name} is {given}, expected {least} to {most}");
        });
        return option;
    }

    /// <summary>A real number with a condition that <paramref name="expected"/> puts in words.</summary>
    public static Option<double> Real(string name, double value, Func<double, bool> valid, string expected, string description)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            double given = result.GetValueOrDefault<double>();
            if (!double.IsFinite(given) || !valid(given))
                result.AddError(FormattableString.Invariant($"{name} is {given}, expected {expected}"));
        });
        return option;
    }

    public static Option<string> Choice(string name, string value, string description, params string[] choices)
    {
        var option = new Option<string>(name) { Description = $"{description}: {string.Join(", ", choices)}", DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            string? given = result.GetValueOrDefault<string>();
            if (!choices.Contains(given))
                result.AddError($"{name} is '{given}', expected {string.Join(" or ", choices)}");
        });
        return option;
    }

    /// <summary>The back end of a verb; the banner that every verb prints names it.</summary>
    public static CpuBackend OpenBackend(int threads, ulong seed, Output output)
    {
        var backend = new CpuBackend(threads);
        output.Log.WriteLine($"fastrnn {Version}: {backend.Name}, seed {seed}" + (backend.Isa == Isa.Widest ? "" : $" (this CPU offers {Isa.Name(Isa.Widest)})"));
        return backend;
    }

    public static string Version => typeof(CommonOptions).Assembly.GetName().Version?.ToString(3) ?? "";
}
