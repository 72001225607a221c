using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>All settings that a search may try; a setting has a value for every parameter, in their order.</summary>
internal sealed class SearchSpace
{
    /// <summary>A space of so many settings is written out; from a larger one, settings are drawn.</summary>
    private const int FewSettings = 2048;

    private const int MostDraws = 10_000;

    public SearchSpace(IReadOnlyList<SearchParameter> parameters)
    {
        Parameters = parameters;
        double settings = parameters.Aggregate(1.0, (product, parameter) => product * (parameter.Count ?? double.PositiveInfinity));
        All = settings <= FewSettings ? [.. Product([.. parameters.Select(Values)])] : null;

        static IReadOnlyList<string> Values(SearchParameter parameter) => parameter.All();
    }

    public IReadOnlyList<SearchParameter> Parameters { get; }

    /// <summary>Every setting, where there are few.</summary>
    public IReadOnlyList<string[]>? All { get; }

    /// <summary>Of the grid: the last parameter changes fastest.</summary>
    public IEnumerable<string[]> Grid => Product([.. Parameters.Select(parameter => parameter.Grid)]);

    /// <summary>The setting at shares of the ranges.</summary>
    public string[] At(double[] shares) => [.. Parameters.Select((parameter, i) => parameter.At(shares[i]))];

    public double[] Place(IReadOnlyList<string> setting) => [.. Parameters.Select((parameter, i) => parameter.Place(setting[i]))];

    /// <summary>A setting that was not tried yet, drawn as the scales of the parameters say; null: there is none, or hardly one.</summary>
    public string[]? DrawUntried(Tried tried, ref PhiloxStream random)
    {
        for (int draw = 0; draw < MostDraws; draw++)
        {
            var shares = new double[Parameters.Count];
            for (int i = 0; i < shares.Length; i++)
                shares[i] = random.NextDouble();
            string[] setting = At(shares);
            if (!tried.Contains(setting))
                return setting;
        }
        // A narrow range of real numbers holds few of six digits, which nobody has counted: then it is exhausted.
        string[][] left = [.. (All ?? []).Where(setting => !tried.Contains(setting))];
        return left.Length == 0 ? null : left[(int)(random.NextDouble() * left.Length)];
    }

    private static IEnumerable<string[]> Product(IReadOnlyList<IReadOnlyList<string>> values) =>
        values.Aggregate((IEnumerable<string[]>)[[]], (settings, next) => settings.SelectMany(setting => next.Select(value => (string[])[.. setting, value])));
}

/// <summary>The settings that a search has had.</summary>
internal sealed class Tried(IEnumerable<IReadOnlyList<string>> settings)
{
    private readonly HashSet<string> _keys = [.. settings.Select(Key)];

    public bool Contains(IReadOnlyList<string> setting) => _keys.Contains(Key(setting));

    private static string Key(IReadOnlyList<string> setting) => string.Join('\n', setting);
}
