using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Answers to whole sequences are those of each sequence alone.</summary>
public sealed class SequencePredictionTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_sequence_has_the_bits_it_has_alone(bool atEnd)
    {
        using var backend = new CpuBackend(2);
        using var model = new Sequential(backend, 3, new Embedding(5, 4), new Bidirectional(new Gru(4, 6), lastStep: atEnd), new Linear(12, 3));
        LabelledSequence[] sequences =
        [
            .. ((int[])[3, 1, 0, 7, 3, 5]).Select((length, i) => new LabelledSequence(
                Enumerable.Range(0, length).Select(t => ((t * 3) + i) % 5).ToArray(), new int[atEnd ? 1 : length])),
        ];
        var answers = new Dictionary<int, float[]>();
        model.PredictEach(sequences, atEnd, (index, outputs) => answers.Add(index, outputs.ToArray()), batchSize: 4);
        Assert.Equal([0, 1, 3, 4, 5], answers.Keys.Order());
        foreach ((int index, float[] answer) in answers)
        {
            int length = sequences[index].Length;
            var alone = new float[length * 3];
            model.Predict(SequenceBatches.Pad([sequences[index]]), alone);
            Assert.Equal(atEnd ? alone[^3..] : alone, answer);
        }
    }

    [Fact]
    public void Cancellation_and_bad_sizes_are_heard()
    {
        using var model = new Sequential(new Embedding(2, 1), new Linear(1, 2));
        LabelledSequence[] sequences = [new(new int[1], new int[1])];
        Assert.Throws<OperationCanceledException>(() => model.PredictEach(sequences, true, (_, _) => { }, cancellation: new CancellationToken(true)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.PredictEach(sequences, true, (_, _) => { }, batchSize: 0));
        Assert.Throws<ArgumentException>(() => model.PredictEach([new(new float[2], 2, new int[1])], true, (_, _) => { }));
    }
}
