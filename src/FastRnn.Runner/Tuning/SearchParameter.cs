using System.Globalization;

namespace FastRnn.Runner;

/// <summary>One option that a search varies. A share of its range in [0, 1] stands for a value; a value is the text that one would type.</summary>
/// <param name="name">Of the option, without dashes.</param>
internal abstract class SearchParameter(string name)
{
    public string Name { get; } = name;

    /// <summary>How many values there are; null: too many to count.</summary>
    public abstract long? Count { get; }

    /// <summary>Whether values have no order: they are alike or they are not.</summary>
    public abstract bool IsCategory { get; }

    /// <summary>The value at a share of the range; every value has about the same part of it.</summary>
    public abstract string At(double share);

    /// <summary>Where a value lies: in [0, 1] over the range, on a logarithmic scale if that is asked for; or its index among categories.</summary>
    public abstract double Place(string value);

    /// <summary>The values that a grid has, without one twice.</summary>
    public abstract IReadOnlyList<string> Grid { get; }

    /// <summary>Every value, of a parameter that has a <see cref="Count"/>.</summary>
    public abstract IReadOnlyList<string> All();

    /// <summary>The values to check before a search: if they are allowed, all are.</summary>
    public abstract IReadOnlyList<string> Extremes { get; }
}

/// <summary>Numbers between two bounds, which belong to it.</summary>
internal sealed class NumberParameter(string name, double low, double high, bool logarithmic, bool whole, int gridSteps) : SearchParameter(name)
{
    public override long? Count => whole ? (long)(high - low) + 1 : null;

    public override bool IsCategory => false;

    public override IReadOnlyList<string> Extremes => [Text(low), Text(high)];

    public override IReadOnlyList<string> Grid
    {
        get
        {
            int steps = (int)Math.Min(gridSteps, Count ?? gridSteps);
            return [.. Enumerable.Range(0, steps).Select(i => Text(Between(low, high, steps == 1 ? 0 : (double)i / (steps - 1)))).Distinct()];
        }
    }

    public override IReadOnlyList<string> All() => [.. Enumerable.Range(0, (int)Count!.Value).Select(i => Text(low + i))];

    /// <summary>Whole numbers reach half a unit beyond the bounds, so that the first and the last are not half as likely as the others.</summary>
    public override string At(double share) => Text(whole ? Between(low - 0.5, high + 0.5, share) : Between(low, high, share));

    public override double Place(string value)
    {
        double number = double.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture);
        return (Scaled(number) - Scaled(low)) / (Scaled(high) - Scaled(low));
    }

    private double Between(double from, double to, double share)
    {
        double at = Scaled(from) + ((Scaled(to) - Scaled(from)) * share);
        return logarithmic ? Math.Exp(at) : at;
    }

    private double Scaled(double number) => logarithmic ? Math.Log(number) : number;

    /// <summary>Six digits are more than a search can tell apart, and what a person can read.</summary>
    private string Text(double number)
    {
        double rounded = whole ? Math.Round(number) : double.Parse(number.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        double within = Math.Clamp(rounded, low, high);
        return whole ? ((long)within).ToString(CultureInfo.InvariantCulture) : within.ToString("R", CultureInfo.InvariantCulture);
    }
}

/// <summary>One of some values without order.</summary>
internal sealed class CategoryParameter(string name, IReadOnlyList<string> values) : SearchParameter(name)
{
    public override long? Count => values.Count;

    public override bool IsCategory => true;

    public override IReadOnlyList<string> Extremes => values;

    public override IReadOnlyList<string> Grid => values;

    public override IReadOnlyList<string> All() => values;

    public override string At(double share) => values[Math.Min((int)(share * values.Count), values.Count - 1)];

    public override double Place(string value)
    {
        int index = values.ToList().IndexOf(value);
        return index >= 0 ? index : throw new FormatException($"'{value}', expected {string.Join(" or ", values)}");
    }
}
