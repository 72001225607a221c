using System.Globalization;
using System.Text.RegularExpressions;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>What a run says about its memory, and the limit on it.</summary>
public sealed class MemoryLimitTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_over_the_limit_ends_before_it_starts_with_both_figures()
    {
        string[] files = _folder.Files;
        RunnerResult result = _folder.Train("--memory-limit", "10KiB");
        result.Failed(ExitCodes.OutOfMemory, "not enough memory: training takes ", " bytes, --memory-limit is 10,240");
        Assert.Equal(files, _folder.Files); // not even a first checkpoint
    }

    /// <summary>Some 37 GB of weights and their like: they are counted, not made.</summary>
    [Fact]
    public void Model_over_the_limit_is_not_even_built()
    {
        _folder.Train("--hidden", "40000", "--layers", "1", "--cell", "rnn", "--memory-limit", "1GiB").Failed(ExitCodes.OutOfMemory, "training takes ");
    }

    [Fact]
    public void Run_at_the_limit_trains_with_the_same_bits()
    {
        RunnerResult first = _folder.Train("--memory-limit", "1").Failed(ExitCodes.OutOfMemory);
        string needed = Regex.Match(first.Error, "training takes ([0-9,]+) bytes").Groups[1].Value.Replace(",", "", StringComparison.Ordinal);
        long bytes = long.Parse(needed, CultureInfo.InvariantCulture);
        _folder.Train("--memory-limit", (bytes - 1).ToString(CultureInfo.InvariantCulture)).Failed(ExitCodes.OutOfMemory);
        RunnerResult result = _folder.Train("--memory-limit", needed, "--checkpoint-every", "3").Succeeded();
        Assert.Matches("parameters; memory [0-9.]+ MiB: weights ", result.Error);
        byte[] model = _folder.Read(RunnerFolder.Model);
        _folder.Train("--recompute", "--memory-limit", "1GiB").Succeeded();
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
    }

    [Fact]
    public void Recomputing_long_windows_takes_less_and_changes_no_bit()
    {
        string[] options = ["--time-steps", "200", "--batch", "2"];
        RunnerResult plain = _folder.Train(options).Succeeded();
        byte[] model = _folder.Read(RunnerFolder.Model);
        RunnerResult again = _folder.Train([.. options, "--recompute"]).Succeeded();
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
        Assert.True(Windows(again) < Windows(plain), again.Error);

        static double Windows(RunnerResult result) =>
            double.Parse(Regex.Match(result.Error, "windows ([0-9.]+),").Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
