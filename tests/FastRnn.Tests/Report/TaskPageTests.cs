using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Report;

/// <summary>What each task shows on the page about its run.</summary>
public sealed class TaskPageTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Forecast_shows_its_intervals_and_how_errors_grow()
    {
        string page = Train("forecast", "seattle-weather.csv", "--target", "temp_max", "--date", "date", "--quantiles", "0.1,0.5,0.9", "--horizon", "3", "--window", "5");
        foreach (string part in new[] { "Forecasts of 3 rows", "80 % interval", "Error by step", "persistence", "2015-" })
            Assert.Contains(part, page, StringComparison.Ordinal);
    }

    [Fact]
    public void Classifier_shows_what_it_confuses()
    {
        string page = Train(
            "classify", "japanese-vowels/JapaneseVowels_TRAIN.ts", "--test-data", Path.Combine(Repository.Root, "tests", "data", "japanese-vowels", "JapaneseVowels_TEST.ts"));
        foreach (string part in new[] { "precision", "Confusion matrix", "class=\"matrix\"", "ROC curve", "area under the curve", "Test accuracy" })
            Assert.Contains(part, page, StringComparison.Ordinal);
    }

    /// <summary>A run that goes on knows the updates that were made before.</summary>
    [Fact]
    public void Resumed_run_remembers_every_update()
    {
        _folder.RunInside(RunnerFolder.TrainArguments("--epochs", "1")).Succeeded();
        IReadOnlyList<UpdateSummary> first = Updates();
        _folder.RunInside([.. RunnerFolder.TrainArguments("--epochs", "2"), "--resume"]).Succeeded();
        IReadOnlyList<UpdateSummary> both = Updates();
        Assert.NotEmpty(first);
        Assert.Equal(first, both.Take(first.Count));
        Assert.Equal(2 * first.Count, both.Count);
        Assert.All(both, update => Assert.True(update is { Count: 1, LearningRate: > 0.0099 and < 0.0101, HighestNorm: > 0 }, update.ToString()));
    }

    private IReadOnlyList<UpdateSummary> Updates()
    {
        using var backend = new CpuBackend(1);
        Checkpoint checkpoint = CheckpointFile.Load(_folder.At(RunnerFolder.Checkpoint), backend);
        using (checkpoint.Model)
            return checkpoint.Run.Updates;
    }

    private string Train(string task, string data, params string[] options)
    {
        string model = _folder.At("task.safetensors");
        _folder.RunInside(
        [
            "train", "--task", task, "--data", Path.Combine(Repository.Root, "tests", "data", data), "--out", model, "--epochs", "1", "--hidden", "4",
            "--layers", "1", "--threads", "1", .. options,
        ]).Succeeded();
        return File.ReadAllText(model + ".html");
    }
}
