using System.CommandLine;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>A model that a verb uses: what its task needs to evaluate it or to predict with it.</summary>
/// <param name="Parsed">The options of the verb.</param>
/// <param name="Model">The network.</param>
/// <param name="Info">What its file tells.</param>
/// <param name="Path">The file, for messages.</param>
/// <param name="Output">Where results go, as text or as JSON.</param>
/// <param name="Weights">How inference is to store them; what measures compares them with float32 ones.</param>
/// <param name="Device">Where it computes, for JSON; null for the CPU.</param>
/// <param name="Cancellation">The first Ctrl-C.</param>
internal sealed record ModelUse(
    ParseResult Parsed, Sequential Model, ModelInfo Info, string Path, Output Output, WeightPrecision Weights, string? Device, CancellationToken Cancellation);

/// <summary>The verbs that use a model in the way of its task.</summary>
internal static class UseCommands
{
    /// <summary>fastrnn eval</summary>
    public static Command Eval(Output output, CancellationToken cancellation)
    {
        Option<string> data = CommonOptions.NotEmpty(
            new Option<string>("--data") { Description = "What to measure on, in the form that the model was trained on", Required = true, HelpName = "FILE" });
        TaskKind[] kinds = TaskKinds.Create();
        return Create(
            new Command("eval", "How good a model is: loss and the figures of its task"), kinds, kind => kind.EvalOptions, data, 0, null,
            (kind, use) => kind.Evaluate(use, use.Parsed.GetRequiredValue(data)), output, cancellation);
    }

    /// <summary>fastrnn predict</summary>
    public static Command Predict(Output output, CancellationToken cancellation)
    {
        Option<string?> data = CommonOptions.NotEmpty(
            new Option<string?>("--data") { Description = "What to predict from; standard input unless given", HelpName = "FILE" });
        TaskKind[] kinds = TaskKinds.Create();
        return Create(
            new Command("predict", "What a model says: one line out for each line in, or what its task asks for"), kinds, kind => kind.PredictOptions, data, 1, CommonOptions.StepByStep,
            (kind, use) => Predict(kind, use, use.Parsed.GetValue(data)), output, cancellation);
    }

    private static void Predict(TaskKind kind, ModelUse use, string? data)
    {
        use.Model.InferenceWeights = use.Weights;
        WeightReport.Announce(use.Weights, use.Path, use.Output);
        kind.Predict(use, data);
    }

    private static Command Create(
        Command command, TaskKind[] kinds, Func<TaskKind, IReadOnlyList<Option>> options, Option data, int threadsUnlessGiven, CpuReason? reason,
        Action<TaskKind, ModelUse> run, Output output, CancellationToken cancellation)
    {
        Option<string> model = CommonOptions.Model();
        Option<int> threads = CommonOptions.Number("--threads", threadsUnlessGiven, 0, 1024, "Threads that compute; 0 takes all cores");
        Option<string> device = CommonOptions.Device();
        Option<bool> json = CommonOptions.Json("One JSON object on standard output; of predict one for each answer, a line each");
        Option<string> weights = WeightReport.Option();
        foreach (Option option in (Option[])[model, data, weights, threads, device, json])
            command.Options.Add(option);
        TaskKinds.AddOptions(command, kinds, options);
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            WeightPrecision stored = WeightReport.Parse(parsed.GetRequiredValue(weights));
            using ComputeDevice computing = ComputeDevice.Open(
                DeviceChoice.Parse(parsed.GetRequiredValue(device)), parsed.GetValue(threads), null, output, WeightReport.OnCpu(stored) ?? reason);
            return computing.Run(() => Use(parsed, computing, stored));
        });
        return command;

        int Use(ParseResult parsed, ComputeDevice computing, WeightPrecision stored)
        {
            string path = parsed.GetRequiredValue(model);
            (Sequential network, ModelInfo info) = ModelFiles.Open(path, computing.Backend, cancellation);
            TaskKind kind = kinds.SingleOrDefault(one => one.Name == info.Task)
                ?? throw new CliException(ExitCodes.BadInput, $"{path}: task '{info.Task}', expected {string.Join(" or ", kinds.Select(one => one.Name))}");
            TaskKinds.CheckOptions(parsed, kind, kinds, options);
            run(kind, new ModelUse(parsed, network, info, path, output, stored, computing.Unusual, cancellation));
            return cancellation.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Ok;
        }
    }
}
