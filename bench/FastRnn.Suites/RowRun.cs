using System.Globalization;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What rows of a run have in common.</summary>
internal sealed record RunContext(SuiteOptions Options, MachineProbe Probe, Caches Caches, Bandwidth Memory, IReadOnlyList<PeerProcess> Peers, CancellationToken Cancellation)
{
    /// <summary>Readings so far, the best of them.</summary>
    public ProbeReading? Best { get; set; }
}

/// <summary>Measures one row: ours, what it is compared with and the peers in turns, the peak of multiply-adds between them.</summary>
internal sealed class RowRun
{
    private const int RoundsBetweenRates = 5;
    private readonly RunContext _run;
    private readonly Row _row;
    private readonly IsaLevel _isa;
    private readonly int _threads;
    private readonly double[] _times, _peaks, _ratios, _scaling;
    private readonly double[][] _peerTimes, _peerRatios;
    private readonly string?[] _peerMissing;

    public RowRun(RunContext run, Row row)
    {
        (_run, _row, _isa) = (run, row, run.Options.Isa);
        _threads = row.SingleThread ? 1 : run.Options.Threads;
        int rounds = run.Options.Rounds;
        (_times, _peaks, _ratios, _scaling) = (new double[rounds], new double[rounds], new double[rounds], new double[rounds]);
        _peerTimes = [.. run.Peers.Select(_ => new double[rounds])];
        _peerRatios = [.. run.Peers.Select(_ => new double[rounds])];
        _peerMissing = new string?[run.Peers.Count];
    }

    public RowResult Measure()
    {
        RowResult empty = Describe();
        if (_row.Scales && _threads == 1)
            return empty with { Missing = "compares several threads with one: --threads 2", Peers = [.. Prepared(times: false)] };
        using Work work = _row.Open(_isa, _threads);
        using Work? other = _row.OpenOther?.Invoke(_isa, _threads);
        var ours = new Measurement(work, _run.Options.Seconds);
        Measurement? beside = other == null ? null : new Measurement(other, _run.Options.Seconds);
        PreparePeers();
        double swept = _row.HasBound ? Roofline.SweptBytes(_row.Shape!, _row.Mode, _row.BytesPerWeight, _threads) : 0;
        using LoadBandwidth? block = _run.Probe.Own(swept);
        ProbeReading before = _run.Probe.Read();
        double rate = Rounds(ours, beside, block);
        Latencies? latencies = _row.Mode == WorkMode.Step ? Latencies.Measure(work, StepCount(_row, _run.Options.Seconds, Statistics.Median([.. _times])), _run.Cancellation) : null;
        ReleasePeers();
        ProbeReading reading = ProbeReading.Best(before, _run.Probe.Read());
        _run.Best = _run.Best == null ? reading : ProbeReading.Best(_run.Best, reading);
        RowResult result = Times(empty, ours, latencies);
        result = Rates(result, MachineLimits.Of(reading, _run.Caches, _run.Memory) with { Own = block == null ? null : (swept, rate) });
        foreach ((string name, double value) in work.Figures(result.Median!.Value / 1e9, reading.Gigahertz))
            result.Metrics[name] = value;
        Compare(result, latencies, reading.Gigahertz);
        return result with { Peers = [.. Prepared(times: true)] };
    }

    private RowResult Describe() => new(_row.Id, _row.Mode.ToString().ToLowerInvariant(), _row.Precision, _threads)
    {
        Cell = _row.Shape?.CellName,
        Input = _row.Shape?.Input,
        Hidden = _row.Shape?.Hidden,
        Layers = _row.Shape?.Layers,
        Steps = _row.Shape?.Steps,
        Batch = _row.Shape?.Batch,
        Note = _row.Note,
        Date = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
    };

    private void PreparePeers()
    {
        for (int i = 0; i < _run.Peers.Count; i++)
            _peerMissing[i] = _row.PeerMode == null ? "nothing like it" : _run.Peers[i].Broken ?? _run.Peers[i].Prepare(_row);
    }

    private void ReleasePeers()
    {
        for (int i = 0; i < _run.Peers.Count; i++)
        {
            if (_peerMissing[i] == null)
                _run.Peers[i].Release(_row.Id);
        }
    }

    /// <summary>All turns. Returns the best rate of loads from the block, read now and then between them: what others do on the machine changes it.</summary>
    private double Rounds(Measurement ours, Measurement? beside, LoadBandwidth? block)
    {
        double rate = 0;
        double seconds = _run.Options.Seconds / _run.Options.Rounds, before = Peak(_threads);
        for (int round = 0; round < _times.Length; round++)
        {
            _run.Cancellation.ThrowIfCancellationRequested();
            if (block != null && round % RoundsBetweenRates == 0)
                rate = Math.Max(rate, _run.Probe.Rate(block));
            double first = _times[round] = ours.Turn(seconds);
            double after = Peak(_threads);
            _peaks[round] = Math.Max(before, after);
            if (beside != null)
            {
                double time = beside.Turn(seconds);
                // Ours before and after it: the mean stands for the moment of the other one.
                double mean = (first + ours.Turn(seconds)) / 2;
                _ratios[round] = _row.Scales ? time / mean : mean / time;
                _scaling[round] = _row.Scales ? _ratios[round] / (Peak(_threads) / Peak(1)) : 0;
            }
            for (int i = 0; i < _run.Peers.Count; i++)
                PeerTurn(i, round, seconds, first);
            before = Peak(_threads);
        }
        return block == null ? 0 : Math.Max(rate, _run.Probe.Rate(block));
    }

    private double Peak(int threads) => 1e9 * (threads == 1 ? FmaPeak.Measure(_isa) : FmaPeak.Measure(_isa, threads));

    private void PeerTurn(int i, int round, double seconds, double ours)
    {
        if (_peerMissing[i] != null)
            return;
        if (_run.Peers[i].Run(_row.Id, seconds) is not double time)
        {
            _peerMissing[i] = _run.Peers[i].Broken ?? "no times";
            return;
        }
        _peerTimes[i][round] = time;
        _peerRatios[i][round] = time / ours;
    }

    /// <summary>Steps to time one by one: where the tail is judged all of a full run, however short the rounds are.</summary>
    internal static int StepCount(Row row, double seconds, double time) =>
        row.JudgesTail ? Latencies.Full : (int)Math.Clamp(Math.Min(Latencies.Full, 3 * seconds / time), 10, Latencies.Full);

    private RowResult Times(RowResult result, Measurement ours, Latencies? latencies)
    {
        double[] units = ours.UnitTimes.ToArray();
        Array.Sort(units);
        return result with
        {
            Median = 1e9 * Statistics.Median([.. _times]),
            P50 = Nanoseconds(latencies?.P50 ?? Statistics.Percentile(units, 0.5)),
            P99 = Nanoseconds(latencies?.P99 ?? Statistics.PercentileIfKnown(units, 0.99)),
            P999 = Nanoseconds(latencies?.P999 ?? Statistics.PercentileIfKnown(units, 0.999)),
            Samples = latencies?.Count ?? units.Length,
            Allocated = latencies?.Allocated ?? ours.Allocated,
            Collections = latencies?.Collections ?? ours.Collections,
        };
    }

    private static double? Nanoseconds(double seconds) => double.IsFinite(seconds) ? seconds * 1e9 : null;

    /// <summary>Speed, share of the peak of the moment, and gaps: medians over the rounds, each against the faster of the peaks around it.</summary>
    private RowResult Rates(RowResult result, MachineLimits machine)
    {
        double Of(Func<double, double, double> figure) => Statistics.Median([.. _times.Zip(_peaks, figure)]);
        Bound At(double peak) => _row.HasBound
            ? Roofline.Of(_row.Shape!, _row.Mode, _row.BytesPerWeight, _threads, machine with { Flops = peak })
            : new Bound(_row.Flop, _row.Flop / peak, 0, "L1", _row.Flop / peak);
        Bound bound = At(Statistics.Median([.. _peaks]));
        if (bound.Flop == 0)
            return result;
        return result with
        {
            Gflops = Of((time, _) => bound.Flop / time / 1e9),
            Peak = Statistics.Median([.. _peaks]) / 1e9,
            Share = Of((time, peak) => bound.Flop / time / peak),
            Bound = bound.Seconds * 1e9,
            Limit = bound.Limit,
            Gap = Of((time, peak) => time / At(peak).Seconds),
            BudgetedBound = bound.Budgeted * 1e9,
            BudgetedGap = Of((time, peak) => time / At(peak).Budgeted),
        };
    }

    private void Compare(RowResult result, Latencies? latencies, double gigahertz)
    {
        if (_row.RatioName != null)
            result.Metrics[_row.RatioName] = Statistics.Median([.. _ratios]);
        if (_row.Scales)
            result.Metrics[MetricNames.OfFmaScaling] = Statistics.Median([.. _scaling]);
        if (latencies == null || !double.IsFinite(latencies.P999))
            return;
        result.Metrics[MetricNames.Tail] = latencies.P999 / latencies.P50;
        if (!_row.JudgesTail)
            return;
        using var additions = new AdditionsWork(latencies.P50, gigahertz);
        using var loads = new LoadsWork(_isa, Roofline.SweptBytes(_row.Shape!, _row.Mode, _row.BytesPerWeight, 1), latencies.P50);
        result.Metrics[MetricNames.TailOfAdditions] = Tail(additions, latencies.Count);
        result.Metrics[MetricNames.TailOfLoads] = Tail(loads, latencies.Count);
    }

    private double Tail(Work work, int count)
    {
        work.Run(1000);
        Latencies machine = Latencies.Measure(work, count, _run.Cancellation);
        return machine.P999 / machine.P50;
    }

    private IEnumerable<PeerTime> Prepared(bool times)
    {
        for (int i = 0; i < _run.Peers.Count; i++)
        {
            string? missing = times ? _peerMissing[i] : "not run, as ours is missing";
            yield return missing != null
                ? new PeerTime(_run.Peers[i].Name, null, null, missing)
                : new PeerTime(_run.Peers[i].Name, 1e9 * Statistics.Median(_peerTimes[i]), Statistics.Median(_peerRatios[i]), null);
        }
    }
}
