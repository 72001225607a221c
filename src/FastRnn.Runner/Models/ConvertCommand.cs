using System.CommandLine;
using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Audio;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Graphs;
using FastRnn.Layers;

namespace FastRnn.Runner;

internal sealed record ConvertResult(string Source, string SourceFormat, string Model, double LargestDifference, int Outputs, IReadOnlyList<string> Notes) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Source).Add(SourceFormat).Add(Model).Add(LargestDifference).Add(Outputs).Add(Notes);
}

/// <summary>fastrnn convert</summary>
internal static class ConvertCommand
{
    private const string Known = ".safetensors, .onnx or .json";

    public static Command Create(Output output, CancellationToken cancellation)
    {
        Argument<string> source = ImportChoices.File("in", "Model file of any kind that is known: see fastrnn info", "source");
        Argument<string> target = ImportChoices.File("out", $"File to write; its end tells the kind: .safetensors (FastRnn, PyTorch's names), .onnx, .json (RTNeural)", "target");
        var states = new Option<bool>("--states") { Description = "ONNX: states of recurrent layers as inputs and outputs of the graph, so that a sequence can be given in parts" };
        Option<bool> json = CommonOptions.Json();
        var choices = new ImportChoices(takesNonFinite: false);
        var command = new Command("convert", "Write a model as a file of another kind, read that back and compare both on a probe") { source, target, states, json };
        choices.AddTo(command);
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            (string from, string to) = (parsed.GetRequiredValue(source), parsed.GetRequiredValue(target));
            Action<Sequential, ModelInfo, string> write = Writer(to, parsed.GetValue(states));
            RunFiles.RequireFile(from);
            if (RunFiles.SameFile(from, to))
                throw new CliException(ExitCodes.BadInput, $"{to}: would replace the source; give it another name");
            using CpuBackend backend = CommonOptions.OpenBackend(1, null, output, infers: true);
            using ImportedModel model = ImportChoices.Open(from, backend, choices.Of(parsed), cancellation);
            Sequential layers = model.Sequential
                ?? throw new CliException(ExitCodes.BadInput, $"{from}: is a graph of operators that is no stack of FastRnn's layers; only such can be written");
            var notes = new List<string>(model.Notes);
            ModelInfo info = model.Info with { Metadata = Kept(model.Metadata, to, notes) };
            (double difference, int outputs) = (0, 0);
            AtomicFile.Replace(to, beside =>
            {
                write(layers, info, beside);
                (difference, outputs) = Compare(layers, info, beside, to, backend, cancellation);
            });
            Show(output, new ConvertResult(from, model.Format, to, difference, outputs, notes));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string Kind(string path) => Path.GetExtension(path).ToUpperInvariant();

    private static Action<Sequential, ModelInfo, string> Writer(string path, bool states)
    {
        string kind = Kind(path);
        if (states && kind != ".ONNX")
            throw new CliException(ExitCodes.Usage, $"--states goes with .onnx, the target is {path}");
        return kind switch
        {
            ".SAFETENSORS" => ModelFile.Save,
            ".ONNX" => (model, info, file) => OnnxExport.Save(model, info, file, new OnnxExportOptions { States = states }),
            ".JSON" => (model, info, file) => RtNeuralExport.Save(model, file, info.Metadata),
            _ => throw new CliException(ExitCodes.Usage, $"the target is {path}, expected the end {Known}"),
        };
    }

    /// <summary>What the source says of itself, as far as the target can say it, with a note of the rest.</summary>
    private static Dictionary<string, string> Kept(IReadOnlyDictionary<string, string> metadata, string target, List<string> notes)
    {
        (Dictionary<string, string> kept, List<string> left) = OtherMetadata.Fitting(metadata, name => Kind(target) != ".JSON" || !RtNeuralExport.IsReserved(name));
        if (left.Count > 0)
            notes.Add($"the target has no place for what the source says of itself as {OtherMetadata.Some(left)}");
        return kept;
    }

    /// <summary>Runs both on the probe of the source, which is not that of another file.</summary>
    /// <param name="source">What was to be written.</param>
    /// <param name="info">What goes with it.</param>
    /// <param name="file">Where it is.</param>
    /// <param name="target">Where it will be.</param>
    /// <param name="backend">For both.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="CliException">They differ by more than a probe may.</exception>
    private static (double Largest, int Outputs) Compare(
        Sequential source, ModelInfo info, string file, string target, CpuBackend backend, CancellationToken cancellation)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using ImportedModel written = ModelImport.Load(stream, target, backend, new ImportOptions(), cancellation);
        GraphTensor input = ProbeInput(Probe.Record(source, info.Layers), source);
        GraphTensor expected = new RunnableModel(source).Run([input])[0], actual = new RunnableModel(written).Run([input])[0];
        if (expected.Length != actual.Length)
            throw new CliException(ExitCodes.BadInput, $"{target}: what was written has {actual.Length} outputs on the probe, the source {expected.Length}");
        double largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double y = expected.Values<float>()[i], difference = Math.Abs(y - actual.Values<float>()[i]);
            largest = Math.Max(largest, difference);
            if (!(difference <= Probe.Tolerance * Math.Max(1, Math.Abs(y))))
            {
                throw new CliException(ExitCodes.BadInput, string.Create(
                    CultureInfo.InvariantCulture, $"{target}: what was written is not the source: output {i} of the probe is {actual.Values<float>()[i]} instead of {y}"));
            }
        }
        return (largest, expected.Length);
    }

    private static GraphTensor ProbeInput(ProbeRecord probe, Sequential model) => probe.Tokens is { } tokens
        ? GraphTensor.Of<long>(Array.ConvertAll(tokens, token => (long)token), tokens.Length, 1)
        : GraphTensor.Of<float>(probe.Values!, probe.Values!.Length / model.InputSize, 1, model.InputSize);

    private static void Show(Output output, ConvertResult result)
    {
        if (output.Json)
        {
            output.WriteJson(result);
            return;
        }
        TextWriter text = output.Result;
        text.WriteLine($"source       {result.Source}: {result.SourceFormat}");
        text.WriteLine($"model        {result.Model}");
        foreach (string note in result.Notes)
            text.WriteLine($"note         {note}");
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"difference   {result.LargestDifference:G3} at most in {result.Outputs} outputs of the probe"));
    }
}
