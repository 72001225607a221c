using System.Globalization;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>What <c>--split</c> says: shares or counts of three parts, or one of several folds.</summary>
internal sealed record SplitText(string Text, string Kind, IReadOnlyList<double> Parts, int Fold, int Folds)
{
    private const string Expected =
        "rows to train, validate and test on, as 8640,2880,2880, or shares of them, as 0.7,0.1,0.2, or random:0.7,0.1,0.2, fold:1/5 or rolling:1/5";

    /// <exception cref="CliException">It says something else.</exception>
    public static SplitText Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? "" : text[..colon], rest = text[(colon + 1)..];
        if (kind is "fold" or "rolling")
        {
            int[] numbers = [.. rest.Split('/').Select(word => (int)Number(word, NumberStyles.None))];
            if (numbers.Length == 2 && numbers[0] >= 1 && numbers[0] <= numbers[1] && numbers[1] >= (kind == "fold" ? 2 : 1))
                return new SplitText(text, kind, [], numbers[0], numbers[1]);
        }
        double[] parts = [.. rest.Split(',').Select(word => Number(word, NumberStyles.Float))];
        bool counts = parts.All(part => part == Math.Floor(part) && part is >= 0 and <= int.MaxValue) && parts.Any(part => part > 1);
        bool valid = parts.Length == 3 && (kind, counts) switch
        {
            ("", true) => true,
            ("" or "random", false) => parts.All(part => part is >= 0 and <= 1),
            _ => false,
        };
        return valid
            ? new SplitText(text, counts ? "counts" : kind, parts, 0, 0)
            : throw new CliException(ExitCodes.Usage, $"--split is '{text}', expected {Expected}");
    }

    /// <summary>The windows of each part.</summary>
    /// <param name="spec">How far windows reach.</param>
    /// <param name="rows">Of the series.</param>
    /// <param name="stride">Rows from one window of training to the next.</param>
    /// <param name="seed">Of windows that are drawn.</param>
    /// <exception cref="ArgumentException">The series is too short, or a part is empty.</exception>
    public WindowSplit Of(ForecastSpec spec, int rows, int stride, ulong seed) => Kind switch
    {
        "counts" => ByTime(spec, SeriesSplit.ByCounts(rows, (int)Parts[0], (int)Parts[1], (int)Parts[2]), stride),
        "random" => Drawn(spec, rows, stride, seed),
        "fold" => OneFold(spec, rows, stride),
        "rolling" => ByTime(spec, Rolling(rows), stride),
        _ => ByTime(spec, SeriesSplit.ByShares(rows, Parts[0], Parts[1], Parts[2]), stride),
    };

    private static double Number(string word, NumberStyles styles) =>
        double.TryParse(word, styles, CultureInfo.InvariantCulture, out double number) ? number : double.NaN;

    /// <summary>Whether there is a part to test on.</summary>
    public bool HasTest => Folds > 0 || Parts[2] > 0;

    private static WindowSplit ByTime(ForecastSpec spec, SeriesSplit split, int stride) => new(
        [split.Train],
        spec.Origins(split.Train, stride),
        split.Validation.Count == 0 ? [] : spec.Origins(split.Validation),
        split.Test.Count == 0 ? [] : spec.Origins(split.Test, steps: spec.Horizon),
        $"train on {split.Train}, validate on {split.Validation}, test on {split.Test}");

    private WindowSplit Drawn(ForecastSpec spec, int rows, int stride, ulong seed)
    {
        IReadOnlyList<int[]> drawn = SeriesSplit.Random(spec.Origins(new SeriesPart(0, rows), steps: spec.Horizon), [.. Parts.Where(share => share > 0)], seed);
        if (Parts[0] == 0)
            throw new ArgumentException("there must be windows to train on");
        int[] validation = Parts[1] > 0 ? drawn[1] : [], test = Parts[2] > 0 ? drawn[^1] : [];
        return Windows(spec, drawn[0], stride, validation, test);
    }

    private WindowSplit OneFold(ForecastSpec spec, int rows, int stride)
    {
        int[] all = spec.Origins(new SeriesPart(0, rows), steps: spec.Horizon);
        (int[] train, int[] test) = SeriesSplit.Folds(all, Folds, gap: spec.Lookback + spec.Horizon)[Fold - 1];
        return Windows(spec, train, stride, [], test);
    }

    /// <summary>Equal parts, of which the first is only ever trained on; the last tenth of the rows to train on is for validation.</summary>
    private SeriesSplit Rolling(int rows)
    {
        SeriesSplit split = SeriesSplit.RollingOrigin(rows, Folds, Math.Max(1, rows / (Folds + 1)))[Fold - 1];
        int validation = split.Train.Count / 10;
        return SeriesSplit.ByCounts(rows, split.Train.Count - validation, validation, split.Test.Count);
    }

    private static WindowSplit Windows(ForecastSpec spec, int[] train, int stride, int[] validation, int[] test)
    {
        int[] strided = [.. train.Where((_, i) => i % stride == 0)];
        return new WindowSplit(
            spec.RowsOf(strided), strided, validation, test, $"train on {strided.Length:N0} windows, validate on {validation.Length:N0}, test on {test.Length:N0}");
    }
}

/// <summary>Windows of each part, by the first rows they forecast.</summary>
/// <param name="Rows">What scaling may look at.</param>
/// <param name="Train">To train on.</param>
/// <param name="Validation">To choose the best weights by; may be none.</param>
/// <param name="Test">To test on; may be none.</param>
/// <param name="Text">For people.</param>
internal sealed record WindowSplit(IReadOnlyList<SeriesPart> Rows, int[] Train, int[] Validation, int[] Test, string Text);
