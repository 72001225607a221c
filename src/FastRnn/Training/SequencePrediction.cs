using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>Answers of a model to whole sequences.</summary>
public static class SequencePrediction
{
    /// <summary>Receives the answers to one sequence.</summary>
    /// <param name="index">Its place among the sequences.</param>
    /// <param name="outputs">[L, C] for all steps, or [1, C] for the answer at the end.</param>
    public delegate void Answer(int index, ReadOnlySpan<float> outputs);

    /// <summary>
    /// Runs a model over sequences in batches of similar lengths, without a loss; bits are those of each sequence alone. Sequences of no step have no
    /// answer.
    /// </summary>
    /// <param name="model">Gives C outputs.</param>
    /// <param name="sequences">Of one kind, as <see cref="SequenceBatches"/> wants them.</param>
    /// <param name="atEnd">Only the answer at the end of each is wanted.</param>
    /// <param name="answer">Is called once for each sequence, in no particular order; what it is given is valid during the call.</param>
    /// <param name="batchSize">Sequences at once, at least 1.</param>
    /// <param name="cancellation">Asked before every batch.</param>
    /// <exception cref="ArgumentException">The model cannot read such sequences.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void PredictEach(
        this Sequential model, IReadOnlyList<LabelledSequence> sequences, bool atEnd, Answer answer, int batchSize = 64, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sequences);
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        int classes = model.OutputSize;
        var one = new List<float>();
        var predictor = new Predictor(model);
        foreach (int[] batch in Enumerable.Range(0, sequences.Count).Where(i => sequences[i].Length > 0).OrderBy(i => sequences[i].Length).Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            SequenceChunk window = SequenceBatches.Pad([.. batch.Select(i => sequences[i])]);
            var outputs = new float[window.Steps * window.Batch * classes];
            predictor.Predict(window, outputs);
            for (int b = 0; b < batch.Length; b++)
            {
                int length = sequences[batch[b]].Length;
                one.Clear();
                for (int t = atEnd ? length - 1 : 0; t < length; t++)
                    one.AddRange(outputs.AsSpan(((t * window.Batch) + b) * classes, classes));
                answer(batch[b], System.Runtime.InteropServices.CollectionsMarshal.AsSpan(one));
            }
        }
    }
}
