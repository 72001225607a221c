using System.Globalization;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>A command line that cannot be understood: exit code 1 and one line that names the option, what was given and what is expected.</summary>
public sealed class BadOptionTests : IDisposable
{
    private readonly RunnerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "expected a verb")]
    [InlineData("trian", "unknown argument 'trian'", "did you mean train?")]
    [InlineData("play", "unknown argument 'play'", "see fastrnn --help")]
    [InlineData("train --hiden 3 --data data.txt", "unknown option '--hiden'", "did you mean --hidden?")]
    [InlineData("sample --model m --colour red", "unknown option '--colour'", "see fastrnn sample --help")]
    [InlineData("doctor --fix", "unknown option '--fix'", "see fastrnn doctor --help")]
    [InlineData("train", "--data", "required")]
    [InlineData("eval --data data.txt", "--model", "required")]
    [InlineData("info", "model", "missing")]
    [InlineData("train --data", "--data", "missing")]
    [InlineData("train --data data.txt other.txt", "unknown argument 'other.txt'")]
    [InlineData("train --data data.txt --hidden 3 --hidden 4", "--hidden", "single")]
    [InlineData("train --data data.txt --cell lru", "--cell is 'lru', expected lstm or gru or rnn")]
    [InlineData("train --data data.txt --cell rnn --activation sine", "--activation is 'sine', expected tanh or relu")]
    [InlineData("train --data data.txt --activation tanh", "--activation goes with --cell rnn")]
    [InlineData("train --data data.txt --task play", "--task is 'play', expected char-lm")]
    [InlineData("train --data data.txt --device gpu", "--device is 'gpu', expected cpu")]
    [InlineData("train --data data.txt --optimizer adamm", "--optimizer is 'adamm', expected sgd or adagrad or rmsprop or adam or adamw or nadam")]
    [InlineData("train --data data.txt --schedule linear", "--schedule is 'linear', expected constant or step or exponential or cosine or one-cycle or plateau")]
    [InlineData("train --data data.txt --momentum 0.9", "--momentum goes with --optimizer sgd or rmsprop")]
    [InlineData("train --data data.txt --optimizer adamw --momentum 0", "--momentum goes with --optimizer sgd or rmsprop")]
    [InlineData("train --data data.txt --schedule-epochs 2", "--schedule-epochs goes with a --schedule other than constant")]
    [InlineData("train --data data.txt --schedule cosine --schedule-factor 0.5", "--schedule-factor goes with --schedule step or exponential or plateau")]
    public void Unknown_and_missing_words_are_named(string line, params string[] parts) =>
        _folder.Unchanged(() => _folder.RunInside(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Failed(ExitCodes.Usage, parts));

    [Fact]
    public void Empty_file_name_is_refused()
    {
        _folder.Unchanged(() =>
        {
            _folder.RunInside("train", "--data", "").Failed(ExitCodes.Usage, "--data is '', expected a file name");
            _folder.RunInside("train", "--data", RunnerFolder.Data, "--out", " ").Failed(ExitCodes.Usage, "--out is '', expected a file name");
            _folder.RunInside("sample", "--model", "").Failed(ExitCodes.Usage, "--model is '', expected a file name");
            _folder.RunInside("info", "").Failed(ExitCodes.Usage, "the model is '', expected a file name");
        });
    }

    /// <summary>Every numeric option with what it expects and the values just outside.</summary>
    public static TheoryData<string, string, string, string> Ranges() => new()
    {
        { "train", "--embedding", "1 to 65536", "0 -1 65537" },
        { "train", "--hidden", "1 to 65536", "0 -1 65537" },
        { "train", "--layers", "1 to 100", "0 -1 101" },
        { "train", "--dropout", "0 to below 1", "-0.1 1 2 0.99999999999" },
        { "train", "--batch", "1 to 1000000", "0 -1 1000001" },
        { "train", "--time-steps", "1 to 1000000", "0 -1 1000001" },
        { "train", "--epochs", "1 to 1000000", "0 -1 1000001" },
        { "train", "--learning-rate", "a positive number", "0 -1 1e-50 1e39" },
        { "train", "--weight-drop", "0 to below 1", "-0.1 1 0.99999999999" },
        { "train", "--momentum", "0 to below 1", "-0.1 1 0.99999999999" },
        { "train", "--weight-decay", "0 or more", "-1 1e39" },
        { "train", "--schedule-epochs", "0 to 1000000", "-1 1000001" },
        { "train", "--schedule-factor", "above 0 to below 1", "0 1 -0.5" },
        { "train", "--warm-up", "0 to 1000000000", "-1 1000000001" },
        { "train", "--clip-norm", "0 or more", "-1 -1e-9 1e39" },
        { "train", "--seed", "0 to 18446744073709551615", "-1 18446744073709551616" },
        { "train", "--threads", "0 to 1024", "-1 1025" },
        { "train", "--checkpoint-every", "0 to 2147483647", "-1" },
        { "train", "--validation-split", "0 to below 1", "-0.1 1 1.5" },
        { "train", "--patience", "0 to 1000000", "-1 1000001" },
        { "train", "--memory-limit", "a whole number of bytes, or of KiB, MiB or GiB", "-1 1KB MiB 1.5GiB 1mib 2_MiB 8589934592GiB 9223372036854775808" },
        { "eval", "--batch", "1 to 1000000", "0 1000001" },
        { "eval", "--threads", "0 to 1024", "-1 1025" },
        { "sample", "--length", "0 to 2147483647", "-1" },
        { "sample", "--temperature", "0 or more", "-0.1" },
        { "sample", "--top-k", "0 to 2147483647", "-1" },
        { "sample", "--top-p", "above 0 to 1", "0 -0.5 1.0000001" },
        { "sample", "--seed", "0 to 18446744073709551615", "-1" },
        { "sample", "--threads", "0 to 1024", "-1 1025" },
    };

    private static readonly string[] _notNumbers =
        ["abc", "1x", "0x10", "1,5", "0,002", "1_000", "nan", "NaN", "inf", "-inf", "1e999", "٣", " "];

    private static readonly string[] _notWhole = ["1.5", "1e3", "99999999999999999999"];

    /// <summary>Hundreds of values, so inside this process; some go through a process of their own below.</summary>
    [Theory]
    [MemberData(nameof(Ranges))]
    public void Number_outside_its_range_is_refused_with_the_range(string verb, string option, string expected, string values)
    {
        bool real = option is "--dropout" or "--learning-rate" or "--clip-norm" or "--validation-split" or "--temperature" or "--top-p"
            or "--weight-drop" or "--momentum" or "--weight-decay" or "--schedule-factor";
        foreach (string value in (string[])[.. values.Split(' '), .. _notNumbers, .. real ? [] : _notWhole])
        {
            _folder.RunInside(Arguments(verb, option, value)).Failed(ExitCodes.Usage, $"{option} is '{value}', expected {expected}");
        }
    }

    [Fact]
    public void Process_refuses_them_too()
    {
        _folder.Unchanged(() =>
        {
            _folder.Run().Failed(ExitCodes.Usage, "expected a verb");
            _folder.Run("trian").Failed(ExitCodes.Usage, "unknown argument 'trian'", "did you mean train?");
            _folder.Train("--hiden", "3").Failed(ExitCodes.Usage, "unknown option '--hiden'", "did you mean --hidden?");
            _folder.Train("--hidden", "abc").Failed(ExitCodes.Usage, "--hidden is 'abc', expected 1 to 65536");
            _folder.Train("--learning-rate", "0,002").Failed(ExitCodes.Usage, "--learning-rate is '0,002', expected a positive number");
            _folder.Run("eval", "--model", "m", "--data", "d", "--batch", "0").Failed(ExitCodes.Usage, "--batch is '0', expected 1 to 1000000");
            _folder.Run("sample", "--model", "m", "--top-p", "2").Failed(ExitCodes.Usage, "--top-p is '2', expected above 0 to 1");
        });
    }

    /// <summary>The files named here are missing: a value that slipped through would end with exit code 2, not 1.</summary>
    private static string[] Arguments(string verb, string option, string value) =>
        verb == "train" ? [verb, "--data", "missing", option, value]
        : verb == "eval" ? [verb, "--model", "missing", "--data", "missing", option, value]
        : [verb, "--model", "missing", option, value];

    /// <summary>The limits themselves are inside.</summary>
    [Theory]
    [InlineData("--embedding", "1")]
    [InlineData("--hidden", "1")]
    [InlineData("--layers", "1")]
    [InlineData("--dropout", "0.99")]
    [InlineData("--batch", "1")]
    [InlineData("--time-steps", "1")]
    [InlineData("--learning-rate", "1e-30")]
    [InlineData("--clip-norm", "0")]
    [InlineData("--seed", "18446744073709551615")]
    [InlineData("--validation-split", "0")]
    [InlineData("--checkpoint-every", "2147483647")]
    public void Smallest_values_train(string option, string value)
    {
        File.WriteAllText(_folder.At(RunnerFolder.Data), _folder.Text[..300]);
        RunnerResult result = _folder.RunInside(RunnerFolder.TrainArguments(option, value, "--epochs", "1")).Succeeded();
        Assert.Equal(["data.txt", .. new[] { "", ".checkpoint", ".csv", ".html", ".json", ".svg" }.Select(end => RunnerFolder.Model + end)], _folder.Files);
        if (option == "--seed")
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"seed {ulong.MaxValue}"), result.Error, StringComparison.Ordinal);
    }

    [UnixFact]
    public void Network_larger_than_the_memory_ends_with_one_line()
    {
        // 65,536 units need 64 GiB for one matrix. The heap is bounded because the runtime would else reserve more addresses than allowed.
        var environment = new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" };
        _folder.Unchanged(() => _folder.Run(RunnerFolder.TrainArguments("--hidden", "65536"), environment, "ulimit -v 8000000")
            .Failed(ExitCodes.OutOfMemory, "not enough memory"));
    }

    [Fact]
    public void Unknown_instruction_set_is_refused() =>
        _folder.Unchanged(() => _folder.Run(RunnerFolder.TrainArguments(), new Dictionary<string, string> { ["FASTRNN_ISA"] = "neon" })
            .Failed(ExitCodes.Device, "FASTRNN_ISA=neon", "expected scalar, avx2 or avx512"));
}
