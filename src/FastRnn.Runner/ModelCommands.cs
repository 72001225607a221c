using System.CommandLine;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Opens model files for the verbs that use one.</summary>
internal static class ModelFiles
{
    public static (Sequential Model, ModelInfo Info) Open(string path, Backend backend, CancellationToken cancellation = default)
    {
        RunFiles.RequireFile(path);
        return ModelFile.Load(path, backend, cancellation);
    }

    /// <summary>A character model with its vocabulary.</summary>
    public static (Sequential Model, Vocabulary Vocabulary) OpenCharLm(string path, Backend backend, CancellationToken cancellation)
    {
        (Sequential model, ModelInfo info) = Open(path, backend, cancellation);
        return (model, CharLmVocabulary(model, info, path));
    }

    public static Vocabulary CharLmVocabulary(Sequential model, ModelInfo info, string path)
    {
        if (!model.TakesTokens || info.Vocabulary is not { } vocabulary)
            throw new CliException(ExitCodes.BadInput, $"{path}: task '{info.Task}' without a vocabulary, expected a char-lm model");
        return model.OutputSize == vocabulary.Count
            ? vocabulary
            : throw new CliException(ExitCodes.BadInput, $"{path}: {model.OutputSize} outputs for a vocabulary of {vocabulary.Count}");
    }
}

/// <summary>fastrnn sample</summary>
internal static class SampleCommand
{
    public static Command Create(Output output, CancellationToken cancellation)
    {
        Option<string> model = CommonOptions.Model();
        var prime = new Option<string>("--prime") { Description = "Text to go on from; it is not repeated", DefaultValueFactory = _ => "", HelpName = "TEXT" };
        Option<int> length = CommonOptions.Number("--length", 500, 0, int.MaxValue, "Characters to draw");
        Option<double> temperature = CommonOptions.Real("--temperature", 1, x => x >= 0, "0 or more", "Below 1 safer, above 1 bolder; 0 takes the likeliest");
        Option<int> topK = CommonOptions.Number("--top-k", 0, 0, int.MaxValue, "Draw from the likeliest K only; 0 is off");
        Option<double> topP = CommonOptions.Real("--top-p", 1, x => x is > 0 and <= 1, "above 0 to 1", "Draw from the likeliest that make up P only");
        var greedy = new Option<bool>("--greedy") { Description = "Always take the likeliest; the same as --temperature 0" };
        Option<ulong> seed = CommonOptions.Seed();
        Option<int> threads = CommonOptions.Number("--threads", 1, 0, 1024, "Threads that compute; 0 takes all cores");
        Option<bool> json = CommonOptions.Json();
        Option<string> weights = WeightReport.Option();
        Option<string> device = CommonOptions.Device();
        var command = new Command("sample", "Draw text from a model")
        {
            model, prime, length, temperature, topK, topP, greedy, seed, weights, threads, device, json,
        };
        command.SetAction(parsed =>
        {
            ulong start = parsed.GetValue(seed);
            output.Json = parsed.GetValue(json);
            WeightPrecision stored = WeightReport.Parse(parsed.GetRequiredValue(weights));
            using ComputeDevice computing = ComputeDevice.Open(
                DeviceChoice.Parse(parsed.GetRequiredValue(device)), parsed.GetValue(threads), start, output, WeightReport.OnCpu(stored) ?? CommonOptions.StepByStep,
                infers: true);
            (Sequential network, Vocabulary vocabulary) = ModelFiles.OpenCharLm(parsed.GetRequiredValue(model), computing.Backend, cancellation);
            network.InferenceWeights = stored;
            WeightReport.Announce(network.InferenceWeights, parsed.GetRequiredValue(model), output);
            double heat = parsed.GetValue(greedy) ? 0 : parsed.GetValue(temperature);
            var sampler = new Sampler(start, heat, parsed.GetValue(topK), parsed.GetValue(topP));
            string known = KnownText(parsed.GetRequiredValue(prime), vocabulary);
            var text = new StringWriter();
            TextSampling.Write(
                network, vocabulary, known, parsed.GetValue(length), sampler, output.Json ? text : output.Result, cancellation);
            if (output.Json)
                output.WriteJson(new SampleResult(text.ToString(), start, computing.Unusual));
            else
                output.Result.WriteLine();
            return cancellation.IsCancellationRequested ? ExitCodes.Interrupted : ExitCodes.Ok;
        });
        return command;
    }

    private static string KnownText(string prime, Vocabulary vocabulary)
    {
        try
        {
            _ = vocabulary.Encode(prime);
            return prime;
        }
        catch (UnknownSymbolException e)
        {
            throw new CliException(ExitCodes.BadInput, $"--prime: {e.Message}");
        }
    }
}
