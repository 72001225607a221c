using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Metrics;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Figures of a classifier or tagger on labelled data.</summary>
internal sealed class LabelReport
{
    private const int MostMistakes = 20;
    private readonly ClassNames _classes;
    private readonly ClassificationMetrics _metrics;
    private readonly List<Mistake> _mistakes = [];
    private double _loss;

    private LabelReport(ClassNames classes) => (_classes, _metrics) = (classes, new ClassificationMetrics(classes.Count));

    /// <summary>Mean of −log p of the right class, in nats.</summary>
    public double Loss => _metrics.Count == 0 ? 0 : _loss / _metrics.Count;

    public double Accuracy => _metrics.Accuracy;

    public double MacroF1 => _metrics.Confusion.Score(ClassAverage.Macro).F1;

    /// <summary>What reduced weights change, where they were asked for: the other figures are then theirs.</summary>
    public WeightReport? Weights { get; private set; }

    /// <summary>Runs a model over sequences.</summary>
    public static LabelReport Measure(
        Sequential model, ClassNames classes, IReadOnlyList<LabelledSequence> sequences, bool atEnd, CancellationToken cancellation) =>
        Measure(model, classes, sequences, atEnd, (_, _) => { }, cancellation);

    /// <summary>Runs a model over sequences, with reduced weights after float32 ones.</summary>
    public static LabelReport Measure(ModelUse use, ClassNames classes, IReadOnlyList<LabelledSequence> sequences, bool atEnd)
    {
        if (use.Weights == WeightPrecision.Float32)
            return Measure(use.Model, classes, sequences, atEnd, use.Cancellation);
        var outputs = new float[sequences.Count][];
        LabelReport full = Measure(use.Model, classes, sequences, atEnd, (index, logits) => outputs[index] = logits.ToArray(), use.Cancellation);
        var difference = new OutputDifference();
        use.Model.InferenceWeights = use.Weights;
        LabelReport reduced = Measure(use.Model, classes, sequences, atEnd, (index, logits) => difference.Add(outputs[index], logits), use.Cancellation);
        reduced.Weights = new(
            use.Weights, [("loss", reduced.Loss, full.Loss), ("accuracy", reduced.Accuracy, full.Accuracy), ("macro_f1", reduced.MacroF1, full.MacroF1)],
            difference, "");
        return reduced;
    }

    private static LabelReport Measure(
        Sequential model, ClassNames classes, IReadOnlyList<LabelledSequence> sequences, bool atEnd, SequencePrediction.Answer seen,
        CancellationToken cancellation)
    {
        var report = new LabelReport(classes);
        model.PredictEach(
            sequences, atEnd,
            (index, logits) =>
            {
                report.Add(index, sequences[index].TargetClasses, logits);
                seen(index, logits);
            },
            cancellation: cancellation);
        return report;
    }

    /// <summary>What the page about a run shows.</summary>
    /// <param name="data">What was measured on.</param>
    /// <param name="describe">A sample by its place, and one of its steps, for people.</param>
    public IReadOnlyList<ReportSection> Sections(string data, Func<int, int, string> describe)
    {
        IEnumerable<Mistake> surest = _mistakes.OrderByDescending(mistake => mistake.Probability).ThenBy(mistake => mistake.Index).ThenBy(mistake => mistake.Step);
        var mistakes = new TableSection("Mistakes", ["sample", "right", "answer", "probability"],
        [
            .. surest.Take(MostMistakes).Select(mistake => (string[])
            [
                describe(mistake.Index, mistake.Step), _classes[mistake.Actual], _classes[mistake.Answer],
                mistake.Probability.ToString("F4", System.Globalization.CultureInfo.InvariantCulture),
            ]),
        ])
        {
            Text = $"Of {_mistakes.Count:N0} in {_metrics.Count:N0} answers on {data}, those the model was surest of.",
        };
        return [.. ClassReport.Sections(_metrics, _classes.Names), mistakes];
    }

    public LabelResult Result(int k) => new(
        Loss, Accuracy, Math.Min(k, _classes.Count), _metrics.TopAccuracy(k), MacroF1, _metrics.Confusion.Score(ClassAverage.Micro).F1, _metrics.RocAuc(),
        _metrics.AveragePrecision(), _metrics.Count, [.. Enumerable.Range(0, _classes.Count).Select(Class)], [.. Enumerable.Range(0, _classes.Count).Select(Row)],
        Weights?.Result);

    /// <summary>The figures as text: those of all classes, of each, and what was taken for what.</summary>
    public void Write(TextWriter writer, string unit, int k)
    {
        LabelResult result = Result(k);
        writer.WriteLine(FormattableString.Invariant(
            $"loss {result.Loss:F4} nats per {unit}, accuracy {result.Accuracy:P2} ({_metrics.Confusion.Right} of {result.Count}), top-{result.TopK} accuracy {result.TopKAccuracy:P2}"));
        writer.WriteLine(FormattableString.Invariant(
            $"macro F1 {result.MacroF1:F4}, micro F1 {result.MicroF1:F4}, ROC AUC {Shown(result.RocAuc)}, PR AUC {Shown(result.PrAuc)}"));
        writer.WriteLine();
        int width = Math.Max(5, _classes.Names.Max(name => name.Length));
        writer.WriteLine($"{"class".PadRight(width)} precision recall     F1 ROC AUC PR AUC  count");
        foreach (ClassResult one in result.Classes)
        {
            writer.WriteLine(FormattableString.Invariant(
                $"{one.Class.PadRight(width)} {one.Precision,9:F4} {one.Recall,6:F4} {one.F1,6:F4} {Shown(one.RocAuc),7} {Shown(one.PrAuc),6} {one.Count,6}"));
        }
        writer.WriteLine();
        writer.WriteLine("confusion: a row for each right class, a column for each answer, in the order above");
        int digits = result.Confusion.Max(row => row.Max()).ToString(System.Globalization.CultureInfo.InvariantCulture).Length;
        for (int i = 0; i < _classes.Count; i++)
            writer.WriteLine($"{_classes[i].PadRight(width)} {string.Join(' ', result.Confusion[i].Select(count => Padded(count, digits)))}");
        Weights?.Write(writer);
    }

    private void Add(int index, ReadOnlySpan<int> targets, ReadOnlySpan<float> logits)
    {
        for (int t = 0; t < targets.Length; t++)
        {
            ReadOnlySpan<float> row = logits.Slice(t * _classes.Count, _classes.Count);
            _metrics.AddLogits(targets[t], row);
            double sum = Logits.LogSum(row);
            _loss += sum - row[targets[t]];
            int answer = Logits.Best(row);
            if (answer != targets[t])
                _mistakes.Add(new Mistake(index, t, targets[t], answer, Math.Exp(row[answer] - sum)));
        }
    }

    private ClassResult Class(int index)
    {
        ClassScore score = _metrics.Confusion.Score(index);
        RankingMetrics ranking = _metrics.OneVersusRest(index);
        return new ClassResult(
            _classes[index], score.Precision, score.Recall, score.F1, ranking.RocAuc, ranking.AveragePrecision, _metrics.Confusion.Actual(index));
    }

    private long[] Row(int actual) => [.. Enumerable.Range(0, _classes.Count).Select(predicted => _metrics.Confusion[actual, predicted])];

    private readonly record struct Mistake(int Index, int Step, int Actual, int Answer, double Probability);

    private static string Padded(long count, int digits) => count.ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(digits);

    private static string Shown(double? figure) => figure?.ToString("F4", System.Globalization.CultureInfo.InvariantCulture) ?? "none";
}

/// <summary>What <c>eval --json</c> prints for labels. Areas are null where there is only one side of the question.</summary>
internal sealed record LabelResult(
    double Loss, double Accuracy, int TopK, double TopKAccuracy, double MacroF1,
    double MicroF1, double? RocAuc, double? PrAuc, long Count, IReadOnlyList<ClassResult> Classes,
    IReadOnlyList<IReadOnlyList<long>> Confusion, WeightResult? Weights = null, string? Device = null) : IJsonResult
{
    public void Write(JsonFields fields) => fields
        .Add(Loss).Add(Accuracy).Add(TopK).Add(TopKAccuracy).Add(MacroF1, "macro_f1").Add(MicroF1, "micro_f1").Add(RocAuc).Add(PrAuc)
        .Add(Count).Add(Classes).Add(Confusion).AddKnown(Weights).AddKnown(Device);
}

internal sealed record ClassResult(string Class, double Precision, double Recall, double F1, double? RocAuc, double? PrAuc, long Count) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Class).Add(Precision).Add(Recall).Add(F1).Add(RocAuc).Add(PrAuc).Add(Count);
}

/// <summary>One answer of <c>predict --json</c> of a classifier; <paramref name="Source"/> is the text, or the file of a sound, or null.</summary>
internal sealed record LabelAnswer(
    string? Source, string? Label, double? Probability) : IJsonResult
{
    public void Write(JsonFields fields) => fields.AddKnown(Source).Add(Label).Add(Probability);
}

/// <summary>One answer of <c>predict --json</c> of a tagger.</summary>
internal sealed record TagAnswer(IReadOnlyList<string> Words, IReadOnlyList<string> Tags) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Words).Add(Tags);
}
