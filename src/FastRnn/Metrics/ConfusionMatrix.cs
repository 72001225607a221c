namespace FastRnn.Metrics;

/// <summary>How figures of classes become one.</summary>
public enum ClassAverage
{
    /// <summary>
    /// The plain mean over the classes that occur, as targets or as predictions: rare ones weigh as much as frequent ones. F1 is the mean of the
    /// classes' F1.
    /// </summary>
    Macro,

    /// <summary>From the sums over all classes; with one label an answer, all three figures are the accuracy.</summary>
    Micro,

    /// <summary>The mean weighted by how often each class is the target.</summary>
    Weighted,
}

/// <summary>Precision, recall and their harmonic mean; 0 wherever their definition is 0 / 0.</summary>
/// <param name="Precision">Of the answers that say so, the share that is right; 0 when none does.</param>
/// <param name="Recall">Of the targets that are so, the share that is found; 0 when none is.</param>
/// <param name="F1">2·right / (predicted + actual); 0 when both are 0.</param>
public readonly record struct ClassScore(double Precision, double Recall, double F1);

/// <summary>How often which class was taken for which.</summary>
public sealed class ConfusionMatrix
{
    private readonly long[] _counts;

    /// <summary>A matrix of zeros.</summary>
    /// <param name="classes">C, at least 1.</param>
    public ConfusionMatrix(int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        Classes = classes;
        _counts = new long[checked(classes * classes)];
    }

    /// <summary>C.</summary>
    public int Classes { get; }

    /// <summary>Answers added.</summary>
    public long Count { get; private set; }

    /// <summary>Answers that were right.</summary>
    public long Right { get; private set; }

    /// <summary>Share of answers that are right; 0 when there are none.</summary>
    public double Accuracy => Ratio(Right, Count);

    /// <summary>How often <paramref name="actual"/> was taken for <paramref name="predicted"/>.</summary>
    public long this[int actual, int predicted] => _counts[Index(actual, predicted)];

    /// <summary>Adds one answer.</summary>
    public void Add(int actual, int predicted)
    {
        _counts[Index(actual, predicted)]++;
        Count++;
        Right += actual == predicted ? 1 : 0;
    }

    /// <summary>How often this class is the target: its support.</summary>
    public long Actual(int index) => Enumerable.Range(0, Classes).Sum(other => this[index, other]);

    /// <summary>How often this class is the answer.</summary>
    public long Predicted(int index) => Enumerable.Range(0, Classes).Sum(other => this[other, index]);

    /// <summary>The figures of one class.</summary>
    public ClassScore Score(int index)
    {
        long right = this[index, index], predicted = Predicted(index), actual = Actual(index);
        return new(Ratio(right, predicted), Ratio(right, actual), Ratio(2 * right, predicted + actual));
    }

    /// <summary>One figure for all classes; 0 when there are no answers.</summary>
    public ClassScore Score(ClassAverage average)
    {
        if (average == ClassAverage.Micro)
            return new(Accuracy, Accuracy, Accuracy);
        double weights = 0, precision = 0, recall = 0, f1 = 0;
        for (int c = 0; c < Classes; c++)
        {
            long actual = Actual(c);
            double weight = average == ClassAverage.Weighted ? actual : actual + Predicted(c) > 0 ? 1 : 0;
            ClassScore score = Score(c);
            weights += weight;
            precision += weight * score.Precision;
            recall += weight * score.Recall;
            f1 += weight * score.F1;
        }
        return new(Ratio(precision, weights), Ratio(recall, weights), Ratio(f1, weights));
    }

    private int Index(int actual, int predicted)
    {
        Check(actual);
        Check(predicted);
        return (actual * Classes) + predicted;

        void Check(int index)
        {
            if (index < 0 || index >= Classes)
                throw new ArgumentOutOfRangeException(nameof(index), index, $"there are {Classes} classes");
        }
    }

    private static double Ratio(double part, double whole) => whole == 0 ? 0 : part / whole;
}
