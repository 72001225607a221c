using System.Collections;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>
/// Sequences of different lengths as batches of similar lengths, so that little of a batch is padding. Each pass shuffles all sequences,
/// sorts them by length within pools of some batches, and shuffles the batches. The order depends on the seed and the pass alone.
/// </summary>
public sealed class SequenceBatches : IChunkSequence
{
    private readonly LabelledSequence[] _sequences;
    private readonly Dictionary<int, SequenceChunk> _chunks = [];
    private readonly ulong _seed;
    private readonly bool _padLeft;
    private readonly int _pool, _roundTo, _longest;
    private LabelledSequence[][]? _order;
    private int _epoch;

    /// <summary>Batches of sequences of one kind: with as many values in and out, and targets at all steps or at ends.</summary>
    /// <param name="sequences">At least one.</param>
    /// <param name="batchSize">B. The last batch of a pass may be filled up with empty samples.</param>
    /// <param name="seed">Of the order.</param>
    /// <param name="poolBatches">Batches in a pool, at least 1: more make lengths more similar, fewer the batches more random.</param>
    /// <param name="roundStepsTo">
    /// T of a batch is its longest length rounded up to a multiple of this, at most the longest of all: a trainer keeps memory for every T
    /// it meets.
    /// </param>
    /// <param name="padLeft">Samples end together instead of starting together.</param>
    /// <exception cref="ArgumentException">There is no sequence, or they are of different kinds.</exception>
    public SequenceBatches(
        IReadOnlyList<LabelledSequence> sequences, int batchSize, ulong seed = 1, int poolBatches = 20, int roundStepsTo = 16, bool padLeft = false)
    {
        CheckKind(sequences);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(poolBatches, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(roundStepsTo, 1);
        _sequences = [.. sequences];
        (BatchSize, _seed, _roundTo, _padLeft) = (batchSize, seed, roundStepsTo, padLeft);
        _pool = (int)Math.Min((long)batchSize * poolBatches, Array.MaxLength);
        _longest = Math.Max(1, _sequences.Max(s => s.Length));
    }

    /// <summary>B.</summary>
    public int BatchSize { get; }

    /// <summary>Batches in a pass.</summary>
    public int Count => (int)(((long)_sequences.Length + BatchSize - 1) / BatchSize);

    /// <summary>One window with given sequences as its samples, in their order.</summary>
    /// <param name="sequences">At least one, all of one kind.</param>
    /// <param name="steps">T, at least the longest length; 0: that.</param>
    /// <param name="padLeft">Samples end together instead of starting together.</param>
    /// <exception cref="ArgumentException">There is no sequence, they are of different kinds, or one is longer than T.</exception>
    public static SequenceChunk Pad(IReadOnlyList<LabelledSequence> sequences, int steps = 0, bool padLeft = false)
    {
        CheckKind(sequences);
        int longest = Math.Max(1, sequences.Max(s => s.Length));
        if (steps != 0 && steps < longest)
            throw new ArgumentException($"a sequence of {longest} steps does not fit into {steps}", nameof(steps));
        var chunk = new SequenceChunk(steps == 0 ? longest : steps, sequences.Count, sequences[0].Features, sequences[0].Outputs);
        Fill(chunk, sequences, padLeft);
        return chunk;
    }

    /// <inheritdoc/>
    public int Epoch
    {
        get => _epoch;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            if (value != _epoch)
                _order = null;
            _epoch = value;
        }
    }

    /// <summary>Batch <paramref name="index"/> of the pass, longest sample first, in a buffer that later ones reuse.</summary>
    public SequenceChunk this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return Load((_order ??= Order(_epoch))[index]);
        }
    }

    /// <summary>The batches of a pass, longest sample first in each, in buffers that later batches reuse.</summary>
    /// <param name="pass">Number of the pass; the same number gives the same order again.</param>
    public IEnumerable<SequenceChunk> Pass(int pass)
    {
        foreach (LabelledSequence[] batch in Order(pass))
            yield return Load(batch);
    }

    /// <summary>The batches of pass <see cref="Epoch"/> in order.</summary>
    public IEnumerator<SequenceChunk> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private SequenceChunk Load(LabelledSequence[] batch)
    {
        int steps = (int)Math.Min(((long)Math.Max(1, batch[0].Length) + _roundTo - 1) / _roundTo * _roundTo, _longest);
        if (!_chunks.TryGetValue(steps, out SequenceChunk? chunk))
            _chunks.Add(steps, chunk = new SequenceChunk(steps, BatchSize, batch[0].Features, batch[0].Outputs));
        Fill(chunk, batch, _padLeft);
        return chunk;
    }

    private LabelledSequence[][] Order(int pass)
    {
        var random = new PhiloxStream(_seed, (uint)pass);
        LabelledSequence[] all = [.. _sequences];
        random.Shuffle<LabelledSequence>(all);
        var batches = new List<LabelledSequence[]>(Count);
        foreach (LabelledSequence[] pool in all.Chunk(_pool))
            batches.AddRange(pool.OrderByDescending(s => s.Length).Chunk(BatchSize));
        LabelledSequence[][] order = [.. batches];
        random.Shuffle<LabelledSequence[]>(order);
        return order;
    }

    private static void Fill(SequenceChunk chunk, IReadOnlyList<LabelledSequence> samples, bool padLeft)
    {
        chunk.ClearFlags();
        chunk.StartsStreams = true;
        chunk.LastStepOnly = samples.Any(HasOneAnswer);
        for (int b = 0; b < chunk.Batch; b++)
        {
            if (b < samples.Count)
                samples[b].CopyTo(chunk, b, padLeft);
            else
                chunk.SetLength(b, 0);
        }
    }

    private static bool HasOneAnswer(LabelledSequence sequence) => sequence.Length > 1 && sequence.TargetSteps == 1;

    private static void CheckKind(IReadOnlyList<LabelledSequence> sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        if (sequences.Count == 0)
            throw new ArgumentException("there is no sequence", nameof(sequences));
        LabelledSequence first = sequences[0];
        int answered = -1, followed = -1; // a sequence with a target at its end, and one with targets at all of its steps
        for (int i = 0; i < sequences.Count; i++)
        {
            LabelledSequence sequence = sequences[i];
            if ((sequence.Features, sequence.Outputs) != (first.Features, first.Outputs))
            {
                throw new ArgumentException(
                    $"sequence {i} has {sequence.Features} values in and {sequence.Outputs} out a step, sequence 0 {first.Features} and {first.Outputs}",
                    nameof(sequences));
            }
            if (HasOneAnswer(sequence))
                answered = i;
            else if (sequence.Length > 1)
                followed = i;
            if (answered >= 0 && followed >= 0)
                throw new ArgumentException($"sequence {answered} has one target, sequence {followed} one for each step", nameof(sequences));
        }
    }
}
