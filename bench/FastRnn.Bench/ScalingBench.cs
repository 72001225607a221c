using System.Diagnostics;
using System.Globalization;
using System.Text;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Bench;

/// <summary>
/// Whole training steps – forward, backward, clipping, Adam – of LSTM 512×2, T 64, B 64 on one thread and on several, in turn, so that a slow
/// minute of the machine hits both. The result is the median of the ratios of neighbours.
/// </summary>
internal sealed class ScalingBench(IsaLevel isa, int threads)
{
    private const int Rounds = 15;
    private const int Symbols = 65, Width = 512, Steps = 64, Batch = 64;

    /// <summary>The report as Markdown; progress on stderr.</summary>
    public string Run()
    {
        using var one = new TrainingRun(1, isa);
        using var many = new TrainingRun(threads, isa);
        one.Step();
        many.Step();
        var ratios = new double[Rounds];
        var single = new double[Rounds];
        var allocated = new long[Rounds];
        var possible = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            // The single-threaded step is timed before and after: its mean stands for the moment of the other one.
            long bytes = GC.GetTotalAllocatedBytes(precise: true);
            double before = one.Step(), shared = many.Step(), after = one.Step();
            allocated[round] = GC.GetTotalAllocatedBytes(precise: true) - bytes;
            possible[round] = FmaPeak.Measure(isa, threads) / FmaPeak.Measure(isa);
            single[round] = (before + after) / 2;
            ratios[round] = single[round] / shared;
        }
        for (int round = 0; round < Rounds; round++)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round + 1}: one thread {single[round] * 1e3:F0} ms, ratio {ratios[round]:F2}"));
        Array.Sort(ratios);
        Array.Sort(single);
        Array.Sort(allocated);
        Array.Sort(possible);
        return Report(single[Rounds / 2], ratios, possible[Rounds / 2], allocated);
    }

    private string Report(double single, double[] ratios, double possible, long[] allocated)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Machine.CpuName}, {Isa.Name(isa)}, .NET {Environment.Version}, {Environment.ProcessorCount} cores.");
        text.AppendLine(CultureInfo.InvariantCulture, $"Training step of a character LSTM {Width}×2, T {Steps}, B {Batch}, Adam, clipping; {Rounds} rounds, one thread and {threads} in turn.");
        text.AppendLine();
        text.AppendLine("| threads | ms a step | speed-up, median | lowest | highest | of plain multiply-adds | managed bytes in a round, median | highest |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"| 1 → {threads} | {single * 1e3:F0} → {single / ratios[Rounds / 2] * 1e3:F0} | {ratios[Rounds / 2]:F2} | {ratios[0]:F2} | {ratios[^1]:F2} | {possible:F2} | {allocated[Rounds / 2]} | {allocated[^1]} |");
        text.AppendLine();
        text.AppendLine("Bytes are those of the whole process, so what the runtime allocates when it recompiles a method is among them.");
        return text.ToString();
    }

    /// <summary>A model that trains on random symbols.</summary>
    private sealed class TrainingRun : IDisposable
    {
        private readonly CpuBackend _backend;
        private readonly Sequential _model;
        private readonly Trainer _trainer;
        private readonly ChunkSequence _chunks;

        public TrainingRun(int threads, IsaLevel isa)
        {
            _backend = new CpuBackend(threads, isa);
            _model = new Sequential(
                _backend, 1, new Embedding(Symbols, Width), new Lstm(Width, Width), new Lstm(Width, Width), new Linear(Width, Symbols));
            _trainer = new Trainer(_model, Loss.CrossEntropy, new Adam(1e-3f)) { ClipNorm = 5 };
            var random = new Random(1);
            string text = string.Concat(Enumerable.Range(0, (Batch * Steps) + 1 + Symbols).Select(i => (char)(' ' + (i < Symbols ? i : random.Next(Symbols)))));
            _chunks = TextDataset.FromText(text).Chunks(Batch, Steps);
        }

        /// <summary>Seconds of one training step.</summary>
        public double Step()
        {
            SequenceChunk chunk = _chunks[0];
            long start = Stopwatch.GetTimestamp();
            _trainer.Step(chunk);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        public void Dispose()
        {
            _model.Dispose();
            _backend.Dispose();
        }
    }
}
