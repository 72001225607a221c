using FastRnn.Series;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Which rows and windows are trained on and tested on, and in which order.</summary>
public sealed class SeriesSplitTests
{
    private static readonly SeriesTable _table = new(["v"], [[.. Enumerable.Range(0, 100).Select(i => (double)i)]]);

    [Fact]
    public void Counts_go_from_the_first_row_and_may_leave_rows()
    {
        SeriesSplit split = SeriesSplit.ByCounts(17_420, 8_640, 2_880, 2_880);
        Assert.Equal((new SeriesPart(0, 8_640), new SeriesPart(8_640, 2_880), new SeriesPart(11_520, 2_880)), (split.Train, split.Validation, split.Test));
        Assert.Equal(14_400, split.Test.End);
    }

    [Theory]
    [InlineData(4032, 0.7, 0.1, 0.2, 2823, 403, 806)]
    [InlineData(2820, 0.7, 0.1, 0.2, 1974, 282, 564)]
    [InlineData(741, 0.7, 0.1, 0.2, 519, 74, 148)]
    [InlineData(100, 0.5, 0, 0.2, 50, 0, 20)]
    [InlineData(10, 0.9, 0, 0.1, 9, 0, 1)]
    [InlineData(10, 1, 0, 0, 10, 0, 0)]
    public void Shares_are_rounded_down_and_training_takes_the_rest(int rows, double a, double b, double c, int train, int validation, int test)
    {
        SeriesSplit split = SeriesSplit.ByShares(rows, a, b, c);
        Assert.Equal((train, validation, test), (split.Train.Count, split.Validation.Count, split.Test.Count));
        Assert.Equal((0, train, train + validation), (split.Train.First, split.Validation.First, split.Test.First));
    }

    [Fact]
    public void Splits_that_cannot_be_are_refused()
    {
        Refused("takes 110, the series has 100", () => SeriesSplit.ByCounts(100, 90, 10, 10));
        Refused("there must be rows to train on", () => SeriesSplit.ByCounts(100, 0, 10, 10));
        Refused("no part is negative", () => SeriesSplit.ByCounts(100, 10, -1, 10));
        Refused("1 together at most", () => SeriesSplit.ByShares(100, 0.8, 0.2, 0.2));
        Refused("expected some to train on", () => SeriesSplit.ByShares(100, double.NaN, 0.2, 0.2));
        Refused("a part is empty", () => SeriesSplit.ByShares(9, 0.8, 0.1, 0.1));
        Refused("leave none of 10 to train on", () => SeriesSplit.RollingOrigin(10, 2, 5));
        Refused("3 windows for 4 folds", () => SeriesSplit.Folds([1, 2, 3], 4));
        Refused("fold 1 leaves no window to train on", () => SeriesSplit.Folds([1, 2, 3, 4], 2, gap: 5));
        Refused("leaves part 2 empty", () => SeriesSplit.Random([1, 2], [0.9, 0.1], 1));
        Refused("1 together at most", () => SeriesSplit.Random([1, 2], [0.9, 0.2], 1));
    }

    [Fact]
    public void Targets_stay_in_their_part_and_inputs_may_look_back()
    {
        var spec = new ForecastSpec { Columns = [new() { Name = "v", Difference = 3 }], Window = 10, Horizon = 5 };
        Assert.Equal(Enumerable.Range(13, 63), spec.Origins(new(0, 80)));
        Assert.Equal(Enumerable.Range(80, 6), spec.Origins(new(80, 10)));
        Assert.Equal([80, 84], spec.Origins(new(80, 10), stride: 4));
        Assert.Equal([89], spec.Origins(new(80, 10), steps: 1).Where(origin => origin > 88));
        Assert.Equal([85], spec.Origins(new(85, 5)));
        Refused("rows 86 to 89 of the series hold no window: each needs 13 rows before it and 5 to forecast", () => spec.Origins(new(85, 4)));
        Refused("rows 1 to 17", () => spec.Origins(new(0, 17)));
        Refused("a part of the series has no rows", () => spec.Origins(new(80, 0)));
    }

    [Fact]
    public void Rolling_origins_test_ever_later_on_all_before()
    {
        Assert.Equal(
            [(40, 40, 20), (60, 60, 20), (80, 80, 20)],
            SeriesSplit.RollingOrigin(100, 3, 20).Select(split => (split.Train.Count, split.Test.First, split.Test.Count)));
    }

    [Fact]
    public void Folds_test_every_window_once_and_keep_a_gap()
    {
        int[] origins = [.. Enumerable.Range(20, 50)];
        foreach (ulong? seed in new ulong?[] { null, 3 })
        {
            IReadOnlyList<(int[] Train, int[] Test)> folds = SeriesSplit.Folds(origins, 4, seed);
            Assert.Equal(origins, folds.SelectMany(fold => fold.Test).Order());
            Assert.All(folds, fold => Assert.Equal(origins, fold.Train.Concat(fold.Test).Order()));
            Assert.All(folds, fold => Assert.InRange(fold.Test.Length, 12, 13));
        }
        Assert.Equal(Enumerable.Range(20, 12), SeriesSplit.Folds(origins, 4)[0].Test);
        Assert.NotEqual(Enumerable.Range(20, 12), SeriesSplit.Folds(origins, 4, seed: 3)[0].Test);
        (int[] train, int[] test) = SeriesSplit.Folds(origins, 5, gap: 4)[2];
        Assert.Equal(Enumerable.Range(40, 10), test);
        Assert.Equal([.. Enumerable.Range(20, 17), .. Enumerable.Range(53, 17)], train);
    }

    [Fact]
    public void Windows_are_drawn_by_seed()
    {
        int[] origins = [.. Enumerable.Range(20, 50)];
        IReadOnlyList<int[]> parts = SeriesSplit.Random(origins, [0.7, 0.1, 0.2], 5);
        Assert.Equal([35, 5, 10], parts.Select(part => part.Length));
        Assert.Equal(origins, parts.SelectMany(part => part).Order());
        Assert.All(parts, part => Assert.Equal(part.Order(), part));
        Assert.Equal(parts, SeriesSplit.Random(origins, [0.7, 0.1, 0.2], 5));
        Assert.NotEqual(parts, SeriesSplit.Random(origins, [0.7, 0.1, 0.2], 6));
    }

    [Fact]
    public void Rows_of_chosen_windows_are_merged()
    {
        var spec = new ForecastSpec { Columns = [new() { Name = "v" }], Window = 4, Horizon = 2 };
        Assert.Equal([new SeriesPart(6, 8), new SeriesPart(26, 6)], spec.RowsOf([30, 10, 12]));
    }

    [Fact]
    public void A_pass_shows_every_window_once_in_its_own_order()
    {
        var spec = new ForecastSpec { Columns = [new() { Name = "v", Scale = SeriesScale.None }], Window = 2 };
        var windows = new SeriesWindows(_table, spec, spec.Origins(new(0, 50)));
        SeriesBatches batches = windows.Batches(5, seed: 7);
        Assert.Equal((48, 10), (windows.Count, batches.Count));
        float[] first = Seen(batches, 0), second = Seen(batches, 1);
        Assert.Equal(Enumerable.Range(2, 48).Select(i => (float)i), first.Order());
        Assert.Equal(first.Order(), second.Order());
        Assert.NotEqual(first, second);
        Assert.Equal(first, Seen(windows.Batches(5, seed: 7), 0));
        Assert.NotEqual(first, Seen(windows.Batches(5, seed: 8), 0));
        Assert.Equal(Enumerable.Range(2, 48).Select(i => (float)i), Seen(windows.Batches(5), 3));
        Assert.Equal(second[45..], Answers(At(batches, 1, 9)));
        Assert.Equal(first[5..10], Answers(At(batches, 0, 1))); // after a batch with empty samples, a whole one
    }

    [Fact]
    public void Windows_outside_the_table_are_refused()
    {
        var spec = new ForecastSpec { Columns = [new() { Name = "v" }], Window = 10, Horizon = 5 };
        Refused("a window before row 10 leaves the table of 100 rows", () => new SeriesWindows(_table, spec, [9]));
        Refused("a window before row 97 leaves the table", () => new SeriesWindows(_table, spec, [96]));
        Refused("there is no window", () => new SeriesWindows(_table, spec, []));
        Refused("there is no column 'x'", () => new SeriesWindows(_table, spec with { Columns = [new() { Name = "x" }] }, [10]));
        Refused("needs the times of two rows", () => new SeriesWindows(_table, spec with { Calendar = CalendarFeatures.DayOfWeek }, [10]));
        Refused("column 'v', row 2: the value is missing", () => new SeriesWindows(new(["v"], [[1, double.NaN, 3]]), spec, [10]));
    }

    [Fact]
    public void Tables_that_make_no_sense_are_refused()
    {
        Refused("column 'b' has 1 rows, 'a' 2", () => new SeriesTable(["a", "b"], [[1, 2], [1]]));
        Refused("expected a name of its own", () => new SeriesTable(["a", "a"], [[1], [1]]));
        Refused("column 'a', row 2: the value is infinite", () => new SeriesTable(["a"], [[1, double.PositiveInfinity]]));
        Refused("row 2 is of 2020-01-01T00:00:00, which is not after 2020-01-01T00:00:00", () => new SeriesTable(["a"], [[1, 2]], [new(2020, 1, 1), new(2020, 1, 1)]));
        Refused("0 names for 0 columns", () => new SeriesTable([], []));
        Refused("1 times for 2 rows", () => new SeriesTable(["a"], [[1, 2]], [new(2020, 1, 1)]));
        Refused("there are no rows to train on", () => new ForecastSpec { Columns = [new() { Name = "v" }] }.Fit(_table));
        Refused("rows 91 to 110 to train on are not all in a table of 100 rows", () => new ForecastSpec { Columns = [new() { Name = "v" }] }.Fit(_table, new SeriesPart(90, 20)));
    }

    private static float[] Seen(SeriesBatches batches, int pass) => [.. Enumerable.Range(0, batches.Count).SelectMany(i => Answers(At(batches, pass, i)))];

    private static SequenceChunk At(SeriesBatches batches, int pass, int index)
    {
        batches.Epoch = pass;
        return batches[index];
    }

    /// <summary>Targets that count, sample by sample.</summary>
    private static float[] Answers(SequenceChunk chunk)
    {
        byte[] counted = chunk.Counted().ToArray();
        float[] targets = chunk.TargetValues.ToArray();
        return [.. Enumerable.Range(0, counted.Length).Where(i => counted[i] != 0).Select(i => targets[i])];
    }

    private static void Refused(string part, Func<object> action) =>
        Assert.Contains(part, Assert.ThrowsAny<ArgumentException>(action).Message, StringComparison.Ordinal);
}
