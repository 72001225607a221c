namespace FastRnn.Formats;

/// <summary>What updates in a row have in common, for plots of long runs.</summary>
/// <param name="Count">Updates, at least 1.</param>
/// <param name="LearningRate">Rate of the first of them.</param>
/// <param name="LowestNorm">Smallest global L2 norm of their gradients, before clipping.</param>
/// <param name="HighestNorm">Largest of them.</param>
public readonly record struct UpdateSummary(long Count, double LearningRate, double LowestNorm, double HighestNorm)
{
    private UpdateSummary And(in UpdateSummary next) =>
        new(Count + next.Count, LearningRate, Math.Min(LowestNorm, next.LowestNorm), Math.Max(HighestNorm, next.HighestNorm));

    /// <summary>
    /// Adds one update to a list that never grows over <see cref="Most"/>: when it is full, neighbours are joined, and from then on twice as many
    /// updates go into each. All but the last have the same count, so the list knows how it goes on wherever it was stored.
    /// </summary>
    internal static void Add(List<UpdateSummary> updates, double learningRate, double norm)
    {
        var update = new UpdateSummary(1, learningRate, norm, norm);
        long size = updates.Count == 0 ? 1 : updates[0].Count;
        if (updates.Count > 0 && updates[^1].Count < size)
        {
            updates[^1] = updates[^1].And(update);
            return;
        }
        if (updates.Count == Most)
        {
            for (int i = 0; i < Most / 2; i++)
                updates[i] = updates[2 * i].And(updates[(2 * i) + 1]);
            updates.RemoveRange(Most / 2, Most / 2);
        }
        updates.Add(update);
    }

    /// <summary>A few for every column of pixels.</summary>
    internal const int Most = 2048;
}

/// <summary>Updates as rows of doubles: count, learning rate, lowest and highest norm.</summary>
internal static class UpdateTable
{
    public const int Columns = 4;

    public static SafetensorsTensor Write(IReadOnlyList<UpdateSummary> updates)
    {
        var tensor = new SafetensorsTensor(CheckpointRecord.UpdatesName, TensorType.F64, updates.Count, Columns);
        for (int i = 0; i < updates.Count; i++)
        {
            (long count, double rate, double low, double high) = updates[i];
            ((ReadOnlySpan<double>)[count, rate, low, high]).CopyTo(tensor.Doubles[(i * Columns)..]);
        }
        return tensor;
    }

    public static UpdateSummary[] Read(SafetensorsTensor? tensor)
    {
        var updates = new UpdateSummary[tensor?.Shape[0] ?? 0];
        for (int i = 0; i < updates.Length; i++)
        {
            ReadOnlySpan<double> row = tensor!.Doubles.Slice(i * Columns, Columns);
            updates[i] = new UpdateSummary((long)row[0], row[1], row[2], row[3]);
        }
        return updates;
    }
}
