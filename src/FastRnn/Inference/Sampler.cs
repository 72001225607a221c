using FastRnn.Numerics;

namespace FastRnn.Inference;

/// <summary>
/// Draws tokens from logits: divide by the temperature, keep the <c>topK</c> likeliest, of these the smallest set whose probability reaches
/// <c>topP</c>, draw. Computed in double; the draws depend on the seed and on how many were made before.
/// </summary>
public sealed class Sampler
{
    private readonly double _temperature;
    private readonly int _topK;
    private readonly double _topP;
    private PhiloxStream _random;
    private double[] _weights = [];
    private int[] _order = [];

    /// <summary>A sampler.</summary>
    /// <param name="seed">Of the draws.</param>
    /// <param name="temperature">At least 0; 0 always takes the likeliest token (greedy).</param>
    /// <param name="topK">Tokens kept; 0 keeps all.</param>
    /// <param name="topP">Probability kept, in (0, 1]; 1 keeps all.</param>
    public Sampler(ulong seed, double temperature = 1, int topK = 0, double topP = 1)
    {
        if (!(temperature >= 0) || !double.IsFinite(temperature))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "a temperature is finite and not negative");
        ArgumentOutOfRangeException.ThrowIfNegative(topK);
        if (!(topP is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(topP), topP, "top-p lies in (0, 1]");
        (_temperature, _topK, _topP) = (temperature, topK, topP);
        _random = new PhiloxStream(seed, stream: 0x5A4D504C);
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">One for each token, at least one; not NaN.</param>
    /// <exception cref="ArgumentException">There are no logits, or one is NaN.</exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        int best = Likeliest(logits);
        if (_temperature == 0)
            return best;
        Prepare(logits, logits[best]);
        int kept = Keep(out double total);
        double draw = _random.NextDouble() * total;
        for (int i = 0; i < kept; i++)
        {
            draw -= _weights[i];
            if (draw < 0)
                return _order[i];
        }
        return _order[kept - 1];
    }

    private static int Likeliest(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty)
            throw new ArgumentException("no logits", nameof(logits));
        int best = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]))
                throw new ArgumentException($"logit {i} is NaN", nameof(logits));
            if (logits[i] > logits[best])
                best = i;
        }
        if (float.IsInfinity(logits[best]))
            throw new ArgumentException($"logit {best} is {logits[best]}, expected one finite at least and none positively infinite", nameof(logits));
        return best;
    }

    /// <summary>Unnormalised probabilities in descending order; equal ones by token.</summary>
    private void Prepare(ReadOnlySpan<float> logits, float max)
    {
        if (_weights.Length != logits.Length)
            (_weights, _order) = (new double[logits.Length], new int[logits.Length]);
        for (int i = 0; i < logits.Length; i++)
        {
            _order[i] = i;
            _weights[i] = -Math.Exp(((double)logits[i] - max) / _temperature);
        }
        Array.Sort(_weights, _order);
        for (int i = 0; i < _weights.Length; i++)
            _weights[i] = -_weights[i];
    }

    private int Keep(out double total)
    {
        int kept = _topK == 0 ? _weights.Length : Math.Min(_topK, _weights.Length);
        total = 0;
        for (int i = 0; i < kept; i++)
            total += _weights[i];
        if (_topP == 1)
            return kept;
        double enough = total * _topP;
        total = 0;
        for (int i = 0; i < kept; i++)
        {
            total += _weights[i];
            if (total >= enough)
                return i + 1;
        }
        return kept;
    }
}
