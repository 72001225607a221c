using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>fastrnn train</summary>
internal static class TrainCommand
{
    public static Command Create(Output output, CancellationToken cancellation)
    {
        TaskKind[] kinds = TaskKinds.Create();
        Option<string> task = CommonOptions.Choice(
            "--task", "char-lm", $"What to learn ({string.Join("; ", kinds.Select(kind => $"{kind.Name}: {kind.Summary}"))})", [.. kinds.Select(kind => kind.Name)]);
        Option<string> data = CommonOptions.NotEmpty(
            new Option<string>("--data") { Description = "Training data: a file, or a folder where the task reads one", Required = true, HelpName = "FILE" });
        Option<string> cell = CommonOptions.Choice("--cell", "lstm", "Recurrent cell", "lstm", "gru", "rnn");
        Option<string> activation = CommonOptions.Choice("--activation", TrainOptions.UsualActivation, "Function of --cell rnn", TrainOptions.UsualActivation, "relu");
        Option<int> hidden = CommonOptions.Number("--hidden", 128, 1, 65_536, "Units of a recurrent layer");
        Option<int> layers = CommonOptions.Number("--layers", 2, 1, 100, "Recurrent layers");
        Option<double> dropout = CommonOptions.Real("--dropout", 0, x => (float)x is >= 0 and < 1, "0 to below 1", "Dropout between layers");
        Option<double> weightDrop = CommonOptions.Real(
            "--weight-drop", 0, x => (float)x is >= 0 and < 1, "0 to below 1", "Share of recurrent weights that each window of training leaves out");
        Option<int> batch = CommonOptions.Number("--batch", 50, 1, 1_000_000, "Samples, or streams of a text, that are trained side by side");
        Option<int> epochs = CommonOptions.Number("--epochs", 10, 1, 1_000_000, "Passes over the data");
        var update = new UpdateOptions();
        Option<ulong> seed = CommonOptions.Seed();
        Option<int> threads = CommonOptions.Threads();
        Option<string> device = CommonOptions.Device();
        Option<string?> model = CommonOptions.NotEmpty(
            new Option<string?>("--out") { Description = "Model file to write; by default the data's name with .safetensors", HelpName = "MODEL" });
        var resume = new Option<bool>("--resume") { Description = "Go on from MODEL.checkpoint, to the bit as if never stopped" };
        Option<int> every = CommonOptions.Number("--checkpoint-every", 0, 0, int.MaxValue, "Steps between checkpoints; 0 saves after each epoch");
        Option<int> patience = CommonOptions.Number("--patience", 0, 0, 1_000_000, "Stop after so many epochs without a better loss; 0 is off");
        Option<long> memory = CommonOptions.Bytes(
            "--memory-limit", "Most memory that training may hold, as 2GiB or 500MiB; 0 is any. More ends with exit code 4 before it starts");
        var recompute = new Option<bool>("--recompute") { Description = "Windows over 64 steps in less memory and more time: the same bits" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> config = Configuration.Option();
        var command = new Command("train", "Train a model. Ctrl-C saves a checkpoint and ends; --resume goes on.")
        {
            task, data, cell, activation, hidden, layers, dropout, weightDrop, batch, epochs, seed, threads, device,
            model, resume, every, patience, memory, recompute, config, json,
        };
        update.AddTo(command);
        TaskKinds.AddOptions(command, kinds, kind => kind.Options);
        command.SetAction(parsed =>
        {
            TaskKind kind = kinds.Single(one => one.Name == parsed.GetRequiredValue(task));
            TaskKinds.CheckOptions(parsed, kind, kinds, one => one.Options);
            if (parsed.GetResult(activation) is { Implicit: false } && parsed.GetValue(cell) != "rnn")
                throw new CliException(ExitCodes.Usage, $"{activation.Name} goes with {cell.Name} rnn");
            string file = parsed.GetRequiredValue(data);
            var options = new TrainOptions
            {
                Data = file,
                Cell = parsed.GetRequiredValue(cell),
                Activation = parsed.GetRequiredValue(activation),
                Hidden = parsed.GetValue(hidden),
                Layers = parsed.GetValue(layers),
                Dropout = (float)parsed.GetValue(dropout),
                WeightDrop = (float)parsed.GetValue(weightDrop),
                Batch = parsed.GetValue(batch),
                Epochs = parsed.GetValue(epochs),
                Update = update.Read(parsed, parsed.GetValue(epochs)),
                Seed = parsed.GetValue(seed),
                Model = parsed.GetValue(model) ?? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(file)) + ".safetensors",
                Resume = parsed.GetValue(resume),
                CheckpointEvery = parsed.GetValue(every),
                Patience = parsed.GetValue(patience),
                MemoryLimit = parsed.GetValue(memory),
                Recompute = parsed.GetValue(recompute),
            };
            output.Json = parsed.GetValue(json);
            using ComputeDevice computing = ComputeDevice.Open(
                DeviceChoice.Parse(parsed.GetRequiredValue(device)), parsed.GetValue(threads), options.Seed, output,
                options.MemoryLimit > 0 ? new CpuReason($"{memory.Name} counts the memory of the CPU alone", Must: true) : null);
            RunFiles.CheckWritable(options.Model, options.Data);
            RunFiles.CheckConfiguration(options.Model, parsed.GetValue(config));
            TrainingTask learnt = kind.Create(parsed, options, output);
            void Record() => EffectiveConfiguration.Write(
                RunFiles.Configuration(options.Model), parsed, kinds.SelectMany(one => one.Options).Except(kind.Options), options.Fixed(learnt),
                ("version", CommonOptions.Version), ("seed", $"{options.Seed}"), ("isa", computing.IsaName), ("threads", $"{computing.Threads}"), ("device", computing.Name));

            return new TrainingRun(options, learnt, computing, output, cancellation) { Started = Record }.Run();
        });
        return command;
    }
}
