namespace FastRnn.Metrics;

/// <summary>One point of a ROC curve: what calling everything positive that scores at least the threshold gives.</summary>
/// <param name="FalsePositiveRate">Share of negatives called positive.</param>
/// <param name="TruePositiveRate">Share of positives called positive.</param>
/// <param name="Threshold">Score; infinite for the first point, where nothing is called positive.</param>
public readonly record struct RocPoint(double FalsePositiveRate, double TruePositiveRate, double Threshold);

/// <summary>
/// How well scores put positives before negatives, whatever the threshold. All scores are kept, so that the areas are exact: no bins. Only their order
/// matters, so scores may be probabilities or logits.
/// </summary>
public sealed class RankingMetrics
{
    private readonly List<(double Score, bool Positive)> _answers = [];
    private bool _sorted = true;

    /// <summary>Positives added.</summary>
    public long Positives { get; private set; }

    /// <summary>Negatives added.</summary>
    public long Negatives => _answers.Count - Positives;

    /// <summary>
    /// Area under the ROC curve: the share of pairs of a positive and a negative in which the positive scores higher, equal scores counting half
    /// (the rank sum of Mann, Whitney 1947). Null without positives, or without negatives: there are no pairs.
    /// </summary>
    public double? RocAuc
    {
        get
        {
            if (Positives == 0 || Negatives == 0)
                return null;
            long halves = 0, positivesAbove = 0;
            foreach ((_, long positives, long negatives) in Groups())
            {
                halves += negatives * ((2 * positivesAbove) + positives);
                positivesAbove += positives;
            }
            return halves / (2.0 * Positives * Negatives);
        }
    }

    /// <summary>
    /// Area under the precision-recall curve as average precision: the mean over the positives of the precision at the threshold that just
    /// includes them, equal scores coming in together. Without skill it is the share of positives. Null without positives.
    /// </summary>
    public double? AveragePrecision
    {
        get
        {
            if (Positives == 0)
                return null;
            double sum = 0;
            long found = 0, called = 0;
            foreach ((_, long positives, long negatives) in Groups())
            {
                found += positives;
                called += positives + negatives;
                sum += positives * ((double)found / called);
            }
            return sum / Positives;
        }
    }

    /// <summary>Adds one answer.</summary>
    /// <exception cref="ArgumentException">The score is NaN, which has no place in an order.</exception>
    public void Add(bool positive, double score)
    {
        if (double.IsNaN(score))
            throw new ArgumentException("a score is NaN", nameof(score));
        _answers.Add((score, positive));
        _sorted = false;
        Positives += positive ? 1 : 0;
    }

    /// <summary>
    /// The ROC curve (Fawcett 2006) from (0, 0) to (1, 1), a point for every score that occurs. Empty without positives, or without negatives.
    /// </summary>
    public IReadOnlyList<RocPoint> RocCurve()
    {
        var points = new List<RocPoint>();
        if (Positives == 0 || Negatives == 0)
            return points;
        points.Add(new(0, 0, double.PositiveInfinity));
        long found = 0, wrong = 0;
        foreach ((double score, long positives, long negatives) in Groups())
        {
            found += positives;
            wrong += negatives;
            points.Add(new((double)wrong / Negatives, (double)found / Positives, score));
        }
        return points;
    }

    /// <summary>The answers of several as answers to one question.</summary>
    internal static RankingMetrics All(IEnumerable<RankingMetrics> rankings)
    {
        var all = new RankingMetrics();
        foreach (RankingMetrics ranking in rankings)
        {
            all._answers.AddRange(ranking._answers);
            all.Positives += ranking.Positives;
        }
        all._sorted = false;
        return all;
    }

    /// <summary>The answers of equal scores, the highest score first.</summary>
    private IEnumerable<(double Score, long Positives, long Negatives)> Groups()
    {
        if (!_sorted)
            _answers.Sort(static (a, b) => b.Score.CompareTo(a.Score));
        _sorted = true;
        for (int i = 0; i < _answers.Count;)
        {
            double score = _answers[i].Score;
            long positives = 0, negatives = 0;
            for (; i < _answers.Count && _answers[i].Score == score; i++)
            {
                positives += _answers[i].Positive ? 1 : 0;
                negatives += _answers[i].Positive ? 0 : 1;
            }
            yield return (score, positives, negatives);
        }
    }
}
