using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.TrainingRuns;

namespace FastRnn.Tests.Training;

/// <summary>Sequences of different lengths in one window: padding changes nothing, every sequence has its turn, batches have similar lengths.</summary>
public class SequenceBatchesTests
{
    private static readonly int[] Lengths = [7, 0, 3, 1, 12, 12, 5];

    /// <summary>The loss of a padded window is that of its sequences alone, and both paddings have the same gradient.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void PaddingChangesNothing(bool values, bool oneAnswer)
    {
        using var backend = new CpuBackend(1);
        LabelledSequence[] sequences = [.. Lengths.Select((length, i) => Sequence(length, values, oneAnswer, seed: i))];
        Trainer right = Trainer(backend, values), left = Trainer(backend, values), alone = Trainer(backend, values);
        double sum = 0;
        foreach (LabelledSequence sequence in sequences)
            sum += alone.Evaluate([SequenceBatches.Pad([sequence])]);
        foreach (bool padLeft in new[] { false, true })
        {
            foreach (int steps in new[] { 0, 12, 19 })
                Assert.Equal(sum, right.Evaluate([SequenceBatches.Pad(sequences, steps, padLeft)]), 1e-9 * sum);
        }
        StepResult atRight = right.Step(SequenceBatches.Pad(sequences)), atLeft = left.Step(SequenceBatches.Pad(sequences, padLeft: true));
        Assert.Equal(oneAnswer ? Lengths.Count(l => l > 0) : Lengths.Sum(), atRight.Tokens);
        Assert.Equal(atRight.Tokens, atLeft.Tokens);
        Assert.Equal(atRight.GradientNorm, atLeft.GradientNorm, 1e-5 * atRight.GradientNorm);
        Assert.True(atRight.GradientNorm > 0.1);
    }

    [Fact]
    public void ALengthIsItsInactiveSteps()
    {
        var chunk = new SequenceChunk(4, 3);
        chunk.Inputs.Fill(5);
        chunk.SetLength(0, 4);
        chunk.SetLength(1, 1);
        chunk.SetLength(2, 3, padLeft: true);
        Assert.Equal([1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1], chunk.Flags!.Active.ToArray().Select(x => (int)x));
        Assert.Equal([5, 5, -1, 5, -1, 5, 5, -1, 5, 5, -1, 5], chunk.Inputs.ToArray());
        chunk.SetLength(0, 0);
        Assert.False(chunk.Flags.IsActive(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetLength(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetLength(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunk.SetLength(3, 1));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(8, true)]
    public void EveryPassHasEverySequenceOnceInAnOrderOfItsOwn(int roundTo, bool padLeft)
    {
        // Token i in sequence i alone, so that a sequence can be told from its tokens.
        var random = new Random(1);
        int[] lengths = [.. Enumerable.Range(0, 203).Select(_ => random.Next(41))];
        LabelledSequence[] sequences = [.. lengths.Select((length, i) => new LabelledSequence(Enumerable.Repeat(i, length).ToArray(), Enumerable.Repeat(i, length).ToArray()))];
        var batches = new SequenceBatches(sequences, 10, seed: 3, poolBatches: 4, roundTo, padLeft);
        Assert.Equal(21, batches.Count);
        List<string> first = Signatures(batches.Pass(0)), second = Signatures(batches.Pass(1));
        Assert.Equal(first, Signatures(new SequenceBatches(sequences, 10, 3, 4, roundTo, padLeft).Pass(0)));
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, Signatures(new SequenceBatches(sequences, 10, 4, 4, roundTo, padLeft).Pass(0)));
        Assert.Equal(21, second.Count);
        var found = new int[sequences.Length];
        foreach (SequenceChunk chunk in batches.Pass(2))
        {
            Assert.True(chunk.StartsStreams && chunk.Batch == 10 && (chunk.Steps % roundTo == 0 || chunk.Steps == lengths.Max()));
            for (int at = 0; at < chunk.Inputs.Length; at++)
            {
                Assert.Equal(chunk.Inputs[at], chunk.Targets[at]);
                if (chunk.Inputs[at] >= 0)
                    found[chunk.Inputs[at]]++;
            }
            int edge = padLeft ? chunk.Steps - 1 : 0;
            for (int b = 0; b < chunk.Batch; b++)
                Assert.True(chunk.Inputs[(edge * chunk.Batch) + b] >= 0 || !Enumerable.Range(0, chunk.Steps).Any(t => chunk.Inputs[(t * chunk.Batch) + b] >= 0));
        }
        Assert.Equal(lengths, found);
    }

    [Fact]
    public void PoolsMakeLengthsSimilar()
    {
        var random = new Random(2);
        LabelledSequence[] sequences = [.. Enumerable.Range(0, 640).Select(_ => Sequence(random.Next(1, 101), false, false, seed: 1))];
        double single = Padding(new SequenceBatches(sequences, 32, poolBatches: 1, roundStepsTo: 1));
        double pooled = Padding(new SequenceBatches(sequences, 32, roundStepsTo: 1));
        Assert.InRange(single, 0.4, 0.6); // half of uniform lengths
        Assert.InRange(pooled, 0, 0.06);
    }

    [Fact]
    public void ABatchOfEmptySequencesTeachesNothing()
    {
        using var backend = new CpuBackend(1);
        Trainer trainer = Trainer(backend, values: false);
        StepResult result = trainer.Step(Assert.Single(new SequenceBatches([Sequence(0, false, false, 1)], 3).Pass(0)));
        Assert.Equal(new StepResult(0, 0, 0), result);
    }

    [Fact]
    public void WrongSequencesAreNamed()
    {
        Assert.Contains("4 steps has 4 targets or one, 3 given", Assert.Throws<ArgumentException>(() => new LabelledSequence(new int[4], new int[3])).Message, StringComparison.Ordinal);
        Assert.Contains("7 values are no whole number", Assert.Throws<ArgumentException>(() => new LabelledSequence(new float[7], 2, new int[3])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LabelledSequence(new float[4], 0, new int[1]));
        Assert.Throws<ArgumentException>(() => SequenceBatches.Pad([]));
        Assert.Throws<ArgumentException>(() => SequenceBatches.Pad([Sequence(4, false, false, 1)], steps: 3));
        Assert.Contains(
            "sequence 2 has 3 values in and 2 out a step, sequence 0 0 and 0",
            Assert.Throws<ArgumentException>(() => SequenceBatches.Pad([Sequence(4, false, false, 1), Sequence(4, false, false, 1), Sequence(4, true, false, 1)])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "sequence 2 has one target, sequence 0 one for each step",
            Assert.Throws<ArgumentException>(() => new SequenceBatches([Sequence(4, false, false, 1), Sequence(1, false, true, 1), Sequence(4, false, true, 1)], 2)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceBatches([Sequence(4, false, false, 1)], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceBatches([Sequence(4, false, false, 1)], 1, poolBatches: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SequenceBatches([Sequence(4, false, false, 1)], 1, roundStepsTo: 0));
    }

    private static List<string> Signatures(IEnumerable<SequenceChunk> chunks) => [.. chunks.Select(chunk => string.Join(' ', chunk.Inputs.ToArray()))];

    private static double Padding(SequenceBatches batches)
    {
        long padding = 0, all = 0;
        foreach (SequenceChunk chunk in batches.Pass(0))
        {
            all += chunk.Inputs.Length;
            padding += chunk.Inputs.ToArray().Count(token => token < 0);
        }
        return (double)padding / all;
    }

    private static LabelledSequence Sequence(int length, bool values, bool oneAnswer, int seed)
    {
        var random = new Random(seed);
        int targets = oneAnswer ? 1 : length;
        return values
            ? new LabelledSequence(Values(length * 3), 3, Values(targets * 2), 2)
            : new LabelledSequence(Tokens(length), Tokens(targets));

        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(13))];
    }

    /// <summary>Of a sum, so that losses of windows can be added.</summary>
    private static Trainer Trainer(Backend backend, bool values) => values
        ? new(new Sequential(backend, 5, new Gru(3, 11), new Lstm(11, 6), new Linear(6, 2)), new MeanSquaredError { Reduction = LossReduction.Sum }, new Sgd(0.1f))
        : new(Model(backend), new CrossEntropy { Reduction = LossReduction.Sum }, new Sgd(0.1f));
}
