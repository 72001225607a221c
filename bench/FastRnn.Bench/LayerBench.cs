using System.Diagnostics;
using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Bench;

/// <summary>One shape of a recurrent layer.</summary>
internal sealed record LayerShape(CellType Cell, int Input, int Hidden, int Steps, int Batch);

/// <summary>One row of the table; share is the median over runs of speed ÷ FMA peak measured around that run.</summary>
internal sealed record LayerRow(LayerShape Shape, string Mode, int Threads, double MedianMilliseconds, double Gflops, double Share);

/// <summary>
/// Recurrent layers against the machine: time, GFLOP/s, share of the FMA peak measured in the same process around every single run.
/// FLOP = 2·G·H·(I+H) a step and sample forward, G gates, three times that for forward and backward.
/// </summary>
internal sealed class LayerBench(IsaLevel isa, int threads)
{
    private const int Runs = 21;

    private static readonly LayerShape[] Shapes =
    [
        new(CellType.Lstm, 512, 512, 50, 32), new(CellType.Gru, 512, 512, 50, 32), new(CellType.Rnn(), 512, 512, 50, 32),
        new(CellType.Lstm, 512, 512, 64, 64), new(CellType.Lstm, 128, 128, 50, 50), new(CellType.Gru, 128, 128, 50, 50),
        new(CellType.Lstm, 64, 128, 50, 50),
    ];

    /// <summary>All rows; progress on stderr.</summary>
    public List<LayerRow> Run()
    {
        using var backend = new CpuBackend(threads, isa);
        var rows = new List<LayerRow>();
        foreach (LayerShape shape in Shapes)
        {
            rows.Add(Measure(backend, shape, training: false));
            rows.Add(Measure(backend, shape, training: true));
            Console.Error.WriteLine(rows[^2] + Environment.NewLine + rows[^1]);
        }
        return rows;
    }

    /// <summary>The table as Markdown, with what is needed to repeat it.</summary>
    public string Markdown(IEnumerable<LayerRow> rows)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {Isa.Name(isa)}, {threads} thread(s), .NET {Environment.Version}, float32; medians of {Runs} runs.");
        text.AppendLine("Share: of the FMA peak of as many cores, measured in the same process around every run.");
        text.AppendLine();
        text.AppendLine("| cell | width | T | B | mode | ms | GFLOP/s | share of FMA peak |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (LayerRow row in rows)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {row.Shape.Cell.Kind.ToString().ToLowerInvariant()} | {row.Shape.Input}→{row.Shape.Hidden} | {row.Shape.Steps} | {row.Shape.Batch} | {row.Mode} | {row.MedianMilliseconds:F2} | {row.Gflops:F0} | {row.Share * 100:F0} % |");
        }
        return text.ToString();
    }

    private LayerRow Measure(CpuBackend backend, LayerShape shape, bool training)
    {
        Action run = Prepare(backend, shape, training ? Keep.Everything : Keep.Nothing);
        double flop = 2.0 * shape.Cell.Gates * shape.Hidden * (shape.Input + shape.Hidden) * shape.Steps * shape.Batch * (training ? 3 : 1);
        for (int i = 0; i < 3; i++)
            run();
        var times = new double[Runs];
        var shares = new double[Runs];
        double before = FmaPeak.Measure(isa);
        for (int i = 0; i < Runs; i++)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            times[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double after = FmaPeak.Measure(isa);
            shares[i] = flop / times[i] / 1e9 / (Math.Max(before, after) * threads);
            before = after;
        }
        Array.Sort(times);
        Array.Sort(shares);
        double median = times[Runs / 2];
        return new LayerRow(shape, training ? "forward + backward" : "inference", threads, median * 1e3, flop / median / 1e9, shares[Runs / 2]);
    }

    /// <summary>One run of a layer on seeded data, all buffers ready.</summary>
    internal static Action Prepare(CpuBackend backend, LayerShape shape, Keep keep, StepFlags? flags = null)
    {
        (CellType cell, int input, int hidden, int steps, int batch) = shape;
        var random = new Random(1);
        RecurrentWeights weights = backend.CreateRecurrentWeights(cell, input, hidden);
        DeviceBuffer?[] values =
        [
            weights.InputWeight, weights.RecurrentWeight, weights.InputBias, weights.RecurrentBias, weights.Peephole, weights.Projection,
            weights.InputNorm, weights.RecurrentNorm,
        ];
        foreach (DeviceBuffer? buffer in values)
            Fill(backend, random, buffer);
        DeviceBuffer x = Fill(backend, random, backend.Allocate(steps * batch, input))!;
        RecurrentStash stash = backend.CreateRecurrentStash(weights, steps, batch, keep);
        DeviceBuffer? c = cell.HasCell ? backend.Allocate(stash.CellSlots * batch, hidden) : null;
        var states = new RecurrentStates(
            backend.Allocate((steps + 1) * batch, weights.State), c, flags == null ? null : backend.Allocate(steps * batch, weights.State));
        var pass = new RecurrentPass(keep != Keep.Nothing, 1, 0, 0, 0, 0);
        if (keep == Keep.Nothing)
            return () => backend.RecurrentForward(weights, x, states, flags, stash, steps, batch, pass);
        DeviceBuffer?[] g = [.. values.Select(value => value == null ? null : backend.Allocate(value.Rows, value.Columns))];
        var gradients = new RecurrentGradients(g[0]!, g[1]!, g[2]!, g[3]!) { Peephole = g[4], Projection = g[5], InputNorm = g[6], RecurrentNorm = g[7] };
        var flow = new RecurrentStateGradients(
            Fill(backend, random, backend.Allocate(steps * batch, weights.State))!, null, null, backend.Allocate(steps * batch, input),
            backend.Allocate(batch, weights.State), cell.HasCell ? backend.Allocate(batch, hidden) : null);
        return () =>
        {
            backend.RecurrentForward(weights, x, states, flags, stash, steps, batch, pass);
            backend.RecurrentBackward(weights, gradients, x, states, flags, flow, stash, default, steps, batch, pass);
        };
    }

    private static DeviceBuffer? Fill(CpuBackend backend, Random random, DeviceBuffer? buffer)
    {
        if (buffer == null)
            return null;
        var values = new float[buffer.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(random.NextDouble() - 0.5) * 0.1f;
        backend.Write(buffer, values);
        return buffer;
    }
}
