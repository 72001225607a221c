using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>
/// What lengths save: LSTM 256, T 100, B 32 with lengths spread evenly over 1…T against the same batch padded to full length, in turn. Half of
/// the positions are padding, so half of the time is the least there is.
/// </summary>
internal sealed class LengthBench(IsaLevel isa, int threads)
{
    private const int Rounds = 21;
    private const int Width = 256, Steps = 100, Batch = 32;

    /// <summary>The report as Markdown.</summary>
    public string Run()
    {
        using var backend = new CpuBackend(threads, isa);
        StepFlags flags = SequenceWork.SpreadLengths(Steps, Batch);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {Isa.Name(isa)}, {threads} thread(s), .NET {Environment.Version}.");
        text.AppendLine(CultureInfo.InvariantCulture, $"LSTM {Width}, T {Steps}, B {Batch}: lengths spread evenly over 1…T ÷ all padded to T, {Rounds} rounds in turn.");
        text.AppendLine();
        text.AppendLine("| mode | padded, ms | lengths, ms | lengths ÷ padded, median |");
        text.AppendLine("| --- | --- | --- | --- |");
        foreach (bool training in new[] { false, true })
        {
            Keep keep = training ? Keep.Everything : Keep.Nothing;
            var shape = new LayerShape(CellType.Lstm, Width, Width, Steps, Batch);
            Action padded = LayerWork.Prepare(backend, shape, keep), masked = LayerWork.Prepare(backend, shape, keep, flags);
            text.AppendLine(Row(training ? "forward + backward" : "inference", padded, masked));
        }
        return text.ToString();
    }

    private static string Row(string mode, Action padded, Action masked)
    {
        Turns turns = Turns.Measure(padded, masked, Rounds);
        return string.Create(CultureInfo.InvariantCulture, $"| {mode} | {turns.First * 1e3:F1} | {turns.Second * 1e3:F1} | {turns.Ratio:F2} |");
    }
}
