using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>
/// What there is to learn: data in windows, a network for it, and what its results mean. <see cref="TrainingRun"/> does the rest – epochs, best
/// weights, checkpoints, logs – for every task in the same way.
/// </summary>
internal abstract class TrainingTask
{
    /// <summary>As <c>--task</c> names it.</summary>
    public abstract string Name { get; }

    /// <summary>What the loss is counted in, for example <c>nats per character</c>.</summary>
    public abstract string LossUnit { get; }

    /// <summary>The loss of guessing without having learnt anything: one that stays several times above it diverges.</summary>
    public abstract double GuessingLoss { get; }

    /// <summary>One line on the data, for the log.</summary>
    public abstract string Description { get; }

    public abstract Loss Loss { get; }

    /// <summary>Whether a window goes on where the one before ended.</summary>
    public virtual bool CarriesState => false;

    /// <summary>Whether dropout acts between recurrent layers alone, so that one layer has none.</summary>
    public virtual bool DropsBetweenLayersOnly => true;

    public abstract IChunkSequence Training { get; }

    /// <summary>Null: the training loss decides which weights are the best.</summary>
    public abstract IChunkSequence? Validation { get; }

    /// <summary>New layers for the data; <paramref name="cell"/> makes a recurrent one of a given input width.</summary>
    public abstract Layer[] CreateLayers(Func<int, RecurrentLayer> cell);

    /// <summary>The recurrent layers of a run one on the other, with dropout between them. Their output has the width of a hidden state.</summary>
    protected static IEnumerable<Layer> Stack(TrainOptions options, int input, Func<int, RecurrentLayer> cell)
    {
        for (int i = 0; i < options.Layers; i++)
        {
            if (options.Dropout > 0 && i > 0)
                yield return new Dropout(options.Dropout);
            yield return cell(i == 0 ? input : options.Hidden);
        }
    }

    /// <summary>The options of the task that fix the bits of a run, and the data's checksum.</summary>
    public abstract void AddFixed(Dictionary<string, string> options);

    /// <summary>What a model file must know to be used: everything but how it was trained.</summary>
    public abstract ModelInfo Info { get; }

    /// <summary>What a loss means in the task's own figures, or nothing.</summary>
    public virtual string? Meaning(double loss) => null;

    /// <summary>Figures of the best weights on data that training never saw, by name; none where the task has no such data.</summary>
    public virtual IReadOnlyDictionary<string, double> Test(Sequential best, CancellationToken cancellation) => new Dictionary<string, double>();

    /// <summary>A line of advice after <see cref="Test"/>, or null where there is nothing to say.</summary>
    public virtual string? Hint => null;

    /// <summary>
    /// What the page about the run shows of the best weights beside losses and updates, after <see cref="Test"/>: predicted beside actual values,
    /// confusion matrix and ROC curve (<see cref="ClassReport"/>), samples.
    /// </summary>
    public virtual IReadOnlyList<ReportSection> Report(Sequential best, CancellationToken cancellation) => [];

    /// <summary>Shows what the best weights can do, after the result in words.</summary>
    public virtual void Show(Sequential best, Output output, CancellationToken cancellation)
    {
    }
}
