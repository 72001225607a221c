using System.CommandLine;
using System.Globalization;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// Reads what <c>--space</c> says: <c>NAME=LOW..HIGH</c> with <c>:log</c>, <c>:int</c> and <c>:STEPS</c> (of a grid) after it, or
/// <c>NAME=VALUE,VALUE,…</c>.
/// </summary>
internal static class ParameterText
{
    private const int GridSteps = 5;

    /// <summary>What losses are measured in or on: between trials that differ in one of these, the lower loss says nothing.</summary>
    private static readonly HashSet<string> _measure =
    [
        "--task", "--data", "--format", "--validation-data", "--validation-split", "--test-every", "--split", "--class-weights",
        "--loss", "--quantiles", "--target", "--horizon", "--scale", "--difference", "--relative", "--missing", "--sort",
    ];

    /// <summary>The parameter for an option of training.</summary>
    /// <exception cref="CliException">The text is not of that form, the option does not exist, or it does not take such values.</exception>
    public static SearchParameter Read(string text, Command train)
    {
        int joint = text.IndexOf('=', StringComparison.Ordinal);
        if (joint <= 0 || joint == text.Length - 1)
            throw Wrong(text, "expected NAME=LOW..HIGH, with :log, :int or :STEPS after it, or NAME=VALUE,VALUE");
        string name = text[..joint].TrimStart('-').Replace('_', '-'), values = text[(joint + 1)..];
        Option option = Find(text, "--" + name, train);
        if (_measure.Contains(option.Name))
            throw Wrong(text, $"losses of trials with different {option.Name} cannot be compared; give it after --, the same for all");
        SearchParameter parameter = values.Contains("..", StringComparison.Ordinal) ? Range(text, name, values, option) : Categories(text, name, values);
        foreach (string value in parameter.Extremes)
        {
            if (OptionText.Problem(train, option, [value]) is { } problem)
                throw Wrong(text, problem);
        }
        return parameter;
    }

    private static Option Find(string text, string name, Command train)
    {
        Option[] known = [.. train.Options.Where(option => OptionText.IsSetting(option) && option.Name != "--out")];
        return known.FirstOrDefault(option => option.Name == name)
            ?? throw Wrong(text, $"unknown option '{name}'" + (EditDistance.Nearest(name, known.Select(option => option.Name)) is { } near
                ? $"; did you mean {near[2..]}?"
                : "; see fastrnn train --help"));
    }

    private static NumberParameter Range(string text, string name, string values, Option option)
    {
        string[] parts = values.Split(':');
        int dots = parts[0].IndexOf("..", StringComparison.Ordinal);
        if (dots < 0)
            throw Wrong(text, "expected LOW..HIGH before the first colon");
        double low = Number(text, parts[0][..dots]), high = Number(text, parts[0][(dots + 2)..]);
        bool logarithmic = false, whole = option.ValueType == typeof(int) || option.ValueType == typeof(long) || option.ValueType == typeof(ulong);
        int steps = GridSteps;
        foreach (string word in parts.Skip(1))
        {
            if (word == "log")
                logarithmic = true;
            else if (word == "int")
                whole = true;
            else if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out steps) || steps < 1)
                throw Wrong(text, $"'{word}' after the range, expected log, int or the number of steps that a grid takes");
        }
        if (low >= high)
            throw Wrong(text, $"the range is empty, expected a low bound below the high one");
        if (logarithmic && low <= 0)
            throw Wrong(text, $"a logarithmic range from {parts[0][..dots]}, expected one above 0");
        if (whole && (low != Math.Floor(low) || high != Math.Floor(high) || Math.Max(-low, high) > 1L << 52))
            throw Wrong(text, "expected whole numbers as bounds");
        return new NumberParameter(name, low, high, logarithmic, whole, steps);
    }

    private static double Number(string text, string number) =>
        double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? value
            : throw Wrong(text, $"'{number}' is not a number");

    private static CategoryParameter Categories(string text, string name, string values)
    {
        string[] words = values.Split(',');
        if (words.Any(string.IsNullOrWhiteSpace))
            throw Wrong(text, "a value is empty");
        if (words.GroupBy(word => word).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw Wrong(text, $"the value '{twice.Key}' is given twice");
        return new CategoryParameter(name, words);
    }

    private static CliException Wrong(string text, string problem) => new(ExitCodes.Usage, $"--space '{text}': {problem}");
}
