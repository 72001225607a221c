using System.Text.Json;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Suites;

public sealed class BenchCommandTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    [Fact]
    public void HelpListsTheOptions()
    {
        RunnerResult result = _folder.RunInside("bench", "--help");
        Assert.Equal(0, result.ExitCode);
        foreach (string option in new[] { "--suite", "--filter", "--isa", "--threads", "--seconds", "--peers", "--out", "--json" })
            Assert.Contains(option, result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--suite", "fast")]
    [InlineData("--isa", "sse")]
    [InlineData("--threads", "0")]
    [InlineData("--seconds", "0")]
    [InlineData("--seconds", "soon")]
    [InlineData("--filter", "no-such-row")]
    [InlineData("--out", "")]
    public void BadOptionsAreUsage(string option, string value) => Assert.Equal(ExitCodes.Usage, _folder.RunInside("bench", option, value).ExitCode);

    /// <summary>Times of a thousandth of a second mean nothing; that every kind of row runs and is reported does.</summary>
    [Theory]
    [InlineData("step", "step-lstm-1-20")]
    [InlineData("kernels", "kernel-t")]
    [InlineData("batch", "infer-lstm-128-t50-b50")]
    public void RowsRun(string suite, string filter)
    {
        RunnerResult result = _folder.RunInside("bench", "--suite", suite, "--filter", filter, "--seconds", "0.001", "--json", "--out", _folder.Root);
        Assert.True(result.ExitCode is ExitCodes.Ok or ExitCodes.Device, result.ToString()); // times as short as these may fail the check of the probes
        using JsonDocument json = JsonDocument.Parse(result.Output);
        foreach (JsonElement row in json.RootElement.GetProperty("suites")[0].GetProperty("rows").EnumerateArray())
        {
            Assert.StartsWith(filter, row.GetProperty("id").GetString(), StringComparison.Ordinal);
            Assert.True(row.GetProperty("median").GetDouble() > 0);
            Assert.True(row.TryGetProperty("share", out JsonElement share) ? share.GetDouble() > 0 : row.GetProperty("metrics").GetProperty("clocks").GetDouble() > 0);
        }
        Assert.NotEmpty(Directory.GetFiles(_folder.Root, $"{suite}-*.md", SearchOption.AllDirectories));
    }

    /// <summary>The thread may run on all the cores it could before.</summary>
    [UnixFact]
    public void PinningEndsWithTheRun()
    {
        string before = FastRnn.Suites.Affinity.Allowed();
        using (FastRnn.Suites.Affinity pinned = FastRnn.Suites.Affinity.Pin(1))
            Assert.True(pinned.Description.Contains("not pinned", StringComparison.Ordinal) || !FastRnn.Suites.Affinity.Allowed().Contains(',', StringComparison.Ordinal));
        Assert.Equal(before, FastRnn.Suites.Affinity.Allowed());
    }

    [Fact]
    public void InterruptionEndsIt()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var (result, log) = (new StringWriter(), new StringWriter());
        Assert.Equal(ExitCodes.Interrupted, Cli.Run(["bench", "--suite", "step", "--seconds", "0.001"], new Output(result, log, terminal: false), cancelled.Token));
        Assert.Empty(result.ToString());
    }

    public void Dispose() => _folder.Dispose();
}
