using System.Collections;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>
/// Windows of which some tokens are read as others, chosen anew in every pass: as unknown words, a model learns what these mean and not to rely on single
/// words (Iyyer et al. 2015). Which ones depends on the seed, the pass and the window alone. Targets stay.
/// </summary>
public sealed class SymbolDropout : IChunkSequence
{
    private const ulong Stream = 0x53796D62_00000000; // apart from what else is drawn with the seed

    private readonly IChunkSequence _chunks;
    private readonly int[] _replacements;
    private readonly float _rate;
    private readonly ulong _seed;

    /// <summary>Windows that read some tokens as others.</summary>
    /// <param name="chunks">Windows of tokens, each in a buffer that is filled when it is asked for.</param>
    /// <param name="replacements">For each token the one that it may be read as.</param>
    /// <param name="rate">Share of tokens that are, in [0, 1).</param>
    /// <param name="seed">Of the choice.</param>
    public SymbolDropout(IChunkSequence chunks, IReadOnlyList<int> replacements, float rate, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        ArgumentNullException.ThrowIfNull(replacements);
        if (!(rate is >= 0f and < 1f))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "a rate lies in [0, 1)");
        (_chunks, _replacements, _rate, _seed) = (chunks, [.. replacements], rate, seed ^ Stream);
        if (_replacements.Any(token => (uint)token >= (uint)_replacements.Length))
            throw new ArgumentException($"a replacement is not one of {_replacements.Length} tokens", nameof(replacements));
    }

    /// <inheritdoc/>
    public int Count => _chunks.Count;

    /// <inheritdoc/>
    public int Epoch
    {
        get => _chunks.Epoch;
        set => _chunks.Epoch = value;
    }

    /// <inheritdoc/>
    public SequenceChunk this[int index]
    {
        get
        {
            SequenceChunk chunk = _chunks[index];
            var random = new PhiloxStream(_seed, ((ulong)(uint)Epoch << 32) | (uint)index);
            foreach (ref int token in chunk.Inputs)
            {
                bool drops = Philox.ToUnit(random.NextWord()) < _rate;
                if (drops && token >= 0)
                    token = _replacements[token];
            }
            return chunk;
        }
    }

    /// <inheritdoc/>
    public IEnumerator<SequenceChunk> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
