using System.Globalization;
using System.Text.Json;
using FastRnn.Formats;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace FastRnn.Tests.Runner;

/// <summary>A run that was stopped – at its end, by a signal, by a kill – goes on to the bits of one that never stopped.</summary>
public sealed class ResumeTests(ITestOutputHelper log) : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>With dropout, whose masks depend on how many steps were made, and with each optimiser, whose moments must come along.</summary>
    [Theory]
    [InlineData("lstm", "adam", "1", "0")]
    [InlineData("lstm", "adam", "2", "0.3")]
    [InlineData("gru", "adam", "2", "0")]
    [InlineData("rnn", "adam", "2", "0.3")]
    [InlineData("lstm", "sgd", "2", "0.3")]
    public void Two_halves_are_the_whole(string cell, string optimizer, string layers, string dropout)
    {
        string[] options = ["--cell", cell, "--optimizer", optimizer, "--layers", layers, "--dropout", dropout];
        _folder.Train([.. options, "--epochs", "2"]).Succeeded();
        RunnerResult second = _folder.Train([.. options, "--epochs", "4", "--resume"]).Succeeded();
        Assert.Contains("resumed after 2 epochs, at step ", second.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch 2/4", second.Error, StringComparison.Ordinal);
        SameAsUninterrupted([.. options, "--epochs", "4"]);
    }

    /// <summary>With every optimiser and schedule; a curve over all epochs is that of the first run until it is said otherwise.</summary>
    [Theory]
    [InlineData("--optimizer sgd --learning-rate 0.5 --momentum 0.5 --weight-decay 1e-3 --schedule step --schedule-epochs 2 --warm-up 5")]
    [InlineData("--optimizer adagrad --schedule exponential --schedule-factor 0.25 --weight-drop 0.3")]
    [InlineData("--optimizer rmsprop --momentum 0.5 --schedule plateau --schedule-factor 0.1 --warm-up 3")]
    [InlineData("--optimizer adamw --schedule cosine --schedule-epochs 4 --weight-drop 0.3 --cell gru")]
    [InlineData("--optimizer nadam --schedule one-cycle --schedule-epochs 4")]
    public void Two_halves_are_the_whole_with_every_schedule(string line)
    {
        string[] options = line.Split(' ');
        _folder.Train([.. options, "--epochs", "2"]).Succeeded();
        _folder.Train([.. options, "--epochs", "4", "--resume"]).Succeeded();
        SameAsUninterrupted([.. options, "--epochs", "4"]);
    }

    [Fact]
    public void Weight_drop_reaches_the_layers_of_the_model()
    {
        _folder.Train("--weight-drop", "0.25").Succeeded();
        Assert.Contains("weight drop 0.25", _folder.RunInside("info", RunnerFolder.Model).Succeeded().Output, StringComparison.Ordinal);
    }

    /// <summary>Its second number is the lowest loss it has heard of.</summary>
    [Fact]
    public void Plateau_hears_of_validation_losses()
    {
        JsonElement train = Json.Object(_folder.Train("--schedule", "plateau", "--json").Succeeded().Output);
        string record = SafetensorsReader.Read(_folder.At(RunnerFolder.Checkpoint)).Metadata[CheckpointRecord.Key];
        using JsonDocument stored = JsonDocument.Parse(record);
        Assert.Equal(train.GetProperty("best_validation_loss").GetDouble(), stored.RootElement.GetProperty("schedule")[1].GetDouble());
    }

    [Fact]
    public void Curve_over_all_epochs_says_what_to_repeat()
    {
        _folder.Train("--schedule", "cosine").Succeeded();
        _folder.Train("--schedule", "cosine", "--epochs", "4", "--resume").Failed(ExitCodes.BadInput, "'schedule-epochs' was '2'", "now it is '4'");
        _folder.Train("--schedule", "cosine", "--epochs", "4", "--schedule-epochs", "2", "--resume").Succeeded();
    }

    [Fact]
    public void Resuming_a_complete_run_changes_no_bit_and_writes_lost_logs_again()
    {
        _folder.Train().Succeeded();
        string[] files = _folder.Files;
        byte[][] kept = [_folder.Read(RunnerFolder.Model), _folder.Read(RunnerFolder.Checkpoint), _folder.Read(RunnerFolder.Log), _folder.Read(RunnerFolder.Plot)];
        File.Delete(_folder.At(RunnerFolder.Log));
        File.Delete(_folder.At(RunnerFolder.Plot));
        _folder.Train("--resume").Succeeded();
        Assert.Equal(files, _folder.Files);
        Assert.Equal(kept, [_folder.Read(RunnerFolder.Model), _folder.Read(RunnerFolder.Checkpoint), _folder.Read(RunnerFolder.Log), _folder.Read(RunnerFolder.Plot)]);
    }

    [Fact]
    public void Resumed_run_reports_all_its_epochs_once()
    {
        _folder.Train().Succeeded();
        string[] before = File.ReadAllLines(_folder.At(RunnerFolder.Log));
        JsonElement train = Json.Object(_folder.Train("--epochs", "3", "--resume", "--json").Succeeded().Output);
        string[] after = File.ReadAllLines(_folder.At(RunnerFolder.Log));
        Assert.Equal([1, 2, 3], train.GetProperty("epochs").EnumerateArray().Select(epoch => epoch.GetProperty("epoch").GetInt32()));
        Assert.Equal(before, after[..3]);
        Assert.Equal(["epoch", "1", "2", "3"], after.Select(row => row.Split(',')[0]));
    }

    /// <summary>The run could go on for hours; where the signal stops it does not matter, as its checkpoint says where that was.</summary>
    [UnixTheory]
    [InlineData(RunnerProcess.Interrupt)]
    [InlineData(RunnerProcess.Terminate)]
    public void Signal_saves_and_resuming_gives_the_same_bits(int signal)
    {
        RunnerResult result;
        using (RunnerProcess process = _folder.StartTraining("--epochs", "1000000", "--json"))
        {
            process.WaitForError("epoch 1/");
            process.Signal(signal);
            result = process.Wait();
        }
        Assert.True(result.ExitCode == ExitCodes.Interrupted, result.ToString());
        Assert.Contains($"saved {RunnerFolder.Checkpoint}", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("error", result.Error, StringComparison.Ordinal);
        JsonElement train = Json.Object(result.Output);
        Assert.True(train.GetProperty("interrupted").GetBoolean());

        TrainingState stopped = TrainingState.Read(_folder.At(RunnerFolder.Checkpoint));
        Assert.Equal(stopped.Epoch, train.GetProperty("epochs").GetArrayLength());
        Assert.True(stopped.Chunk > 0, "the signal should have come inside an epoch");
        string epochs = (stopped.Epoch + 2).ToString(CultureInfo.InvariantCulture);
        _folder.Train("--epochs", epochs, "--resume").Succeeded();
        SameAsUninterrupted("--epochs", epochs);
    }

    /// <summary>As text, an interrupted run prints no result: there is none.</summary>
    [UnixFact]
    public void Signal_before_the_first_epoch_ends_leaves_a_checkpoint_and_no_model()
    {
        File.WriteAllText(_folder.At(RunnerFolder.Data), File.ReadAllText(Repository.Shakespeare));
        string[] options = ["--batch", "1", "--time-steps", "8", "--hidden", "32"]; // an epoch of minutes
        using (RunnerProcess process = _folder.StartTraining(options))
        {
            process.WaitUntil(() => File.Exists(_folder.At(RunnerFolder.Checkpoint)), "the first checkpoint");
            process.Signal(RunnerProcess.Interrupt);
            RunnerResult result = process.Wait();
            Assert.True(result.ExitCode == ExitCodes.Interrupted, result.ToString());
            Assert.Empty(result.Output);
            Assert.Contains("--resume", result.Error, StringComparison.Ordinal);
        }
        Assert.Equal([RunnerFolder.Data, RunnerFolder.Checkpoint, RunnerFolder.Model + ".json"], _folder.Files);
        Assert.Equal(0, TrainingState.Read(_folder.At(RunnerFolder.Checkpoint)).Epoch);
    }

    /// <summary>
    /// Kills the run again and again while it saves after every step, and lets it go on each time. FASTRNN_KILLS says how often,
    /// FASTRNN_SEED repeats the moments of a failure as far as the machine's timing allows.
    /// </summary>
    [Fact]
    public void Killed_at_any_moment_it_goes_on_to_the_same_bits()
    {
        int kills = Number("FASTRNN_KILLS", 8), seed = Number("FASTRNN_SEED", Random.Shared.Next());
        log.WriteLine($"FASTRNN_KILLS={kills} FASTRNN_SEED={seed}");
        var random = new Random(seed);
        string[] options = ["--epochs", "1000000", "--checkpoint-every", "1"];
        var reached = new List<TrainingState>();
        for (int kill = 1; kill <= kills; kill++)
        {
            string moment = $"kill {kill} of {kills}";
            KillOnce(options, random, moment);
            reached.Add(CheckKilled(reached, moment));
        }
        Assert.True(reached[^1].Steps > 0, "no kill came after a step");

        string epochs = (reached[^1].Epoch + 1).ToString(CultureInfo.InvariantCulture);
        _folder.Train("--epochs", epochs, "--checkpoint-every", "1", "--resume").Succeeded();
        SameAsUninterrupted("--epochs", epochs);
    }

    /// <summary>Every third kill comes at any time after the start, before there may be a checkpoint; the others follow a new checkpoint closely.</summary>
    private void KillOnce(string[] options, Random random, string moment)
    {
        string path = _folder.At(RunnerFolder.Checkpoint);
        bool resume = File.Exists(path);
        DateTime before = resume ? File.GetLastWriteTimeUtc(path) : default;
        using RunnerProcess process = _folder.StartTraining(resume ? [.. options, "--resume"] : options);
        if (random.Next(3) == 0)
        {
            Thread.Sleep(random.Next(200));
        }
        else
        {
            process.WaitUntil(() => File.Exists(path) && File.GetLastWriteTimeUtc(path) != before, $"a new checkpoint; {moment}");
            Thread.SpinWait(random.Next(1_000_000));
        }
        RunnerResult result = process.Kill();
        Assert.True(result.ExitCode is 137 or -1, $"{moment}: the run ended by itself, {result}"); // 128 + SIGKILL; Windows: −1
        Assert.DoesNotContain("error", result.Error, StringComparison.Ordinal);
    }

    /// <summary>Whatever is there under a final name is whole, and nothing that was reached before is lost.</summary>
    private TrainingState CheckKilled(List<TrainingState> before, string moment)
    {
        if (!File.Exists(_folder.At(RunnerFolder.Checkpoint)))
        {
            Assert.True(before.All(state => state.Steps == 0), $"{moment}: the checkpoint is gone");
            return TrainingState.None;
        }
        TrainingState state = TrainingState.Read(_folder.At(RunnerFolder.Checkpoint));
        Assert.True(state.Steps >= before.Select(other => other.Steps).DefaultIfEmpty().Max(), $"{moment}: steps were lost");
        if (File.Exists(_folder.At(RunnerFolder.Model)))
            _folder.RunInside("info", RunnerFolder.Model).Succeeded();
        else
            Assert.True(state.Epoch == 0, $"{moment}: epoch {state.Epoch} without a model");
        return state;
    }

    /// <summary>Model file to the byte; checkpoint to the bit in all but the times that the run took; log in all but times; no other file.</summary>
    private void SameAsUninterrupted(params string[] options)
    {
        using var whole = new RunnerFolder();
        whole.RunInside(RunnerFolder.TrainArguments(options)).Succeeded();
        Assert.Equal(whole.Files, _folder.Files);
        Assert.Equal(whole.Read(RunnerFolder.Model), _folder.Read(RunnerFolder.Model));
        TrainingState.AssertSame(TrainingState.Read(whole.At(RunnerFolder.Checkpoint)), TrainingState.Read(_folder.At(RunnerFolder.Checkpoint)));
        Assert.Equal(Losses(whole), Losses(_folder));
    }

    private static string[] Losses(RunnerFolder folder) =>
        [.. File.ReadAllLines(folder.At(RunnerFolder.Log)).Select(row => string.Join(',', row.Split(',')[..3]))];

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
