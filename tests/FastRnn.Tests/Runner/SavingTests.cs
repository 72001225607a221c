using System.Text.Json;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Models that cannot be saved, and models not worth saving: the files of before stay whole and nothing else appears.</summary>
public sealed class SavingTests : IDisposable
{
    private readonly RunnerFolder _folder = RunnerFolder.Trained();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Places()
    {
        var places = new TheoryData<string, string>
        {
            { "missing/m", "does not exist" },
            { RunnerFolder.Data + "/m", "does not exist" }, // below a regular file
            { "folder", "is a folder, expected a file name" },
        };
        if (OperatingSystem.IsLinux())
            places.Add("/proc/m", "cannot write into /proc"); // where root may not write either
        return places;
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void Place_that_cannot_be_written_is_refused_before_training(string place, string reason)
    {
        Directory.CreateDirectory(_folder.At("folder"));
        RunnerResult result = null!;
        _folder.Unchanged(() => result = _folder.Train("--out", place).Failed(ExitCodes.BadInput, place, reason));
        Assert.DoesNotContain("epoch", result.Error, StringComparison.Ordinal);
    }

    /// <summary>Output goes where others write, too: behind what is there, and they behind it.</summary>
    [UnixFact]
    public void Results_share_a_redirected_file()
    {
        using RunnerProcess process = RunnerProcess.Start(_folder.Root, ["doctor", "--json"], shell: "exec > both.txt\n\"$0\" \"$@\"\necho BETWEEN");
        Assert.Equal(ExitCodes.Ok, process.Wait().ExitCode);
        string[] parts = File.ReadAllText(_folder.At("both.txt")).Split("BETWEEN\n");
        Assert.Equal(2, parts.Length);
        foreach (string part in parts)
            Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(part).RootElement.ValueKind);
    }

    [PermissionFact]
    public void Folder_without_write_permission_is_refused_before_training()
    {
        if (OperatingSystem.IsWindows())
            return; // never: the attribute skips the test there, the compiler cannot know
        File.SetUnixFileMode(_folder.Root, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            _folder.Unchanged(() => _folder.Train().Failed(ExitCodes.BadInput, RunnerFolder.Model, "cannot write into", "denied"));
        }
        finally
        {
            File.SetUnixFileMode(_folder.Root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>
    /// The temporary file of the n-th save is a link to the device that is always full, made by the process that then becomes the program and
    /// so knows its id. The files of one save after the other; those before it are new, it and those after it are old, and all are whole.
    /// </summary>
    [UnixTheory]
    [InlineData(RunnerFolder.Checkpoint, 0)]
    [InlineData(RunnerFolder.Model, 1)]
    [InlineData(RunnerFolder.Log, 2)]
    public void Full_disk_leaves_the_old_file_whole(string name, int newer)
    {
        string[] order = [RunnerFolder.Checkpoint, RunnerFolder.Model, RunnerFolder.Log];
        string[] files = _folder.Files;
        byte[][] before = [.. order.Select(_folder.Read)];
        // Locks would make two runs of these tests that use the one device at once disturb each other.
        var environment = new Dictionary<string, string> { ["DOTNET_SYSTEM_IO_DISABLEFILELOCKING"] = "1" };
        _folder.Run(RunnerFolder.TrainArguments("--seed", "2"), environment, $"ln -s /dev/full '{name}'.tmp-$$")
            .Failed(ExitCodes.BadInput, "No space left on device", name);
        Assert.Equal(files, _folder.Files);
        for (int i = 0; i < order.Length; i++)
            Assert.True(before[i].AsSpan().SequenceEqual(_folder.Read(order[i])) == (i >= newer), $"{order[i]} is {(i < newer ? "old" : "new")}");
        _folder.RunInside("info", RunnerFolder.Model).Succeeded();
        _folder.Train("--resume", "--seed", newer == 0 ? "1" : "2").Succeeded();
    }

    /// <summary>A limit of the file size, in blocks of 512 bytes: with some the very first write fails, with others one in the middle of a file.</summary>
    [UnixTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    public void File_size_limit_leaves_the_old_files_whole(int blocks)
    {
        // The runtime keeps its compiled code in a file of the kind that the limit is about; without that protection it does not.
        var environment = new Dictionary<string, string> { ["DOTNET_EnableWriteXorExecute"] = "0" };
        _folder.Unchanged(() => _folder.Run(RunnerFolder.TrainArguments("--seed", "2"), environment, $"trap '' XFSZ\nulimit -f {blocks}")
            .Failed(ExitCodes.BadInput, RunnerFolder.Checkpoint, "larger than"));
        _folder.RunInside(RunnerFolder.TrainArguments("--resume", "--epochs", "3")).Succeeded();
    }

    /// <summary>Too high by far: with Adam a saturated network of finite nonsense, beyond that losses that overflow.</summary>
    [Theory]
    [InlineData("adam", "100", "4", "above")] // many steps in an epoch: it is stopped inside the first
    [InlineData("adam", "100", "150", "above")] // two steps in an epoch: epochs end while it goes wrong
    [InlineData("sgd", "1e38", "4", "above")]
    [InlineData("adam", "3e38", "4", "is not finite")]
    [InlineData("adam", "3e38", "300", "is not finite")] // one step in an epoch: only validation has seen what it did
    public void Divergence_ends_with_its_code_and_the_last_good_checkpoint(string optimizer, string rate, string batch, string reason)
    {
        byte[] model = _folder.Read(RunnerFolder.Model);
        string[] options =
            ["--optimizer", optimizer, "--learning-rate", rate, "--clip-norm", "0", "--batch", batch, "--epochs", "50", "--validation-split", "0.15"];
        _folder.Train(options).Failed(ExitCodes.Diverged, "diverged", reason, "last good checkpoint: " + RunnerFolder.Checkpoint);
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
        Assert.DoesNotContain(_folder.Files, name => name.Contains(".tmp", StringComparison.Ordinal));

        // Good means no worse than guessing among the 52 characters, as a new network does.
        Assert.InRange(CheckpointLoss(), 1, 1.1 * Math.Log(52));
        _folder.RunInside(RunnerFolder.TrainArguments(["--resume", .. options])).Failed(ExitCodes.Diverged, reason);
    }

    /// <summary>The loss of a step is that of the weights before it: good ones may have been led astray by that very step.</summary>
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void Checkpoints_between_epochs_are_good_after_their_last_update_too(string every)
    {
        string[] options = ["--optimizer", "sgd", "--learning-rate", "300", "--clip-norm", "50", "--epochs", "50", "--checkpoint-every", every];
        _folder.Train(options).Failed(ExitCodes.Diverged, "last good checkpoint: " + RunnerFolder.Checkpoint);
        Assert.InRange(CheckpointLoss(), 1, 5 * Math.Log(52));
    }

    /// <summary>A rate that rises beyond all measure: some epochs end with a bad but sensible loss, later ones do not.</summary>
    [Fact]
    public void Divergence_after_sensible_epochs_leaves_the_last_of_them()
    {
        string[] options = ["--optimizer", "sgd", "--learning-rate", "500", "--warm-up", "60", "--batch", "150", "--epochs", "60"];
        RunnerResult diverged = _folder.Train(options).Failed(ExitCodes.Diverged, "diverged");
        string[] saved = [.. diverged.Error.Split('\n').Where(line => line.StartsWith("epoch ", StringComparison.Ordinal) && !line.Contains("not saved", StringComparison.Ordinal))];
        JsonElement info = Json.Object(_folder.RunInside("info", RunnerFolder.Checkpoint, "--json").Succeeded().Output);
        Assert.StartsWith($"epoch {info.GetProperty("epochs")}/60: ", saved[^1], StringComparison.Ordinal);
        Assert.Contains("(not saved: worse than guessing)", diverged.Error, StringComparison.Ordinal);
        Assert.InRange(CheckpointLoss(), 1, 6 * Math.Log(52));
    }

    /// <summary>A short run that got nowhere must not pass for a success because it ended before the watch gave up.</summary>
    [Fact]
    public void Run_without_one_sensible_epoch_fails()
    {
        string[] options = ["--learning-rate", "100", "--batch", "150", "--epochs", "3"];
        byte[] model = _folder.Read(RunnerFolder.Model);
        _folder.Train(options).Failed(ExitCodes.Diverged, "diverged", "no epoch ended with a sensible loss", RunnerFolder.Checkpoint);
        Assert.Equal(model, _folder.Read(RunnerFolder.Model));
    }

    private double CheckpointLoss()
    {
        string[] arguments = ["eval", "--model", RunnerFolder.Checkpoint, "--data", RunnerFolder.Data, "--json"];
        return Json.Object(_folder.RunInside(arguments).Succeeded().Output).GetProperty("loss").GetDouble();
    }
}
