using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>What gates computed again cost and save on long windows: forward + backward of one layer with and without, in turn.</summary>
internal sealed class RecomputeBench(IsaLevel isa, int threads)
{
    private const int Rounds = 11;

    private static readonly LayerShape[] Shapes = [new(CellType.Lstm, 256, 256, 1000, 32), new(CellType.Gru, 256, 256, 1000, 32)];

    /// <summary>The report as Markdown.</summary>
    public string Run()
    {
        using var backend = new CpuBackend(threads, isa);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {Isa.Name(isa)}, {threads} thread(s), .NET {Environment.Version}.");
        text.AppendLine(CultureInfo.InvariantCulture, $"Forward + backward, all gates kept or computed again, {Rounds} rounds in turn.");
        text.AppendLine("Memory: what is kept for the backward pass only, gates and c.");
        text.AppendLine();
        text.AppendLine("| cell | width | T | B | kept, ms | again, ms | again ÷ kept, median | kept, MiB | again, MiB | share |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (LayerShape shape in Shapes)
            text.AppendLine(Row(backend, shape));
        return text.ToString();
    }

    private static string Row(CpuBackend backend, LayerShape shape)
    {
        Action kept = LayerWork.Prepare(backend, shape, Keep.Everything), again = LayerWork.Prepare(backend, shape, Keep.States);
        Turns turns = Turns.Measure(kept, again, Rounds, warmUp: 1);
        double bytes = Bytes(backend, shape, Keep.Everything), fewer = Bytes(backend, shape, Keep.States);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {shape.Cell.Kind.ToString().ToLowerInvariant()} | {shape.Input}→{shape.Hidden} | {shape.Steps} | {shape.Batch} | {turns.First * 1e3:F0} | {turns.Second * 1e3:F0} | {turns.Ratio:F2} | {bytes / (1 << 20):F1} | {fewer / (1 << 20):F1} | {fewer / bytes * 100:F1} % |");
    }

    private static double Bytes(CpuBackend backend, LayerShape shape, Keep keep)
    {
        RecurrentWeights weights = backend.CreateRecurrentWeights(shape.Cell, shape.Input, shape.Hidden);
        using var stash = (CpuStash)backend.CreateRecurrentStash(weights, shape.Steps, shape.Batch, keep);
        long slots = shape.Cell.HasCell ? stash.CellSlots : 0;
        return stash.Bytes + (slots * shape.Batch * AlignedBuffer.Pad(shape.Hidden) * sizeof(float));
    }
}
