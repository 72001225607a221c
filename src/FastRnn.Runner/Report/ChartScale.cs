using System.Globalization;

namespace FastRnn.Runner;

/// <summary>An axis: its range, and round numbers along it.</summary>
internal sealed record ChartScale(double Low, double High, IReadOnlyList<double> Ticks, bool Logarithmic)
{
    /// <summary>0 at the low end, 1 at the high one.</summary>
    public double At(double value) => Logarithmic
        ? (Math.Log(value) - Math.Log(Low)) / (Math.Log(High) - Math.Log(Low))
        : (value - Low) / (High - Low);

    /// <summary>
    /// Marks at multiples of 1, 2 or 5 times a power of ten, about as many as wanted (Heckbert 1990, "Nice numbers for graph labels").
    /// </summary>
    /// <param name="low">Lowest value to show.</param>
    /// <param name="high">Highest value to show.</param>
    /// <param name="wanted">Marks, at least 2.</param>
    /// <param name="whole">Marks are whole numbers.</param>
    /// <param name="rounded">The range is widened to the marks around it.</param>
    public static ChartScale Linear(double low, double high, int wanted, bool whole = false, bool rounded = true)
    {
        if (!(high - low > 1e-9 * Math.Max(Math.Abs(low), Math.Abs(high))))
            (low, high) = low == 0 ? (0, 1) : (low - (Math.Abs(low) * 0.1), high + (Math.Abs(high) * 0.1));
        double step = Step((high - low) / Math.Max(1, wanted - 1));
        if (whole)
            step = Math.Max(1, step);
        long first = (long)(rounded ? Math.Floor((low / step) + 1e-6) : Math.Ceiling((low / step) - 1e-6));
        long last = (long)(rounded ? Math.Ceiling((high / step) - 1e-6) : Math.Floor((high / step) + 1e-6));
        double[] ticks = [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => (first + i) * step)];
        return rounded ? new(ticks[0], ticks[^1], ticks, false) : new(low, high, ticks, false);
    }

    /// <summary>Marks at powers of ten, or where these are few at 1, 2 and 5 times them.</summary>
    public static ChartScale Log(double low, double high, int wanted)
    {
        double decades = Math.Log10(high / low);
        double[] factors = decades >= 3 ? [1] : decades >= 1.5 ? [1, 3] : [1, 2, 5];
        int every = Math.Max(1, (int)Math.Ceiling(decades / wanted));
        var all = new List<double>();
        for (int power = (int)Math.Floor(Math.Log10(low)) - 1; power <= Math.Log10(high) + 1; power++)
        {
            if (power % every == 0)
                all.AddRange(factors.Select(factor => factor * Math.Pow(10, power)));
        }
        double from = all.LastOrDefault(tick => tick <= low * 1.0001, low), to = all.FirstOrDefault(tick => tick >= high * 0.9999, high);
        return new(from, to, [.. all.Where(tick => tick >= from * 0.9999 && tick <= to * 1.0001)], true);
    }

    /// <summary>The marks in words, all with as many decimals as the finest needs.</summary>
    public string[] Labels()
    {
        if (Logarithmic)
            return [.. Ticks.Select(Number)];
        double step = Ticks.Count > 1 ? Ticks[1] - Ticks[0] : 0;
        double largest = Ticks.Select(Math.Abs).DefaultIfEmpty(0).Max();
        if (largest is > 0 and (< 1e-3 or >= 1e7))
            return [.. Ticks.Select(tick => Math.Abs(tick) < step / 2 ? "0" : Number(tick))];
        int decimals = step == 0 ? 0 : Math.Clamp(-(int)Math.Floor(Math.Log10(step) + 1e-9), 0, 9);
        return [.. Ticks.Select(tick => Minus(tick.ToString($"N{decimals}", CultureInfo.InvariantCulture)))];
    }

    /// <summary>A number in up to four digits, with a power of ten where it is very large or small.</summary>
    public static string Number(double value)
    {
        double size = Math.Abs(value);
        if (!double.IsFinite(value))
            return "–";
        if (size is 0 or (>= 1e-3 and < 1e7))
        {
            int decimals = size == 0 ? 0 : Math.Clamp(3 - (int)Math.Floor(Math.Log10(size)), 0, 6);
            string text = value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
            return Minus(text.Contains('.', StringComparison.Ordinal) ? text.TrimEnd('0').TrimEnd('.') : text);
        }
        int power = (int)Math.Floor(Math.Log10(size) + 1e-9);
        string digits = Math.Round(value / Math.Pow(10, power), 3).ToString("0.###", CultureInfo.InvariantCulture);
        string raised = string.Concat(power.ToString(CultureInfo.InvariantCulture).Select(c => c == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c - '0']));
        return digits == "1" ? $"10{raised}" : $"{Minus(digits)}×10{raised}";
    }

    private static string Minus(string text) => text.Replace('-', '−');

    private static double Step(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough))), rest = rough / power;
        return power * (rest <= 1.001 ? 1 : rest <= 2.001 ? 2 : rest <= 5.001 ? 5 : 10);
    }
}
