using System.Globalization;
using FastRnn.Runner;
using Xunit;

namespace FastRnn.Tests.Tuning;

/// <summary>What searches propose, with functions in place of trainings.</summary>
public sealed class SearchTests
{
    private static readonly SearchSpace _plane = new([Real("x", 0, 1), Real("y", 0, 1)]);

    private static readonly SearchSpace _mixed = new(
        [new NumberParameter("n", 16, 128, true, true, 5), new NumberParameter("rate", 1e-4, 1e-1, true, false, 5), new CategoryParameter("cell", ["a", "b", "c"])]);

    /// <summary>Branin's function with its domain moved to the unit square: three minima of 0.398.</summary>
    private static double Branin(IReadOnlyList<string> setting)
    {
        double x = (Number(setting[0]) * 15) - 5, y = Number(setting[1]) * 15;
        double bend = y - (5.1 / (4 * Math.PI * Math.PI) * x * x) + (5 / Math.PI * x) - 6;
        return (bend * bend) + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x)) + 10;
    }

    /// <summary>Best at 64, 3e-3 and b.</summary>
    private static double Bowl(IReadOnlyList<string> setting)
    {
        double size = Math.Log2(Number(setting[0]) / 64), rate = Math.Log10(Number(setting[1]) / 3e-3);
        return (size * size) + (rate * rate) + (setting[2] == "b" ? 0 : 0.5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Bayesian_search_finds_lower_values_than_random_search_in_as_many_trials(ulong seed)
    {
        double bayes = Best("bayes", _plane, seed, 30, Branin), random = Best("random", _plane, seed, 30, Branin);
        Assert.True(bayes < random, $"{bayes} and {random}");
        Assert.InRange(bayes, 0.397, 0.5);
        double mixedBayes = Best("bayes", _mixed, seed, 20, Bowl), mixedRandom = Best("random", _mixed, seed, 20, Bowl);
        Assert.True(mixedBayes < mixedRandom, $"{mixedBayes} and {mixedRandom}");
        Assert.InRange(mixedBayes, 0, 0.05);
    }

    /// <summary>Trainings that diverge have no value, and one gone wrong a huge one: neither hides the minimum.</summary>
    [Fact]
    public void Bayesian_search_bears_trials_that_fail()
    {
        double? Failing(IReadOnlyList<string> setting) => Number(setting[0]) > 0.8 ? null : Number(setting[1]) > 0.8 ? 1e9 : Branin(setting);

        Trial[] trials = Search("bayes", _plane, 5, 30, Failing);
        Assert.Contains(trials, trial => trial.Loss == null);
        Assert.InRange(trials.Min(trial => trial.Loss!.GetValueOrDefault(1e9)), 0.397, 0.5);
        Assert.True(trials.TakeLast(15).Count(trial => trial.Loss is null or 1e9) < 5);
        Assert.Equal(12, Search("bayes", _plane, 5, 12, _ => null).Length);
    }

    [Theory]
    [InlineData("bayes")]
    [InlineData("random")]
    [InlineData("grid")]
    public void Proposals_depend_on_the_seed_and_the_finished_trials_alone(string method)
    {
        Trial[] trials = Search(method, _mixed, 7, 12, setting => Bowl(setting));
        for (int done = 0; done < trials.Length; done++)
            Assert.Equal(trials[done].Values, FastRnn.Runner.Search.Create(method, _mixed, 7).Propose(trials[..done]));
        if (method != "grid")
            Assert.NotEqual(trials[0].Values, Search(method, _mixed, 8, 1, setting => Bowl(setting))[0].Values);
    }

    [Theory]
    [InlineData("bayes")]
    [InlineData("random")]
    public void Every_setting_is_tried_once_and_then_no_more(string method)
    {
        var space = new SearchSpace([new NumberParameter("n", 1, 4, false, true, 5), new CategoryParameter("cell", ["a", "b", "c"])]);
        Trial[] trials = Search(method, space, 1, 100, setting => Number(setting[0]));
        Assert.Equal(12, trials.Select(trial => string.Join(' ', trial.Values)).Distinct().Count());
        Assert.Equal(12, trials.Length);
    }

    /// <summary>Of whole numbers on a logarithmic scale none is left out, and a range with few numbers of six digits comes to an end.</summary>
    [Theory]
    [InlineData("bayes")]
    [InlineData("random")]
    public void Narrow_and_logarithmic_ranges_are_exhausted(string method)
    {
        Assert.Equal(30, Search(method, new SearchSpace([new NumberParameter("n", 1, 30, true, true, 5)]), 1, 100, setting => Number(setting[0])).Length);
        Trial[] narrow = Search(method, new SearchSpace([Real("x", 0.001, 0.00100002)]), 1, 100, setting => Number(setting[0]));
        Assert.Equal(["0.001", "0.00100001", "0.00100002"], narrow.Select(trial => trial.Values[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Grid_has_every_combination_in_order()
    {
        var space = new SearchSpace(
        [
            new CategoryParameter("cell", ["b", "a"]), new NumberParameter("n", 16, 64, true, true, 3), new NumberParameter("rate", 0.1, 0.2, false, false, 2),
        ]);
        Assert.Equal(
            "b 16 0.1, b 16 0.2, b 32 0.1, b 32 0.2, b 64 0.1, b 64 0.2, a 16 0.1, a 16 0.2, a 32 0.1, a 32 0.2, a 64 0.1, a 64 0.2",
            string.Join(", ", Search("grid", space, 1, 100, _ => 1).Select(trial => string.Join(' ', trial.Values))));
        Assert.Equal(["1", "2", "3"], new NumberParameter("n", 1, 3, false, true, 5).Grid);
        Assert.Equal(["0.0001", "0.001", "0.01"], new NumberParameter("rate", 1e-4, 1e-2, true, false, 3).Grid);
        Assert.Equal(["2"], new NumberParameter("n", 2, 9, false, false, 1).Grid);
    }

    [Fact]
    public void Random_values_fill_their_scale_evenly()
    {
        Trial[] trials = Search("random", _mixed, 1, 900, _ => 1);
        Assert.All(trials, trial => Assert.InRange(Number(trial.Values[0]), 16, 128));
        Assert.All(trials, trial => Assert.InRange(Number(trial.Values[1]), 1e-4, 1e-1));
        // A third of the draws each, give or take four standard deviations.
        Assert.All(trials.CountBy(trial => trial.Values[2]), group => Assert.InRange(group.Value, 244, 356));
        Assert.All(
            trials.CountBy(trial => (int)Math.Min(2, Math.Log10(Number(trial.Values[1]) / 1e-4))), group => Assert.InRange(group.Value, 244, 356));
        Assert.InRange(trials.Count(trial => Number(trial.Values[0]) < 32), 244, 356);
        Assert.InRange(trials.Count(trial => Number(trial.Values[0]) > 64), 244, 356);
    }

    [Fact]
    public void Values_lie_where_they_were_drawn()
    {
        foreach (SearchParameter parameter in _mixed.Parameters.Take(2))
        {
            for (double share = 0; share <= 1; share += 0.125)
                Assert.Equal(share, parameter.Place(parameter.At(share)), 0.02);
            Assert.Equal(0, parameter.Place(parameter.Extremes[0]));
            Assert.Equal(1, parameter.Place(parameter.Extremes[1]));
        }
        Assert.Equal([0, 1, 2], _mixed.Parameters[2].Extremes.Select(_mixed.Parameters[2].Place));
        Assert.Equal("c", _mixed.Parameters[2].At(1));
        SearchParameter odd = Real("x", 1.23456789, 1.2345679); // six digits leave the range
        Assert.InRange(Number(odd.At(0.3)), 1.23456789, 1.2345679);
    }

    private static NumberParameter Real(string name, double low, double high) => new(name, low, high, false, false, 5);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double Best(string method, SearchSpace space, ulong seed, int trials, Func<IReadOnlyList<string>, double> function) =>
        Search(method, space, seed, trials, setting => function(setting)).Min(trial => trial.Loss!.Value);

    private static Trial[] Search(string method, SearchSpace space, ulong seed, int trials, Func<IReadOnlyList<string>, double?> function)
    {
        var search = FastRnn.Runner.Search.Create(method, space, seed);
        var done = new List<Trial>();
        while (done.Count < trials && search.Propose(done) is { } setting)
        {
            double? loss = function(setting);
            done.Add(new Trial(done.Count + 1, loss == null ? Trial.Diverged : Trial.Ok, loss, 0, setting));
        }
        return [.. done];
    }
}
