using System.Globalization;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Series from the console.</summary>
public sealed class GenerateTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ProcessPrintsTheLibrarysSeries()
    {
        RunnerResult result = _folder.Run("generate", "--series", "noisy-sine", "--length", "5000", "--period", "12.5", "--noise", "0.3", "--seed", "9").Succeeded();
        Assert.Empty(result.Error);
        Bits.Same(Signals.Sine(5000, 12.5, 0.3, 9), Values(result.Output), "what was printed");
    }

    [Fact]
    public void SineIsTheDefaultAndHasNoNoise() =>
        Bits.Same(Signals.Sine(1000, 50), Values(_folder.RunInside("generate").Succeeded().Output), "what was printed");

    [Fact]
    public void FileHoldsWhatWouldBePrinted()
    {
        string printed = _folder.RunInside("generate", "--series", "noisy-sine", "--length", "9000").Succeeded().Output, path = _folder.At("sine.csv");
        File.WriteAllText(path, "old");
        RunnerResult result = _folder.RunInside("generate", "--series", "noisy-sine", "--length", "9000", "--out", path).Succeeded();
        Assert.Empty(result.Output);
        Assert.Contains("sine.csv: 9000 rows", result.Error, StringComparison.Ordinal);
        Assert.Equal(printed, File.ReadAllText(path));
        Assert.Equal(["data.txt", "sine.csv"], _folder.Files);
    }

    [Fact]
    public void NetworkOfReluForecastsIt()
    {
        _folder.RunInside("generate", "--series", "noisy-sine", "--length", "400", "--out", _folder.At("sine.csv")).Succeeded();
        string options = "train --task forecast --target value --cell rnn --activation relu --hidden 20 --layers 1 --window 10 --split 0.7,0,0.3 --epochs 15 --learning-rate 0.01 --threads 1 --json";
        RunnerResult result = _folder.RunInside([.. options.Split(' '), "--data", "sine.csv", "--out", _folder.At(RunnerFolder.Model)]);
        Assert.True(result.ExitCode == ExitCodes.Ok, result.ToString()); // the log names the squared error, so it holds that word
        JsonElement test = JsonDocument.Parse(result.Output).RootElement.GetProperty("test");
        Assert.InRange(test.GetProperty("rmse").GetDouble(), 0.08, 0.95 * test.GetProperty("baseline_persistence_rmse").GetDouble());
        using var backend = new CpuBackend(1);
        Assert.Equal(CellActivation.Relu, _folder.Load(backend).Model.Layers.OfType<Rnn>().Single().Activation);
    }

    [Theory]
    [InlineData("--series cosine", "--series is 'cosine', expected sine or noisy-sine")]
    [InlineData("--length 0", "--length is '0', expected 1 to 10000000")]
    [InlineData("--length 10000001", "--length is '10000001', expected 1 to 10000000")]
    [InlineData("--length 1e3", "--length is '1e3', expected 1 to 10000000")]
    [InlineData("--period 0", "--period is '0', expected a positive number")]
    [InlineData("--period nan", "--period is 'nan', expected a positive number")]
    [InlineData("--series noisy-sine --noise -1", "--noise is '-1', expected 0 or more")]
    [InlineData("--noise 0.1", "--noise goes with --series noisy-sine")]
    [InlineData("--seed 2", "--seed goes with --series noisy-sine")]
    [InlineData("--series noisy-sine --noise 1e300", "the value at step 0 is", "--period or --noise")]
    [InlineData("--period 1e-320", "the value at step 1 is NaN", "--period or --noise")]
    [InlineData("--serie sine", "unknown option '--serie'", "did you mean --series?")]
    public void WrongOptionsAreNamed(string options, params string[] parts) =>
        _folder.Unchanged(() => _folder.RunInside(["generate", .. options.Split(' ')]).Failed(ExitCodes.Usage, parts));

    [Fact]
    public void FileThatCannotBeWrittenIsNamed()
    {
        _folder.Unchanged(() =>
        {
            _folder.RunInside("generate", "--out", "").Failed(ExitCodes.Usage, "--out is '', expected a file name");
            _folder.RunInside("generate", "--out", _folder.Root).Failed(ExitCodes.BadInput, "is a folder, expected a file name");
            _folder.RunInside("generate", "--out", _folder.At("no/sine.csv")).Failed(ExitCodes.BadInput, "sine.csv: the folder", "does not exist");
        });
    }

    private static float[] Values(string csv)
    {
        string[] lines = csv.TrimEnd('\n').Split('\n');
        Assert.Equal("step,value", lines[0]);
        var values = new float[lines.Length - 1];
        for (int t = 0; t < values.Length; t++)
        {
            string[] cells = lines[t + 1].Split(',');
            Assert.Equal(t.ToString(CultureInfo.InvariantCulture), cells[0]);
            values[t] = float.Parse(cells[1], CultureInfo.InvariantCulture);
        }
        return values;
    }
}
