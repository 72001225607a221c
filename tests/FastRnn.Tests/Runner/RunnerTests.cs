using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>What the verbs promise to people and to scripts: streams, exit codes, JSON, the files beside a model.</summary>
public sealed class RunnerTests : IDisposable
{
    private readonly RunnerFolder _folder = RunnerFolder.Trained();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "train eval sample info convert run verify generate doctor --version 130")]
    [InlineData("train", "--task --data --cell --activation tanh relu --embedding --hidden --layers --dropout --batch --time-steps --epochs --optimizer --learning-rate --weight-drop --momentum --weight-decay --schedule --schedule-epochs --schedule-factor --warm-up "
        + "--clip-norm --seed --threads --device --out --resume --checkpoint-every --validation-split --patience --json")]
    [InlineData("eval", "--model --data --batch --threads --device cpu opencl:INDEX auto --json")]
    [InlineData("sample", "--model --prime --length --temperature --top-k --top-p --greedy --seed --threads --device --json")]
    [InlineData("info", "<model> --json")]
    [InlineData("generate", "--series sine noisy-sine --length --period --noise --seed --out")]
    [InlineData("doctor", "--json")]
    public void Help_lists_everything_and_is_a_result(string verb, string words)
    {
        RunnerResult result = (verb.Length == 0 ? _folder.Run("--help") : _folder.RunInside(verb, "--help")).Succeeded();
        Assert.Empty(result.Error);
        Assert.Contains($"Usage:\n  fastrnn {verb}".TrimEnd(), result.Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        foreach (string word in words.Split(' '))
            Assert.Contains(word, result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_is_the_library_s()
    {
        RunnerResult result = _folder.Run("--version").Succeeded();
        Assert.StartsWith(typeof(Trainer).Assembly.GetName().Version!.ToString(3), result.Output, StringComparison.Ordinal);
    }

    // ---- train ---------------------------------------------------------------------------------------------------------------

    [Fact]
    public void Training_prints_results_to_one_stream_and_everything_else_to_the_other()
    {
        RunnerResult result = _folder.Train("--seed", "42").Succeeded();
        string[] lines = result.Output.Split('\n');
        Assert.Matches(@"^validation loss \d\.\d{4} nats per character \(epoch 2\), perplexity \d+\.\d{3}$", lines[0]);
        Assert.Equal($"model {RunnerFolder.Model}", lines[1]);
        Assert.Equal("", lines[2]);
        Assert.Equal(300 + 1, string.Join('\n', lines[3..]).Length); // the sample and its line end
        Assert.Contains($"cpu {Isa.Name(Isa.Current)}, 1 thread, seed 42\n", result.Error, StringComparison.Ordinal);
        Assert.Contains("epoch 1/2: train ", result.Error, StringComparison.Ordinal);
        Assert.Contains("epoch 2/2: train ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Output + result.Error); // neither stream is a terminal
    }

    [Fact]
    public void Training_as_json_has_the_documented_shape_and_agrees_with_the_log()
    {
        JsonElement train = Json.Object(_folder.Train("--epochs", "3", "--threads", "2", "--json").Succeeded().Output);
        Assert.Equal(
            "task:String, cell:String, seed:Number, isa:String, threads:Number, device:String, parameters:Number, epochs:Array, "
            + "best_epoch:Number, best_validation_loss:Number, model:String, interrupted:Boolean", Json.Shape(train));
        Assert.Equal("char-lm lstm 1 " + Isa.Name(Isa.Current) + " 2 cpu 1124 m.safetensors False", string.Join(
            ' ', ((string[])["task", "cell", "seed", "isa", "threads", "device", "parameters", "model", "interrupted"]).Select(key => train.GetProperty(key))));

        JsonElement[] epochs = [.. train.GetProperty("epochs").EnumerateArray()];
        string[] rows = File.ReadAllLines(_folder.At(RunnerFolder.Log));
        Assert.Equal("epoch,train_loss,validation_loss,tokens_per_second,seconds", rows[0]);
        Assert.Equal(3, epochs.Length);
        Assert.Equal(3, rows.Length - 1);
        for (int i = 0; i < epochs.Length; i++)
        {
            Assert.Equal("epoch:Number, train_loss:Number, validation_loss:Number, tokens_per_second:Number, seconds:Number", Json.Shape(epochs[i]));
            Assert.Equal(i + 1, epochs[i].GetProperty("epoch").GetInt32());
            double[] row = [.. rows[i + 1].Split(',').Select(text => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture))];
            Assert.Equal(epochs[i].EnumerateObject().Take(3).Select(property => property.Value.GetDouble()), row[..3]);
            Assert.True(row[3] > 0 && row[4] >= 0);
        }
        double[] losses = [.. epochs.Select(epoch => epoch.GetProperty("validation_loss").GetDouble())];
        Assert.Equal(losses.Min(), train.GetProperty("best_validation_loss").GetDouble());
        Assert.Equal(losses.Min(), losses[train.GetProperty("best_epoch").GetInt32() - 1]);
        Assert.True(losses[^1] < losses[0], "three epochs did not make the loss smaller");
    }

    [Fact]
    public void Training_without_validation_has_null_and_empty_where_it_would_be()
    {
        JsonElement train = Json.Object(_folder.Train("--validation-split", "0", "--json").Succeeded().Output);
        Assert.Equal(JsonValueKind.Null, train.GetProperty("best_validation_loss").ValueKind);
        Assert.All(train.GetProperty("epochs").EnumerateArray(), epoch => Assert.Equal(JsonValueKind.Null, epoch.GetProperty("validation_loss").ValueKind));
        Assert.All(File.ReadAllLines(_folder.At(RunnerFolder.Log))[1..], row => Assert.Equal("", row.Split(',')[2]));
        XDocument.Load(_folder.At(RunnerFolder.Plot));
    }

    [Fact]
    public void Plot_is_well_formed_whatever_the_data_s_name_is()
    {
        const string name = "a&b <c> \"d\" ']]>' é😀.txt";
        File.Copy(_folder.At(RunnerFolder.Data), _folder.At(name));
        _folder.RunInside(RunnerFolder.TrainArguments("--data", name)).Succeeded();
        XDocument plot = XDocument.Load(_folder.At(RunnerFolder.Plot));
        XNamespace svg = "http://www.w3.org/2000/svg";
        Assert.Equal(svg + "svg", plot.Root!.Name);
        Assert.Contains(plot.Descendants(svg + "text"), text => text.Value.StartsWith(name, StringComparison.Ordinal));
        XElement[] curves = [.. plot.Descendants(svg + "g").Elements(svg + "path").Where(path => path.Attribute("class")!.Value.StartsWith("line", StringComparison.Ordinal))];
        Assert.Equal(2, curves.Length); // training and validation, a point for each of two epochs
        Assert.All(curves, curve => Assert.Equal(2, curve.Attribute("d")!.Value.Split('L').Length));
        foreach (string point in curves.SelectMany(curve => curve.Attribute("d")!.Value[1..].Split('L')))
        {
            double[] xy = [.. point.Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
            Assert.True(xy[0] is >= 0 and <= 640 && xy[1] is >= 0 and <= 400, $"{point} lies outside the picture");
        }
    }

    [Fact]
    public void Page_tells_what_the_run_did()
    {
        _folder.Train("--schedule", "cosine").Succeeded();
        string page = File.ReadAllText(_folder.At(RunnerFolder.Page));
        foreach (string part in new[] { "Validation loss", "perplexity", "Loss", "learning rate", "gradient norm", "Samples", "Temperature 0.8", "Settings", "schedule" })
            Assert.Contains(part, page, StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"notice\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Patience_ends_a_run_that_gets_no_better()
    {
        string[] options = ["--learning-rate", "0.5", "--epochs", "200", "--patience", "3", "--json"];
        RunnerResult result = _folder.Train(options).Succeeded();
        JsonElement train = Json.Object(result.Output);
        Assert.Contains("no better loss for 3 epochs: stopped", result.Error, StringComparison.Ordinal);
        Assert.Equal(train.GetProperty("best_epoch").GetInt32() + 3, train.GetProperty("epochs").GetArrayLength());
    }

    [Fact]
    public void Bits_depend_on_the_seed_and_not_on_threads_or_instruction_set()
    {
        byte[] expected = _folder.Read(RunnerFolder.Model);
        foreach (IsaLevel level in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            string name = Isa.Name(level);
            RunnerResult result = _folder.Run(
                RunnerFolder.TrainArguments("--threads", "2"), new Dictionary<string, string> { ["FASTRNN_ISA"] = name }).Succeeded();
            Assert.Contains($"cpu {name}, 2 threads, seed 1", result.Error, StringComparison.Ordinal);
            Assert.Equal(expected, _folder.Read(RunnerFolder.Model));
        }
        _folder.Train("--seed", "2").Succeeded();
        Assert.NotEqual(expected, _folder.Read(RunnerFolder.Model));
    }

    // ---- eval, info, doctor ----------------------------------------------------------------------------------------------------

    [Fact]
    public void Evaluation_is_the_library_s_and_its_figures_fit_together()
    {
        string[] arguments = ["eval", "--model", RunnerFolder.Model, "--data", RunnerFolder.Data, "--batch", "7"];
        RunnerResult result = _folder.Run([.. arguments, "--json"]).Succeeded();
        JsonElement eval = Json.Object(result.Output);
        Assert.Equal("loss:Number, perplexity:Number, bits_per_character:Number, tokens:Number", Json.Shape(eval));
        using var backend = new CpuBackend(threads: 1);
        var (model, info) = _folder.Load(backend);
        ChunkSequence chunks = TextDataset.Open(_folder.At(RunnerFolder.Data), info.Vocabulary).Chunks(7, 100);
        double loss = new Trainer(model, Loss.CrossEntropy, new Sgd(1)).Evaluate(chunks);
        Assert.Equal(loss, eval.GetProperty("loss").GetDouble());
        Assert.Equal(Math.Exp(loss), eval.GetProperty("perplexity").GetDouble(), 1e-12);
        Assert.Equal(loss / Math.Log(2), eval.GetProperty("bits_per_character").GetDouble(), 1e-12);
        Assert.Equal((RunnerFolder.Characters - 1) / 7 * 7, eval.GetProperty("tokens").GetInt32());
        Assert.Equal(result.Output, _folder.Run([.. arguments, "--json", "--threads", "2"]).Succeeded().Output);
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"loss {loss:F4} nats per character, perplexity {Math.Exp(loss):F3}, {loss / Math.Log(2):F4} bits per character, 2996 characters\n"),
            _folder.RunInside(arguments).Succeeded().Output.ReplaceLineEndings("\n"));
    }

    /// <summary>The loss that training reported as its best is the one that its model has on the same characters.</summary>
    [Fact]
    public void Evaluation_agrees_with_training()
    {
        double best = Json.Object(_folder.RunInside("info", RunnerFolder.Model, "--json").Succeeded().Output).GetProperty("validation_loss").GetDouble();
        File.WriteAllText(_folder.At("last.txt"), _folder.Text[(RunnerFolder.Characters * 9 / 10)..]);
        JsonElement eval = Json.Object(
            _folder.RunInside("eval", "--model", RunnerFolder.Model, "--data", "last.txt", "--batch", "4", "--json").Succeeded().Output);
        Assert.Equal(best, eval.GetProperty("loss").GetDouble(), 1e-9);
    }

    [Theory]
    [InlineData(RunnerFolder.Model)]
    [InlineData(RunnerFolder.Checkpoint)]
    public void Info_tells_what_the_file_holds(string name)
    {
        JsonElement info = Json.Object(_folder.Run("info", name, "--json").Succeeded().Output);
        Assert.Equal(
            "model:String, format:String, task:String, layers:Array, parameters:Number, vocabulary:Number, seed:Number, library_version:String, "
            + "data:String, epochs:Number, best_epoch:Number, validation_loss:Number, options:Object", Json.Shape(info));
        Assert.Equal(
            ["embedding(vocabulary 52, size 4)", "lstm(input 4, hidden 8)", "linear(input 8, output 52)"],
            info.GetProperty("layers").EnumerateArray().Select(layer => layer.GetString()));
        Assert.Equal($"{name} char-lm 1124 52 1 data.txt 2", string.Join(
            ' ', ((string[])["model", "task", "parameters", "vocabulary", "seed", "data", "epochs"]).Select(key => info.GetProperty(key))));
        Assert.Equal("0.01", info.GetProperty("options").GetProperty("learning-rate").GetString());
        string text = _folder.RunInside("info", name).Succeeded().Output;
        foreach (string part in (string[])["lstm(input 4, hidden 8)", "1,124", "char-lm", "data.txt, 2 epochs"])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_examines_every_instruction_set_that_there_is()
    {
        JsonElement doctor = Json.Object(_folder.Run("doctor", "--json").Succeeded().Output);
        Assert.Equal(
            "version:String, runtime:String, compiled:String, os:String, cpu:String, cores:Number, memory_gib:Number, isa_widest:String, isa_in_use:String, "
            + "ok:Boolean, checks:Array, opencl:Object", Json.Shape(doctor));
        Assert.True(doctor.GetProperty("ok").GetBoolean());
        Assert.Equal(Isa.Name(Isa.Widest), doctor.GetProperty("isa_widest").GetString());
        JsonElement[] checks = [.. doctor.GetProperty("checks").EnumerateArray()];
        Assert.All(checks, check => Assert.Equal("name:String, ok:Boolean, detail:String", Json.Shape(check)));
        // The program compiled for AVX-512 has no other kernels; the one for AVX2 beside it has.
        bool widestOnly = doctor.GetProperty("compiled").GetString() == "ahead of time for x86-64-v4";
        Assert.Equal(
            Enum.GetValues<IsaLevel>().Where(level => level == Isa.Widest || (level < Isa.Widest && !widestOnly)).Select(level => "kernels " + Isa.Name(level)),
            checks.Select(check => check.GetProperty("name").GetString()).Where(name => name!.StartsWith("kernels ", StringComparison.Ordinal)));

        RunnerResult forced = _folder.Run(["doctor"], new Dictionary<string, string> { ["FASTRNN_ISA"] = "scalar" }).Succeeded();
        Assert.Contains("scalar in use", forced.Output, StringComparison.Ordinal);
        Assert.Contains("kernels scalar", forced.Output, StringComparison.Ordinal);
        Assert.Empty(forced.Error);
    }

    [UnixFact]
    public void Result_that_cannot_be_printed_is_a_failure() =>
        _folder.Run(["doctor", "--json"], null, "exec > /dev/full").Failed(ExitCodes.BadInput, "No space left on device");
}
