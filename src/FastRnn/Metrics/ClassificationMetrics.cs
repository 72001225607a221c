namespace FastRnn.Metrics;

/// <summary>
/// How good answers among C classes are, added up answer by answer. Each answer has a score for every class; the highest is the answer, of equal ones
/// the first. With scores kept, also how well each class is told from the rest.
/// </summary>
public sealed class ClassificationMetrics
{
    private readonly long[] _ranks;
    private readonly RankingMetrics[] _rankings;

    /// <summary>Metrics of nothing yet.</summary>
    /// <param name="classes">C, at least 2.</param>
    /// <param name="keepScores">Keep all scores, 16 bytes each, for ROC and precision-recall curves.</param>
    public ClassificationMetrics(int classes, bool keepScores = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        Confusion = new ConfusionMatrix(classes);
        _ranks = new long[classes];
        _rankings = [.. Enumerable.Range(0, keepScores ? classes : 0).Select(_ => new RankingMetrics())];
    }

    /// <summary>C.</summary>
    public int Classes => Confusion.Classes;

    /// <summary>Answers added.</summary>
    public long Count => Confusion.Count;

    /// <summary>Which class was taken for which, and from it precision, recall and F1.</summary>
    public ConfusionMatrix Confusion { get; }

    /// <summary>Share of answers that are right; 0 when there are none.</summary>
    public double Accuracy => Confusion.Accuracy;

    /// <summary>Share of answers whose target is among the <paramref name="k"/> classes of the highest scores; 0 when there are none.</summary>
    /// <param name="k">At least 1; C or more gives 1.</param>
    public double TopAccuracy(int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        return Count == 0 ? 0 : (double)_ranks.Take(k).Sum() / Count;
    }

    /// <summary>
    /// One class against all others, by its scores. Rows are compared with each other, so the scores should be probabilities: a logit means
    /// nothing without those beside it.
    /// </summary>
    /// <exception cref="InvalidOperationException">Scores are not kept.</exception>
    public RankingMetrics OneVersusRest(int index) => _rankings.Length > 0
        ? _rankings[index]
        : throw new InvalidOperationException("scores are not kept");

    /// <summary>
    /// ROC AUC of the classes, each against all others; micro takes all scores of all classes as answers to one question. Classes without positives or
    /// without negatives have none and are left out; null when all are.
    /// </summary>
    /// <exception cref="InvalidOperationException">Scores are not kept.</exception>
    public double? RocAuc(ClassAverage average = ClassAverage.Macro) => Average(average, ranking => ranking.RocAuc);

    /// <summary>Average precision of the classes, averaged as in <see cref="RocAuc"/>; classes without positives have none.</summary>
    /// <exception cref="InvalidOperationException">Scores are not kept.</exception>
    public double? AveragePrecision(ClassAverage average = ClassAverage.Macro) => Average(average, ranking => ranking.AveragePrecision);

    /// <summary>Adds one answer.</summary>
    /// <param name="actual">The target class.</param>
    /// <param name="scores">A score for each class.</param>
    /// <exception cref="ArgumentException">There are not C scores, or one is NaN.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public void Add(int actual, ReadOnlySpan<double> scores)
    {
        if (scores.Length != Classes)
            throw new ArgumentException($"{scores.Length} scores for {Classes} classes", nameof(scores));
        if ((uint)actual >= (uint)Classes)
            throw new ArgumentOutOfRangeException(nameof(actual), actual, $"there are {Classes} classes");
        int rank = 0, best = 0;
        for (int c = 0; c < scores.Length; c++)
        {
            if (double.IsNaN(scores[c]))
                throw new ArgumentException($"the score of class {c} is NaN", nameof(scores));
            best = scores[c] > scores[best] ? c : best;
            rank += scores[c] > scores[actual] || (scores[c] == scores[actual] && c < actual) ? 1 : 0;
        }
        _ranks[rank]++;
        Confusion.Add(actual, best);
        for (int c = 0; c < _rankings.Length; c++)
            _rankings[c].Add(c == actual, scores[c]);
    }

    /// <summary>
    /// Adds one answer, given as logits, or as log-probabilities. The score of a class is the logarithm of its odds under their softmax: the order of
    /// the probabilities, also of those that a number cannot tell from 1.
    /// </summary>
    /// <param name="actual">The target class.</param>
    /// <param name="logits">A finite value for each class.</param>
    /// <exception cref="ArgumentException">There are not C logits, or one is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public void AddLogits(int actual, ReadOnlySpan<float> logits)
    {
        Span<double> odds = logits.Length <= 128 ? stackalloc double[logits.Length] : new double[logits.Length];
        LogOdds(logits, odds);
        Add(actual, odds);
    }

    /// <summary>Adds one answer of two classes, given as the logit of class 1: that is the answer where its logit is above 0.</summary>
    /// <param name="actual">Whether the target is class 1.</param>
    /// <param name="logit">A finite value.</param>
    public void AddBinary(bool actual, float logit)
    {
        if (!float.IsFinite(logit))
            throw new ArgumentException(FormattableString.Invariant($"a logit is {logit}"), nameof(logit));
        Add(actual ? 1 : 0, [-(double)logit, logit]);
    }

    /// <summary>log p_c − log(1 − p_c) = z_c − log Σ e^{z_j} over the others j, p the softmax of z.</summary>
    private static void LogOdds(ReadOnlySpan<float> logits, Span<double> odds)
    {
        int best = 0;
        for (int c = 0; c < logits.Length; c++)
        {
            if (!float.IsFinite(logits[c]))
                throw new ArgumentException(FormattableString.Invariant($"the logit of class {c} is {logits[c]}"), nameof(logits));
            best = logits[c] > logits[best] ? c : best;
        }
        double second = double.NegativeInfinity, others = 0, highest = logits.Length == 0 ? 0 : logits[best];
        for (int c = 0; c < logits.Length; c++)
            second = c == best ? second : Math.Max(second, logits[c]);
        for (int c = 0; c < logits.Length; c++)
            others += c == best ? 0 : Math.Exp(logits[c] - second);
        double rest = others * Math.Exp(second - highest); // everything but the highest, which is 1: no difference of nearly equal sums
        for (int c = 0; c < logits.Length; c++)
        {
            odds[c] = logits[c] == highest // of several highest, every one: equal logits have equal odds
                ? highest - second - Math.Log(others)
                : logits[c] - highest - Math.Log(1 + Math.Max(0, rest - Math.Exp(logits[c] - highest)));
        }
    }

    private double? Average(ClassAverage average, Func<RankingMetrics, double?> of)
    {
        if (_rankings.Length == 0)
            throw new InvalidOperationException("scores are not kept");
        if (average == ClassAverage.Micro)
            return of(RankingMetrics.All(_rankings));
        double sum = 0, weights = 0;
        foreach (RankingMetrics ranking in _rankings)
        {
            if (of(ranking) is not { } value)
                continue;
            double weight = average == ClassAverage.Macro ? 1 : ranking.Positives;
            sum += weight * value;
            weights += weight;
        }
        return weights == 0 ? null : sum / weights;
    }
}
