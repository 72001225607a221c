using FastRnn.Numerics;

namespace FastRnn.Series;

/// <summary>Rows to train on, to choose by, and to test on, in order of time.</summary>
/// <param name="Train">The first rows.</param>
/// <param name="Validation">Those after them; may be none.</param>
/// <param name="Test">Those after these; may be none.</param>
public sealed record SeriesSplit(SeriesPart Train, SeriesPart Validation, SeriesPart Test)
{
    /// <summary>Parts of so many rows one after the other, from the first row; rows after them are not used.</summary>
    /// <param name="rows">Rows of the series.</param>
    /// <param name="train">At least 1.</param>
    /// <param name="validation">0: no validation.</param>
    /// <param name="test">0: no test.</param>
    /// <exception cref="ArgumentException">A part is negative, there is none to train on, or the series is shorter.</exception>
    public static SeriesSplit ByCounts(int rows, int train, int validation, int test)
    {
        if (train < 1 || validation < 0 || test < 0)
            throw new ArgumentException($"a split of {train}, {validation} and {test} rows: there must be rows to train on, and no part is negative");
        if ((long)train + validation + test > rows)
            throw new ArgumentException($"a split of {train}, {validation} and {test} rows takes {(long)train + validation + test}, the series has {rows}");
        return new SeriesSplit(new(0, train), new(train, validation), new(train + validation, test));
    }

    /// <summary>
    /// Parts by their share of the rows. The shares of validation and test are rounded down; training has what is left when the shares are all
    /// of the rows.
    /// </summary>
    /// <param name="rows">Rows of the series.</param>
    /// <param name="train">Above 0.</param>
    /// <param name="validation">0: no validation.</param>
    /// <param name="test">0: no test.</param>
    /// <exception cref="ArgumentException">A share is negative, they are more than 1 together, or a part that has a share gets no row.</exception>
    public static SeriesSplit ByShares(int rows, double train, double validation, double test)
    {
        const double rounding = 1e-9;
        double sum = train + validation + test;
        if (!(train > 0 && validation >= 0 && test >= 0 && sum <= 1 + rounding))
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"shares of {train}, {validation} and {test}, expected some to train on, none negative, and 1 together at most"));
        }
        int validationRows = Rows(validation), testRows = Rows(test);
        int trainRows = sum >= 1 - rounding ? rows - validationRows - testRows : Rows(train);
        if (trainRows == 0 || (validation > 0 && validationRows == 0) || (test > 0 && testRows == 0))
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"shares of {train}, {validation} and {test} of {rows} rows are {trainRows}, {validationRows} and {testRows}: a part is empty"));
        }
        return ByCounts(rows, trainRows, validationRows, testRows);

        int Rows(double share) => (int)Math.Floor((share * rows) + rounding);
    }

    /// <summary>
    /// Tests at ever later moments (rolling origin, Tashman 2000): the last rows are cut into folds one after the other, and each is forecast by a
    /// model of all rows before it.
    /// </summary>
    /// <param name="rows">Rows of the series.</param>
    /// <param name="folds">At least 1.</param>
    /// <param name="testRows">Of each fold, at least 1.</param>
    /// <exception cref="ArgumentException">Nothing would be left to train the first on.</exception>
    public static IReadOnlyList<SeriesSplit> RollingOrigin(int rows, int folds, int testRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(testRows, 1);
        long first = rows - ((long)folds * testRows);
        if (first < 1)
            throw new ArgumentException($"{folds} folds of {testRows} rows leave none of {rows} to train on");
        return [.. Enumerable.Range(0, folds).Select(fold => ByCounts(rows, (int)first + (fold * testRows), 0, testRows))];
    }

    /// <summary>Windows drawn for each part, whatever their time. Windows that overlap may be on both sides, which flatters the test.</summary>
    /// <param name="origins">First rows to forecast.</param>
    /// <param name="shares">Of each part, above 0 and 1 together at most.</param>
    /// <param name="seed">Of the draw.</param>
    /// <returns>The origins of each part, ascending.</returns>
    /// <exception cref="ArgumentException">Shares make no sense, or a part is empty.</exception>
    public static IReadOnlyList<int[]> Random(IReadOnlyList<int> origins, IReadOnlyList<double> shares, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(origins);
        ArgumentNullException.ThrowIfNull(shares);
        if (shares.Count == 0 || shares.Any(share => !(share > 0)) || shares.Sum() > 1 + 1e-9)
        {
            string given = string.Join(", ", shares.Select(share => FormattableString.Invariant($"{share}")));
            throw new ArgumentException($"shares of {given}, expected above 0 and 1 together at most", nameof(shares));
        }
        int[] order = [.. origins];
        new PhiloxStream(seed, 0).Shuffle<int>(order);
        var parts = new List<int[]>();
        double sum = 0;
        int first = 0;
        foreach (double part in shares)
        {
            sum += part;
            int end = Math.Min(order.Length, (int)Math.Round(sum * order.Length));
            if (end == first)
                throw new ArgumentException($"a split of {order.Length} windows leaves part {parts.Count + 1} empty", nameof(shares));
            parts.Add([.. order[first..end].Order()]);
            first = end;
        }
        return parts;
    }

    /// <summary>Every window is in the test of one fold.</summary>
    /// <param name="origins">First rows to forecast, ascending.</param>
    /// <param name="folds">2 or more.</param>
    /// <param name="seed">Of the draw; null: folds are consecutive windows.</param>
    /// <param name="gap">
    /// Windows to train on whose origin is nearer than this to one of the test are left out, so that rows of the test are not trained on:
    /// the rows of a window with those it forecasts.
    /// </param>
    /// <exception cref="ArgumentException">There are fewer windows than folds, or nothing is left to train on.</exception>
    public static IReadOnlyList<(int[] Train, int[] Test)> Folds(IReadOnlyList<int> origins, int folds, ulong? seed = null, int gap = 0)
    {
        ArgumentNullException.ThrowIfNull(origins);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(gap);
        if (origins.Count < folds)
            throw new ArgumentException($"{origins.Count} windows for {folds} folds", nameof(origins));
        int[] order = [.. origins];
        if (seed is { } drawn)
            new PhiloxStream(drawn, 0).Shuffle<int>(order);
        var parts = new List<(int[], int[])>();
        for (int fold = 0; fold < folds; fold++)
        {
            int first = (int)((long)order.Length * fold / folds), end = (int)((long)order.Length * (fold + 1) / folds);
            int[] test = [.. order[first..end].Order()];
            int[] train = [.. order[..first].Concat(order[end..]).Where(origin => DistanceTo(test, origin) >= gap).Order()];
            if (train.Length == 0)
                throw new ArgumentException($"fold {fold + 1} leaves no window to train on", nameof(gap));
            parts.Add((train, test));
        }
        return parts;
    }

    private static int DistanceTo(int[] ascending, int origin)
    {
        int after = ~Array.BinarySearch(ascending, origin);
        if (after < 0)
            return 0;
        int above = after < ascending.Length ? ascending[after] - origin : int.MaxValue;
        return Math.Min(above, after > 0 ? origin - ascending[after - 1] : int.MaxValue);
    }
}
