using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Runner;
using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>What a forecast may not see, and what it is compared with beyond one row, written out here.</summary>
public sealed class ForecastTruthTests : IDisposable
{
    private const int Rows = 100, Trained = 70;
    private readonly ForecastFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--scale", "standard")]
    [InlineData("--scale", "min-max")]
    [InlineData("--relative")]
    [InlineData("--difference", "3")]
    [InlineData("--quantiles", "0.2,0.8")]
    public void Rows_after_training_change_neither_constants_nor_weights(params string[] options)
    {
        (SeriesColumn[] columns, float[] weights) = Learnt(row => 0, options);
        (SeriesColumn[] same, float[] also) = Learnt(row => row >= Trained ? 3 + (row % 5) : 0, options);
        Assert.Equal(columns, same);
        Assert.Equal(weights, also);
        (SeriesColumn[] other, float[] changed) = Learnt(row => row == Trained - 1 ? 3 : 0, options);
        Assert.NotEqual(columns, other);
        Assert.NotEqual(weights, changed);
    }

    [Theory]
    [InlineData("direct", 7, 3)]
    [InlineData("recursive", 5, 5)]
    public void Seasons_shorter_than_the_horizon_are_those_known_at_its_start(string mode, int horizon, int season)
    {
        double[] values = [.. Enumerable.Range(0, Rows).Select(row => Value(row, 0))];
        string data = Table(_ => 0);
        _folder.Train(data, "--target", "v", "--mode", mode, "--horizon", $"{horizon}", "--season", $"{season}").Succeeded();
        JsonElement measured = Json.Object(_folder.Use("eval", data, "--json").Succeeded().Output);
        int first = Rows - 20, origins = 20 - horizon + 1;
        double seasonal = 0, persistence = 0;
        for (int origin = first; origin < first + origins; origin++)
        {
            double[] last = values[(origin - season)..origin]; // over and over again
            for (int k = 0; k < horizon; k++)
            {
                seasonal += Math.Pow(values[origin + k] - last[k % season], 2) / (origins * horizon);
                persistence += Math.Pow(values[origin + k] - values[origin - 1], 2) / (origins * horizon);
            }
        }
        Assert.Equal(origins, measured.GetProperty("rows").GetInt32());
        Assert.Equal(Math.Sqrt(seasonal), measured.GetProperty("baseline_seasonal_rmse").GetDouble(), 7);
        Assert.Equal(persistence, measured.GetProperty("baseline_persistence_mse").GetDouble(), 7);
    }

    [Fact]
    public void A_run_that_ends_within_an_epoch_goes_on_to_the_same_bits()
    {
        string data = Table(_ => 0);
        string[] options =
        [
            "--target", "v", "--batch", "8", "--layers", "2", "--dropout", "0.2", "--weight-drop", "0.1", "--schedule", "plateau", "--quantiles", "0.2,0.8",
            "--epochs", "3",
        ];
        string checkpoint = _folder.At(ForecastFolder.Model) + ".checkpoint";
        _folder.Train(data, options).Succeeded();
        byte[] model = File.ReadAllBytes(_folder.At(ForecastFolder.Model));
        float[] straight = Weights(checkpoint);

        // Asked to end before it begins, a run still takes one step, and saves where it stands.
        var output = new Output(new StringWriter(), new StringWriter(), terminal: false);
        Assert.Equal(ExitCodes.Interrupted, Cli.Run(_folder.TrainArguments(data, options), output, new CancellationToken(canceled: true)));
        using (var backend = new CpuBackend(threads: 1))
        {
            RunState run = CheckpointFile.Load(checkpoint, backend).Run;
            Assert.Equal((0, 1), (run.Epoch, run.Chunk));
        }
        _folder.Train(data, [.. options, "--resume"]).Succeeded();
        Assert.Equal(straight, Weights(checkpoint));
        Assert.Equal(model, File.ReadAllBytes(_folder.At(ForecastFolder.Model)));
    }

    private (SeriesColumn[] Columns, float[] Weights) Learnt(Func<int, double> change, string[] options)
    {
        _folder.Train(Table(change), ["--target", "v", "--features", "w", "--split", $"{Trained},10,20", "--epochs", "2", .. options]).Succeeded();
        string checkpoint = _folder.At(ForecastFolder.Model) + ".checkpoint";
        using var backend = new CpuBackend(threads: 1);
        return ([.. CheckpointFile.Load(checkpoint, backend).Info.Series!.Columns], Weights(checkpoint));
    }

    private static float[] Weights(string checkpoint)
    {
        using var backend = new CpuBackend(threads: 1);
        var all = new List<float>();
        foreach (Parameter parameter in CheckpointFile.Load(checkpoint, backend).Model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            all.AddRange(values);
        }
        return [.. all];
    }

    private string Table(Func<int, double> change) => _folder.Write("v,w\n" + string.Join('\n', Enumerable.Range(0, Rows)
        .Select(row => FormattableString.Invariant($"{Value(row, change(row)):R},{Value(row + 7, change(row)):R}"))));

    private static double Value(int row, double change) => Math.Round((row * 0.05) + Math.Sin(row / 3.0), 3) + change;
}
