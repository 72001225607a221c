using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>What each option of a cell costs: one layer with it against the plain LSTM of the same width, in turn.</summary>
internal sealed class CellBench(IsaLevel isa, int threads)
{
    private const int Rounds = 15;
    private const int Width = 256, Steps = 50, Batch = 32;

    private static readonly (string Name, CellType Cell)[] Cells =
    [
        ("LSTM, again", CellType.Lstm),
        ("LSTM, peepholes", CellType.Lstm with { Peepholes = true }),
        ("LSTM, coupled gates", CellType.Lstm with { Coupled = true }),
        ("LSTM, gate clip", CellType.Lstm with { GateClip = 3 }),
        ("LSTM, cell clip", CellType.Lstm with { CellClip = 3 }),
        ("LSTM, hard sigmoid", CellType.Lstm with { GateActivation = CellActivation.HardSigmoid }),
        ("LSTM, projection to half", CellType.Lstm with { Projection = Width / 2 }),
        ("LSTM, layer normalisation", CellType.Lstm with { LayerNorm = true }),
        ("LSTM, recurrent dropout", CellType.Lstm with { RecurrentDropout = 0.2f }),
        ("LSTM, zoneout of h and c", CellType.Lstm with { Zoneout = 0.1f, CellZoneout = 0.1f }),
        ("GRU", CellType.Gru),
        ("GRU, reset before", CellType.Gru with { ResetBefore = true }),
        ("GRU, layer normalisation", CellType.Gru with { LayerNorm = true }),
        ("RNN, tanh", CellType.Rnn()),
        ("RNN, softsign", CellType.Rnn(CellActivation.Softsign)),
        ("RNN, layer normalisation", CellType.Rnn() with { LayerNorm = true }),
    ];

    /// <summary>The report as Markdown; progress on stderr.</summary>
    public string Run()
    {
        using var backend = new CpuBackend(threads, isa);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {Isa.Name(isa)}, {threads} thread(s), .NET {Environment.Version}.");
        text.AppendLine(CultureInfo.InvariantCulture, $"{Width}→{Width}, T {Steps}, B {Batch}: time ÷ that of the plain LSTM, medians of {Rounds} rounds in turn.");
        text.AppendLine();
        text.AppendLine("| cell | inference | forward + backward |");
        text.AppendLine("| --- | --- | --- |");
        foreach ((string name, CellType cell) in Cells)
        {
            string row = string.Create(
                CultureInfo.InvariantCulture, $"| {name} | {Ratio(backend, cell, Keep.Nothing):F2} | {Ratio(backend, cell, Keep.Everything):F2} |");
            Console.Error.WriteLine(row);
            text.AppendLine(row);
        }
        return text.ToString();
    }

    private static double Ratio(CpuBackend backend, CellType cell, Keep keep)
    {
        Action plain = LayerWork.Prepare(backend, new LayerShape(CellType.Lstm, Width, Width, Steps, Batch), keep);
        Action other = LayerWork.Prepare(backend, new LayerShape(cell, Width, Width, Steps, Batch), keep);
        return Turns.Measure(plain, other, Rounds).Ratio;
    }
}
