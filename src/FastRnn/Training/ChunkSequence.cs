using System.Collections;

namespace FastRnn.Training;

/// <summary>Windows over parallel streams of one text. Enumerating allocates nothing: a window is valid until the next one.</summary>
public sealed class ChunkSequence : IChunkSequence
{
    private readonly int[] _tokens;
    private readonly int _streamLength;
    private readonly RandomLengths? _lengths;
    private readonly Dictionary<int, SequenceChunk> _chunks = [];
    private int[] _ends = []; // of windows of random lengths
    private int _epoch;

    internal ChunkSequence(int[] tokens, int batchSize, int timeSteps, RandomLengths? lengths)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(timeSteps, 1);
        _tokens = tokens;
        _streamLength = (tokens.Length - 1) / batchSize;
        if (_streamLength < 1)
            throw new ArgumentException($"a text of {tokens.Length} characters cannot feed {batchSize} streams: {batchSize + 1} are needed at least");
        BatchSize = batchSize;
        TimeSteps = Math.Min(timeSteps, _streamLength);
        Count = (int)(((long)_streamLength + TimeSteps - 1) / TimeSteps);
        _lengths = lengths;
        Cut();
    }

    /// <summary>Windows in one pass.</summary>
    public int Count { get; private set; }

    /// <summary>Characters predicted in one pass.</summary>
    public int TokensPerPass => _streamLength * BatchSize;

    /// <summary>Parallel streams.</summary>
    public int BatchSize { get; }

    /// <summary>Steps of a window; the last may be shorter. For random lengths their base.</summary>
    public int TimeSteps { get; }

    /// <summary>
    /// Number of the pass, from 0: it says where windows of random lengths are cut, and so changes <see cref="Count"/>. Set it before a pass.
    /// </summary>
    public int Epoch
    {
        get => _epoch;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _epoch = value;
            Cut();
        }
    }

    /// <summary>Window <paramref name="index"/>, in a buffer that the next call reuses.</summary>
    public SequenceChunk this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            (int first, int end) = Range(index);
            SequenceChunk chunk = Chunk(end - first);
            chunk.StartsStreams = index == 0;
            for (int b = 0; b < chunk.Batch; b++)
            {
                int from = (b * _streamLength) + first;
                for (int t = 0; t < chunk.Steps; t++)
                {
                    chunk.Inputs[(t * chunk.Batch) + b] = _tokens[from + t];
                    chunk.Targets[(t * chunk.Batch) + b] = _tokens[from + t + 1];
                }
            }
            return chunk;
        }
    }

    /// <summary>Goes through the windows in order.</summary>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<SequenceChunk> IEnumerable<SequenceChunk>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Cut()
    {
        if (_lengths == null)
            return;
        int[] ends = _lengths.Cut(_streamLength, TimeSteps, _epoch);
        for (int i = 1; i < ends.Length; i++)
            ends[i] += ends[i - 1];
        (_ends, Count) = (ends, ends.Length);
    }

    private (int First, int End) Range(int index) => _lengths != null
        ? (index == 0 ? 0 : _ends[index - 1], _ends[index])
        : (index * TimeSteps, index == Count - 1 ? _streamLength : (index + 1) * TimeSteps);

    /// <summary>One buffer for each length.</summary>
    private SequenceChunk Chunk(int steps)
    {
        if (_chunks.TryGetValue(steps, out SequenceChunk? chunk))
            return chunk;
        _chunks.Add(steps, chunk = new SequenceChunk(steps, BatchSize));
        if (_lengths is { ScaleRate: true })
            chunk.RateFactor = (float)((double)steps / TimeSteps);
        return chunk;
    }

    /// <summary>Position in a <see cref="ChunkSequence"/>.</summary>
    public struct Enumerator(ChunkSequence chunks) : IEnumerator<SequenceChunk>
    {
        private int _index = -1;

        /// <inheritdoc/>
        public SequenceChunk Current { get; private set; } = null!;

        readonly object IEnumerator.Current => Current;

        /// <inheritdoc/>
        public bool MoveNext()
        {
            if (_index + 1 >= chunks.Count)
                return false;
            Current = chunks[++_index];
            return true;
        }

        /// <inheritdoc/>
        public void Reset() => _index = -1;

        /// <inheritdoc/>
        public readonly void Dispose()
        {
        }
    }
}
