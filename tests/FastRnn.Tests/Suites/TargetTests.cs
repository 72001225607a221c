using FastRnn.Numerics;
using FastRnn.Runner;
using FastRnn.Suites;
using Xunit;

namespace FastRnn.Tests.Suites;

public class TargetTests
{
    /// <summary>A target that names no row would never be looked at.</summary>
    [Fact]
    public void EveryTargetHasARow()
    {
        HashSet<string> rows = [.. Catalog.Rows(Isa.Widest).Select(row => row.Id)];
        Assert.All(Targets.All, target => Assert.Contains(target.Row, rows));
    }

    /// <summary>The short table names rows that exist, tells their figures and those of peers, and leaves out what was not run.</summary>
    [Fact]
    public void SummaryShowsRowsOfTheSuites()
    {
        HashSet<string> rows = [.. Catalog.Rows(Isa.Widest).Select(row => row.Id)];
        Assert.All(Summary.Rows, row => Assert.Contains(row, rows));
        RowResult one = SuiteReports.Row("step-lstm-1-8") with { Peers = [new("onnxruntime", 3200, 80, null), new("onednn", null, null, "not installed")] };
        string table = Summary.Table([SuiteReports.Suite("step", one, SuiteReports.Row("step-lstm-1-16"))]);
        Assert.Contains("| step, LSTM 1→8 | 40.0 ns | 6 % | 17.40 | 80.00× | – |", table, StringComparison.Ordinal);
        Assert.Contains("onnxruntime 1.2.3", table, StringComparison.Ordinal);
        Assert.Contains("onednn: not installed", table, StringComparison.Ordinal);
        Assert.DoesNotContain("1→16", table, StringComparison.Ordinal);
        Assert.Equal("Nothing of it was run.\n", Summary.Table([]));
    }

    [Fact]
    public void RowsHaveNamesOfTheirOwn()
    {
        string[] names = [.. Catalog.Rows(Isa.Widest).Select(row => row.Id)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.True(names.Length > 30);
    }

    [Theory]
    [InlineData(43, true)]
    [InlineData(43.1, false)]
    public void NanosecondsAreThoseOfTheStatedPeak(double time, bool met)
    {
        RowResult row = SuiteReports.Row("step-lstm-1-8", time);
        Assert.Equal((time, met), new Target("step-lstm-1-8", Measure.Nanoseconds, 43).Judge(SuiteReports.Suite("step", row), row));
        RowResult slower = row with { Peak = 200, Median = time * 1.25 }; // a core of 200 GFLOP/s may take a quarter longer
        Assert.Equal(met, new Target("step-lstm-1-8", Measure.Nanoseconds, 43).Judge(SuiteReports.Suite("step", slower), slower)!.Value.Met);
    }

    [Theory]
    [InlineData("avx512", 0.85, true)]
    [InlineData("avx512", 0.84, false)]
    [InlineData("avx2", 0.81, true)]
    [InlineData("avx2", 0.79, false)]
    public void ShareAllowsFivePointsLessWithoutWideRegisters(string isa, double share, bool met)
    {
        RowResult row = SuiteReports.Row("r") with { Share = share };
        SuiteResult run = SuiteReports.Suite("train", row) with { Isa = isa };
        Assert.Equal(met, new Target("r", Measure.Share, 0.85).Judge(run, row)!.Value.Met);
    }

    /// <summary>The fastest of the named peers counts; without one of them nothing is known.</summary>
    [Fact]
    public void PeersAreJudgedByTheFastest()
    {
        var target = new Target("r", Measure.Peers, 1.2, "a+b");
        RowResult Row(params PeerTime[] peers) => SuiteReports.Row("r") with { Peers = peers };
        PeerTime a = new("a", 100, 2, null), b = new("b", 60, 1.1, null), gone = new("b", null, null, "not installed");
        SuiteResult run = SuiteReports.Suite("step");
        Assert.Equal((1.1, false), target.Judge(run, Row(a, b)));
        Assert.Equal((1.3, true), target.Judge(run, Row(a, b with { Ratio = 1.3 })));
        Assert.Equal((1.25, true), target.Judge(run, Row(a, gone, b with { Peer = "b3", Ratio = 1.25 }))); // another version of it
        Assert.Equal((1.1, false), target.Judge(run, Row(a, b, b with { Peer = "b3", Ratio = 1.25 })));
        Assert.Null(target.Judge(run, Row(a, gone)));
        Assert.Null(target.Judge(run, Row(a)));
    }

    [Fact]
    public void FiguresAreFoundByName()
    {
        RowResult row = SuiteReports.Row("r");
        row.Metrics["x"] = 2;
        SuiteResult run = SuiteReports.Suite("step", row);
        Assert.True(new Target("r", Measure.MetricAtMost, 2, "x").Judge(run, row)!.Value.Met);
        Assert.False(new Target("r", Measure.MetricAtMost, 1.9, "x").Judge(run, row)!.Value.Met);
        Assert.True(new Target("r", Measure.MetricAtLeast, 2, "x").Judge(run, row)!.Value.Met);
        Assert.False(new Target("r", Measure.MetricAtLeast, 2.1, "x").Judge(run, row)!.Value.Met);
        Assert.Null(new Target("r", Measure.MetricAtLeast, 2.1, "y").Judge(run, row));
        Assert.True(new Target("r", Measure.NoGarbage, 0).Judge(run, row)!.Value.Met);
        Assert.False(new Target("r", Measure.NoGarbage, 0).Judge(run, row with { Allocated = 24 })!.Value.Met);
    }

    [Fact]
    public void MissedAndOpenTargetsStayInTheTable()
    {
        RowResult slow = SuiteReports.Row("step-lstm-1-8", 60) with { Peers = [new PeerTime("onnxruntime", null, null, "no such row")] };
        string table = Markdown.TargetTable([SuiteReports.Suite("step", slow, new RowResult("step-lstm-256-int8", "step", "int8", 1) { Missing = "no int8" })], all: true);
        Assert.Contains("| step-lstm-1-8 | ≤ 43.0 ns (43 at 250 GFLOP/s) | 60.0 ns | **missed** |", table, StringComparison.Ordinal);
        Assert.Contains("| step-lstm-1-8 | ≥ 25× onnxruntime | – | **open**: onnxruntime: no such row |", table, StringComparison.Ordinal);
        Assert.Contains("| step-lstm-256-int8 | ≥ 4× onnxruntime | – | **open**: no int8 |", table, StringComparison.Ordinal);
        Assert.Contains("onednn: not installed", table, StringComparison.Ordinal);
        Assert.Contains("| step-gru-1-8 | ≤ 40.0 ns (40 at 250 GFLOP/s) | – | **open**: not run |", table, StringComparison.Ordinal);
        Assert.Equal(Targets.All.Count, table.Split('\n').Count(line => line.StartsWith("| ", StringComparison.Ordinal)) - 2);
    }

    /// <summary>The limit in the table is the one that the row is judged by: from the peak beside it, not from the best moment of the run.</summary>
    [Fact]
    public void WantedIsWhatIsJudged()
    {
        RowResult row = SuiteReports.Row("step-lstm-1-8", 49) with { Peak = 215 };
        string table = Markdown.TargetTable([SuiteReports.Suite("step", row)], all: false);
        Assert.Contains("| step-lstm-1-8 | ≤ 50.0 ns (43 at 250 GFLOP/s) | 49.0 ns | met |", table, StringComparison.Ordinal);
    }

    [Fact]
    public void TableSaysWhatWasMeasured()
    {
        RowResult row = SuiteReports.Row("step-lstm-1-8") with { Note = "with a note", Peers = [new PeerTime("onnxruntime", 2000, 50, null), new PeerTime("onednn", null, null, "not installed")] };
        string table = Markdown.Suite(SuiteReports.Suite("step", row));
        Assert.Contains("A CPU, avx512, 1 thread(s), pinned to core 1, FastRnn abc1234, .NET 10, Linux", table, StringComparison.Ordinal);
        Assert.Contains(
            "| step-lstm-1-8 | 1 | 1 | f32 | 40.0 ns | 80.0 ns | 120 ns | 14 | 5.8 % | 2.30 ns FMA | 17.40 (1.25) | 0 | 0 | with a note |", table, StringComparison.Ordinal);
        Assert.Contains("| step-lstm-1-8 | 40.0 ns | 2.00 µs (50.00) | not installed |", table, StringComparison.Ordinal);
        Assert.Contains("- onednn : not installed", table, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1.234, "1.23 ns")]
    [InlineData(56.78, "56.8 ns")]
    [InlineData(999.4, "999 ns")]
    [InlineData(999.6, "1.00 µs")]
    [InlineData(45_678, "45.7 µs")]
    [InlineData(3_456_789, "3.46 ms")]
    [InlineData(1_234_567_890, "1235 ms")]
    public void TimesHaveThreeDigits(double nanoseconds, string text) => Assert.Equal(text, Markdown.Time(nanoseconds));

    [Fact]
    public void ResultsComeBackFromTheirFile()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-suites-").FullName;
        try
        {
            RowResult row = SuiteReports.Row("step-lstm-1-8");
            row.Metrics[MetricNames.Tail] = 1.25;
            IReadOnlyList<string> files = ResultFiles.Write(folder, [SuiteReports.Suite("step", row), SuiteReports.Suite("train", SuiteReports.Row("train-x"))], whole: true);
            string place = Path.GetDirectoryName(files[0])!;
            Assert.Equal(["step-avx512-1", "train-avx512-1"], files.Select(Path.GetFileName));
            Assert.Equal(["step-avx512-1.json", "step-avx512-1.md", "summary-avx512.md", "targets-avx512.md", "train-avx512-1.json", "train-avx512-1.md"], Directory.GetFiles(place).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            SuiteResult read = ResultFiles.Read(place, "avx512")[0];
            Assert.Equal(1.25, read.Rows[0].Metrics[MetricNames.Tail]);
            string table = File.ReadAllText(Path.Combine(place, "step-avx512-1.md")), targets = File.ReadAllText(Path.Combine(place, "targets-avx512.md"));
            Assert.Equal(table, Markdown.Suite(read));
            File.Delete(Path.Combine(place, "step-avx512-1.md"));
            File.Delete(Path.Combine(place, "targets-avx512.md"));
            ResultFiles.Refresh(place);
            Assert.Equal(table, File.ReadAllText(Path.Combine(place, "step-avx512-1.md")));
            Assert.Equal(targets, File.ReadAllText(Path.Combine(place, "targets-avx512.md")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A suite measured in parts is one table, as long as the program is the same.</summary>
    [Fact]
    public void PartsOfASuiteJoin()
    {
        SuiteResult first = SuiteReports.Suite("step", SuiteReports.Row("step-lstm-1-8", 40), SuiteReports.Row("step-gru-64", 600)) with
        {
            Faults = ["probe of multiply-adds: slow", "row step-gru-64: gap", "row step-lstm-1-8: gap"],
        };
        SuiteResult second = SuiteReports.Suite("step", SuiteReports.Row("step-lstm-1-16", 50), SuiteReports.Row("step-lstm-1-8", 41));
        List<string> order = ["step-lstm-1-8", "step-lstm-1-16", "step-gru-64"];
        SuiteResult joined = second.With(first, order);
        Assert.Equal(order, joined.Rows.Select(row => row.Id));
        Assert.Equal([41, 50, 600], joined.Rows.Select(row => row.Median!.Value));
        Assert.Equal(["probe of multiply-adds: slow", "row step-gru-64: gap"], joined.Faults);
        Assert.Empty(SuiteReports.Suite("step", [.. first.Rows]).With(first, order).Faults); // all measured again
        Assert.Same(second, second.With(first with { Commit = "other" }, order));
        Assert.Same(second, second.With(null, order));
        SuiteResult hasty = second with { SecondsARow = 0.001 }, patient = second with { SecondsARow = 2 };
        Assert.Same(hasty, hasty.With(first, order));
        Assert.Equal((1, 3), (patient.With(first, order).SecondsARow, patient.With(first, order).Rows.Count)); // the least that any row had
    }

    /// <summary>Rows of another program are never replaced by a part of a suite, nor mixed with it.</summary>
    [Fact]
    public void APartOfAnotherProgramGoesBeside()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-suites-").FullName;
        try
        {
            string file = ResultFiles.Write(folder, [SuiteReports.Suite("step", SuiteReports.Row("step-lstm-1-8", 40))], whole: false).Single();
            string before = File.ReadAllText(file + ".json");
            foreach ((string commit, string row) in new[] { ("new", "step-lstm-1-8"), ("new", "step-lstm-1-16"), ("newer", "step-gru-64") })
            {
                SuiteResult other = SuiteReports.Suite("step", SuiteReports.Row(row, 30)) with { Commit = commit };
                Assert.Equal(file + "-part", ResultFiles.Write(folder, [other], whole: false).Single());
                string part = File.ReadAllText(file + "-part.md");
                Assert.Equal(commit == "newer" ? 1 : row == "step-lstm-1-8" ? 1 : 2, part.Split('\n').Count(line => line.StartsWith("| step-", StringComparison.Ordinal) && line.Contains("f32", StringComparison.Ordinal)));
            }
            Assert.Equal(file + "-part", ResultFiles.Write(folder, [SuiteReports.Suite("step", SuiteReports.Row("step-lstm-1-8", 30)) with { SecondsARow = 0.001 }], whole: false).Single());
            Assert.Equal(before, File.ReadAllText(file + ".json"));
            Assert.Equal(["abc1234"], ResultFiles.Read(Path.GetDirectoryName(file)!, "avx512").Select(run => run.Commit));
            Assert.Equal(file, ResultFiles.Write(folder, [SuiteReports.Suite("step", SuiteReports.Row("step-lstm-1-8", 30)) with { Commit = "new" }], whole: true).Single());
            Assert.Equal(["new"], ResultFiles.Read(Path.GetDirectoryName(file)!, "avx512").Select(run => run.Commit));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A tail is judged over a million steps, not over what a short run leaves time for.</summary>
    [Fact]
    public void AShortTailIsNotJudged()
    {
        RowResult row = SuiteReports.Row("step-lstm-32") with { Samples = 999_999 };
        row.Metrics[MetricNames.Tail] = 1.2;
        SuiteResult run = SuiteReports.Suite("step", row);
        Target target = Targets.All.Single(line => line.Row == row.Id && line.Names == MetricNames.Tail);
        Assert.Null(target.Judge(run, row));
        Assert.True(target.Judge(run, row with { Samples = 1_000_000 })!.Value.Met);
        Assert.Contains("**open**: 999,999 steps, not 1,000,000 |", Markdown.TargetTable([run], all: false), StringComparison.Ordinal);
    }

    /// <summary>A time below what the machine can do proves that a probe was wrong: results are printed, and the run fails.</summary>
    [Fact]
    public void GapBelowOneFails()
    {
        var reading = new ProbeReading(250, 4, default, default, default);
        RowResult wrong = SuiteReports.Row("step-lstm-512") with { Gap = 0.98, Limit = "L3" };
        Assert.Empty(Faults.Of(IsaLevel.Avx512, reading, [SuiteReports.Row("a") with { Gap = 1 }, SuiteReports.Row("b") with { Gap = null }]));
        string fault = Assert.Single(Faults.Of(IsaLevel.Avx512, reading, [SuiteReports.Row("a"), wrong]));
        Assert.Contains("step-lstm-512", fault, StringComparison.Ordinal);
        Assert.Contains("loads from L3", fault, StringComparison.Ordinal);

        var (result, log) = (new StringWriter(), new StringWriter());
        var e = Assert.Throws<CliException>(() => BenchCommand.Show(new Output(result, log, terminal: false), [SuiteReports.Suite("step", wrong) with { Faults = [fault] }], null, whole: true));
        Assert.NotEqual(ExitCodes.Ok, e.ExitCode);
        Assert.Contains("step-lstm-512", e.Message, StringComparison.Ordinal);
        Assert.Contains("**Fault**: row step-lstm-512", result.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(IsaLevel.Avx512, 4 * 64 * 0.96, true)]
    [InlineData(IsaLevel.Avx512, 4 * 64 * 0.98, false)]
    [InlineData(IsaLevel.Avx2, 4 * 32 * 0.96, true)]
    [InlineData(IsaLevel.Avx2, 4 * 32 * 0.98, false)]
    [InlineData(IsaLevel.Scalar, 1, false)]
    public void SlowPeakFails(IsaLevel isa, double gflops, bool fails)
    {
        var reading = new ProbeReading(gflops, 4, default, default, default);
        Assert.Equal(fails, Faults.Of(isa, reading, []).Count == 1);
    }

    [Fact]
    public void JsonHasNamesForMachines()
    {
        string json = SuiteText.Write(SuiteReports.Suite("step", SuiteReports.Row("r")));
        foreach (string key in new[] { "\"machine\"", "\"isa\"", "\"threads\"", "\"commit\"", "\"flops_per_clock\"", "\"median\"", "\"p999\"", "\"share\"", "\"gap\"", "\"allocated\"", "\"collections\"" })
            Assert.Contains(key, json, StringComparison.Ordinal);
    }
}
