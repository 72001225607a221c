using FastRnn.Numerics;

namespace FastRnn.Series;

/// <summary>How the values of a column become numbers of about 1.</summary>
public enum SeriesScale
{
    /// <summary>They stay as they are.</summary>
    None,

    /// <summary>Less their mean, by their standard deviation. What changes against the last value is divided by its root mean square only.</summary>
    Standard,

    /// <summary>From 0 for the least to 1 for the greatest. What changes against the last value is divided by its greatest size only.</summary>
    MinMax,
}

/// <summary>
/// A column that a model reads, and how: (v − <see cref="Center"/>) / <see cref="Factor"/> of the value itself, of its difference to the row
/// <see cref="Difference"/> before, or of its difference to the last value of the window. Constants come from the rows of training alone.
/// </summary>
public sealed record SeriesColumn
{
    /// <summary>The column's name in the table.</summary>
    public required string Name { get; init; }

    /// <summary>The column of text of which this one says, by 0 or 1, whether it holds what follows <c>Text=</c> in <see cref="Name"/>; null for numbers.</summary>
    public string? Text { get; init; }

    /// <summary>How values are scaled.</summary>
    public SeriesScale Scale { get; init; } = SeriesScale.Standard;

    /// <summary>Rows back to the value that is subtracted from each, for example the length of a season; 0: none.</summary>
    public int Difference { get; init; }

    /// <summary>Whether all values of a window, and its targets, are taken relative to the last value that is known.</summary>
    public bool Relative { get; init; }

    /// <summary>What is subtracted. Set by <see cref="ForecastSpec.Fit"/>, like all below.</summary>
    public double Center { get; init; }

    /// <summary>What is divided by; more than 0. A column that never changes has 1.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Mean of the values themselves, in their own unit, for errors in standardised units.</summary>
    public double Mean { get; init; }

    /// <summary>Their standard deviation (of the population, as the published splits use it), more than 0.</summary>
    public double Deviation { get; init; } = 1;

    /// <summary>For people, for example <c>OT (relative, standard)</c>.</summary>
    public override string ToString()
    {
        string how = Relative ? "relative, " : Difference > 0 ? FormattableString.Invariant($"difference {Difference}, ") : "";
        return $"{Name} ({how}{(Scale == SeriesScale.MinMax ? "min-max" : Scale == SeriesScale.Standard ? "standard" : "not scaled")})";
    }

    internal string? Problem()
    {
        bool finite = double.IsFinite(Center) && double.IsFinite(Factor) && double.IsFinite(Mean) && double.IsFinite(Deviation);
        return string.IsNullOrWhiteSpace(Name) ? "a column has no name"
            : Text != null && (Text.Length == 0 || !Name.StartsWith(Text + "=", StringComparison.Ordinal)) ? $"column '{Name}' does not belong to text column '{Text}'"
            : !Enum.IsDefined(Scale) ? $"column '{Name}' has an unknown scale"
            : Difference is < 0 or > ForecastSpec.MostRows ? $"column '{Name}' has a difference of {Difference} rows, expected 0 to {ForecastSpec.MostRows}"
            : Difference > 0 && Relative ? $"column '{Name}' is both a difference and relative to the last value, expected one of them"
            : !finite || Factor <= 0 || Deviation <= 0 ? $"column '{Name}' has constants that are not finite, or a factor or deviation that is not above 0"
            : null;
    }

    /// <summary>The same column with the constants of the given rows.</summary>
    /// <exception cref="ArgumentException">They are not finite.</exception>
    internal SeriesColumn Fit(double[] values, IReadOnlyList<SeriesPart> training, int steps)
    {
        var plain = new RunningMoments();
        var moments = new RunningMoments();
        foreach (SeriesPart part in training)
        {
            for (int r = part.First; r < part.End; r++)
            {
                plain.Add(values[r]);
                if (Relative)
                {
                    for (int k = 1; k <= steps && r + k < part.End; k++)
                        moments.Add(values[r + k] - values[r]);
                }
                else if (r - Difference >= part.First)
                {
                    moments.Add(Difference == 0 ? values[r] : values[r] - values[r - Difference]);
                }
            }
        }
        (double center, double factor) = Scale switch
        {
            SeriesScale.None => (0, 1),
            SeriesScale.Standard => Relative ? (0, moments.RootMeanSquare) : (moments.Mean, moments.Deviation),
            _ => Relative ? (0, Math.Max(Math.Abs(moments.Least), Math.Abs(moments.Greatest))) : (moments.Least, moments.Greatest - moments.Least),
        };
        SeriesColumn fitted = this with { Center = center, Factor = AboveZero(factor), Mean = plain.Mean, Deviation = AboveZero(plain.Deviation) };
        return fitted.Problem() == null ? fitted : throw new ArgumentException($"column '{Name}' has values too large, or too few rows of training, to be scaled");
    }

    private static double AboveZero(double factor) => factor <= 0 ? 1 : factor;
}
