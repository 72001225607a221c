using System.CommandLine;
using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;

namespace FastRnn.Runner;

internal sealed record RunOutput(string Name, string Type, int[] Shape, double? Least, double? Greatest, string? File) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Name).Add(Type).Add(Shape).Add(Least).Add(Greatest).AddKnown(File);
}

internal sealed record RunResult(string Model, string Format, IReadOnlyList<RunOutput> Outputs) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Model).Add(Format).Add(Outputs);
}

/// <summary>fastrnn run</summary>
internal static class RunCommand
{
    public static Command Create(Output output, CancellationToken cancellation)
    {
        Argument<string> model = ImportChoices.File("model", "Model file of any kind that is known: see fastrnn info");
        var inputs = new Option<string[]>("--input")
        {
            Description = $"A file ({TensorFile.Known}) for each input of the model; its NAME may be left out where there is one. A batch of one need not be there",
            HelpName = "NAME=FILE",
            Required = true,
        };
        var outputs = new Option<string[]>("--output")
        {
            Description = "Where an output goes, or a folder for all, as NAME.npy; unless given, only their sizes and ranges are shown",
            HelpName = "NAME=FILE|FOLDER",
        };
        Option<int> threads = CommonOptions.Number("--threads", 1, 0, 1024, "Threads that compute; 0 takes all cores");
        Option<bool> json = CommonOptions.Json();
        var choices = new ImportChoices();
        var command = new Command("run", "Run a model of any kind on tensors in files") { model, inputs, outputs, threads, json };
        choices.AddTo(command);
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            string path = parsed.GetRequiredValue(model);
            using CpuBackend backend = CommonOptions.OpenBackend(parsed.GetValue(threads), null, output, infers: true);
            using ImportedModel opened = ImportChoices.Open(path, backend, choices.Of(parsed), cancellation);
            var runnable = new RunnableModel(opened);
            GraphTensor[] read = Read(runnable, parsed.GetRequiredValue(inputs));
            string?[] files = Files(runnable, parsed.GetValue(outputs) ?? []);
            Show(output, new RunResult(path, opened.Format, Write(runnable, Run(runnable, read, path), files)));
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>What does not fit is the user's file, not a defect.</summary>
    private static GraphTensor[] Run(RunnableModel model, GraphTensor[] inputs, string path)
    {
        try
        {
            return model.Run(inputs);
        }
        catch (Exception e) when (e is ArgumentException or GraphException)
        {
            throw new CliException(ExitCodes.BadInput, $"{path}: {e.Message}");
        }
    }

    private static GraphTensor[] Read(RunnableModel model, string[] given)
    {
        var read = new GraphTensor?[model.Inputs.Count];
        foreach (string text in given)
        {
            (int index, string file) = Place(model.Inputs, text, "input");
            if (read[index] != null)
                throw new CliException(ExitCodes.Usage, $"--input {GraphText.Plain(model.Inputs[index].Name)} is given twice");
            RunFiles.RequireFile(file);
            read[index] = TensorFile.Read(file, model.Inputs[index].Type).Value;
        }
        int missing = Array.IndexOf(read, null);
        return missing < 0 ? Array.ConvertAll(read, tensor => tensor!) : throw new CliException(ExitCodes.Usage, $"the model takes {string.Join("; ", model.Inputs.Select(GraphText.Value))}: --input {GraphText.Plain(model.Inputs[missing].Name)}=FILE is missing");
    }

    /// <summary>A file for each output, or null.</summary>
    private static string?[] Files(RunnableModel model, string[] given)
    {
        var files = new string?[model.Outputs.Count];
        foreach (string text in given)
        {
            if (!text.Contains('=', StringComparison.Ordinal) && !TensorFile.IsKnown(text))
            {
                if (!Directory.Exists(text))
                    throw new CliException(ExitCodes.BadInput, $"{text}: no such folder, and no file that ends in {TensorFile.Known}");
                for (int i = 0; i < files.Length; i++)
                    files[i] ??= Path.Combine(text, FileName(model.Outputs[i].Name) + ".npy");
                continue;
            }
            (int index, string file) = Place(model.Outputs, text, "output");
            if (!TensorFile.IsKnown(file))
                throw new CliException(ExitCodes.Usage, $"--output {file}: a tensor's file ends in {TensorFile.Known}");
            files[index] = file;
        }
        RefuseTwice(model, files);
        return files;
    }

    /// <summary>One output would overwrite the other: names differ where names of files may not.</summary>
    private static void RefuseTwice(RunnableModel model, string?[] files)
    {
        for (int i = 0; i < files.Length; i++)
        {
            int other = files[i] is { } file ? Array.FindIndex(files, 0, i, before => before != null && RunFiles.SameFile(before, file)) : -1;
            if (other >= 0)
            {
                throw new CliException(
                    ExitCodes.BadInput, $"{files[i]}: would hold the outputs {GraphText.Plain(model.Outputs[other].Name)} and {GraphText.Plain(model.Outputs[i].Name)}; --output NAME=FILE gives one another name");
            }
        }
    }

    /// <summary>A name out of a file is none of a path.</summary>
    private static string FileName(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '_')).TrimStart('.') is { Length: > 0 } safe ? safe : "_";

    private static (int Index, string File) Place(IReadOnlyList<GraphValue> values, string text, string what)
    {
        int joint = text.IndexOf('=', StringComparison.Ordinal);
        if (joint < 0 && values.Count == 1)
            return (0, text);
        string name = joint < 0 ? "" : text[..joint];
        for (int i = 0; i < values.Count; i++)
        {
            if (values[i].Name == name && joint < text.Length - 1)
                return (i, text[(joint + 1)..]);
        }
        throw new CliException(ExitCodes.Usage, $"--{what} is '{text}', expected NAME=FILE with one of {string.Join(", ", values.Select(value => GraphText.Plain(value.Name)))}");
    }

    private static RunOutput[] Write(RunnableModel model, GraphTensor[] results, string?[] files)
    {
        var outputs = new RunOutput[results.Length];
        for (int i = 0; i < outputs.Length; i++)
        {
            if (files[i] is { } file)
                TensorFile.Write(file, new NamedTensor(model.Outputs[i].Name, results[i]));
            (double? least, double? greatest) = Range(results[i]);
            outputs[i] = new RunOutput(model.Outputs[i].Name, results[i].Type.Name(), results[i].Shape.ToArray(), least, greatest, files[i]);
        }
        return outputs;
    }

    private static (double? Least, double? Greatest) Range(GraphTensor tensor)
    {
        if (tensor.Length == 0)
            return (null, null);
        (double least, double greatest) = (double.PositiveInfinity, double.NegativeInfinity);
        for (int i = 0; i < tensor.Length; i++)
        {
            double value = tensor.Type switch
            {
                ElementType.Float32 => tensor.Values<float>()[i],
                ElementType.Float64 => tensor.Values<double>()[i],
                ElementType.Bool => tensor.Values<bool>()[i] ? 1 : 0,
                _ => tensor.Integer(i),
            };
            (least, greatest) = (Math.Min(least, value), Math.Max(greatest, value)); // NaN stays
        }
        return (least, greatest);
    }

    private static void Show(Output output, RunResult result)
    {
        if (output.Json)
        {
            output.WriteJson(result);
            return;
        }
        foreach (RunOutput one in result.Outputs)
        {
            string range = one.Least == null ? "" : string.Create(CultureInfo.InvariantCulture, $", {one.Least:G6} to {one.Greatest:G6}");
            output.Result.WriteLine($"{GraphText.Plain(one.Name)} {one.Type} {SafeText.Shape(one.Shape)}{range}{(one.File == null ? "" : $": {one.File}")}");
        }
    }
}
