using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Samples held out, classes and their weights, standardisation.</summary>
public sealed class SampleSplitTests
{
    private static readonly int[] _classes = [.. Enumerable.Range(0, 100).Select(i => i % 10 == 0 ? 1 : i % 33 == 1 ? 2 : 0)]; // 87, 10, 3

    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(0.1, 9, 1, 0)]
    [InlineData(0.25, 22, 3, 1)]
    [InlineData(0.99, 86, 9, 2)]
    public void Stratified_split_holds_out_the_share_of_each_class(double share, params int[] expected)
    {
        SampleSplit split = SampleSplit.Stratified(_classes, share, 7);
        Assert.Equal(expected, Enumerable.Range(0, 3).Select(c => split.HeldOut.Count(i => _classes[i] == c)));
        Assert.Equal(Enumerable.Range(0, 100), split.Train.Concat(split.HeldOut).Order());
        Assert.Equal(split.HeldOut.Order(), split.HeldOut);
        Assert.Equal(split.Train.Order(), split.Train);
    }

    [Fact]
    public void Split_depends_on_the_seed_alone_and_is_even()
    {
        Assert.Equal(SampleSplit.Random(50, 0.3, 1).HeldOut, SampleSplit.Random(50, 0.3, 1).HeldOut);
        Assert.NotEqual(SampleSplit.Random(50, 0.3, 1).HeldOut, SampleSplit.Random(50, 0.3, 2).HeldOut);
        var counts = new int[20];
        for (ulong seed = 0; seed < 2000; seed++)
        {
            foreach (int i in SampleSplit.Random(20, 0.25, seed).HeldOut)
                counts[i]++;
        }
        Assert.All(counts, count => Assert.InRange(count, 420, 580)); // 500 expected, deviation 19
    }

    [Fact]
    public void Every_nth_sample_begins_with_the_first()
    {
        SampleSplit split = SampleSplit.Every(7, 3);
        Assert.Equal([0, 3, 6], split.HeldOut);
        Assert.Equal([1, 2, 4, 5], split.Train);
        Assert.Empty(SampleSplit.Every(0, 2).Train);
    }

    [Fact]
    public void Shares_and_steps_outside_their_bounds_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleSplit.Random(5, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleSplit.Random(5, double.NaN, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleSplit.Every(5, 1));
    }

    [Fact]
    public void Classes_are_sorted_and_weighted_against_their_frequency()
    {
        ClassNames classes = ClassNames.FromLabels(["b", "a", "B", "b", "é"]);
        Assert.Equal(["B", "a", "b", "é"], classes.Names);
        Assert.Equal((4, "b"), (classes.Count, classes[2]));
        Assert.True(classes.TryGet("é", out int number));
        Assert.Equal(3, number);
        Assert.False(classes.TryGet("c", out _));
        Assert.Equal([1.25f, 2.5f, 5 / 14f, 0f], classes.BalancedWeights([2, 0, 2, 1, 2, 0, 2, 2, 2, 2]));
    }

    [Fact]
    public void Lists_that_are_no_classes_are_refused()
    {
        Assert.Contains("no class: at least two", Assert.Throws<ArgumentException>(() => new ClassNames([])).Message, StringComparison.Ordinal);
        Assert.Contains("one class only, 'a': at least two", Assert.Throws<ArgumentException>(() => ClassNames.FromLabels(["a", "a"])).Message, StringComparison.Ordinal);
        Assert.Contains("class 1, 'a', stands twice", Assert.Throws<ArgumentException>(() => new ClassNames(["a", "a"])).Message, StringComparison.Ordinal);
        Assert.Contains("class 0 has no name", Assert.Throws<ArgumentException>(() => new ClassNames(["", "a"])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ClassNames(["a", "b"]).BalancedWeights([2]));
    }

    [Fact]
    public void Standardisation_brings_channels_to_mean_0_and_deviation_1()
    {
        float[] first = [1, 7, 10, 2, 7, 20], second = [6, 7, 30];
        Standardization scale = Standardization.Fit([first, second], 3);
        Assert.Equal([3f, 7f, 20f], scale.Means);
        Assert.Equal([2.1602469f, 1f, 8.164966f], scale.Deviations);
        Assert.Equal([-0.9258201f, 0, -1.2247449f], scale.Apply(first.AsSpan(0, 3)));
    }

    [Fact]
    public void Standardisation_survives_large_offsets_and_tiny_changes()
    {
        float[] far = [.. Enumerable.Range(0, 1000).Select(i => 1_000_000f + (i % 2))];
        Assert.Equal(0.5f, Standardization.Fit([far], 1).Deviations[0], 1e-4f);
        Assert.Equal([0f, 0f], Standardization.Fit([new float[] { float.Epsilon, 0 }], 1).Apply([0, 0]));
        Standardization constant = Standardization.Fit([Enumerable.Repeat(0.1f, 1000).ToArray()], 1); // whose sum is rounded
        Assert.Equal((0.1f, 1f), (constant.Means[0], constant.Deviations[0]));
    }

    [Fact]
    public void Numbers_that_are_no_standardisation_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Standardization([], []));
        Assert.Throws<ArgumentException>(() => new Standardization([1], [1, 2]));
        Assert.Throws<ArgumentException>(() => new Standardization([float.NaN], [1]));
        Assert.Contains("channel 1: mean 0 and deviation 0", Assert.Throws<ArgumentException>(() => new Standardization([0, 0], [1, 0])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Standardization.Fit([new float[3]], 2));
        Assert.Throws<ArgumentException>(() => Standardization.Fit([], 2));
        Assert.Throws<ArgumentException>(() => new Standardization([0, 0], [1, 1]).Apply([1, 2, 3]));
    }
}
