using System.CommandLine;
using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;

namespace FastRnn.Runner;

internal sealed record InfoResult(
    string Model, string Format, string Task, IReadOnlyList<string> Layers, long Parameters, int? Vocabulary, ulong Seed, string LibraryVersion,
    string? Data, int? Epochs, int? BestEpoch, double? ValidationLoss, IReadOnlyDictionary<string, string>? Options,
    IReadOnlyList<string>? Classes = null,
    string? Series = null) : IJsonResult
{
    /// <summary>Of a model that FastRnn itself wrote.</summary>
    public bool Own { get; init; }

    public IReadOnlyList<string>? Inputs { get; init; }

    public IReadOnlyList<string>? Outputs { get; init; }

    public IReadOnlyList<string>? Operators { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public IReadOnlyList<string>? Notes { get; init; }

    public void Write(JsonFields fields) => fields
        .Add(Model).Add(Format).Add(Task).Add(Layers).Add(Parameters).Add(Vocabulary).Add(Seed).Add(LibraryVersion).Add(Data).Add(Epochs)
        .Add(BestEpoch).Add(ValidationLoss).Add(Options).AddKnown(Classes).AddKnown(Series)
        .AddKnown(Inputs).AddKnown(Outputs).AddKnown(Operators).AddKnown(Metadata).AddKnown(Notes);
}

/// <summary>fastrnn info</summary>
internal static class InfoCommand
{
    private const int LongestValue = 200;

    public static Command Create(Output output, CancellationToken cancellation)
    {
        Argument<string> model = ImportChoices.File("model", "Model or checkpoint file, or that of another program: safetensors, ONNX, Keras, RTNeural, …");
        Option<bool> json = CommonOptions.Json();
        var choices = new ImportChoices();
        var command = new Command("info", "What a model file holds") { model, json };
        choices.AddTo(command);
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            using CpuBackend backend = CommonOptions.OpenBackend(1, null, output, infers: true);
            string path = parsed.GetRequiredValue(model);
            using ImportedModel opened = ImportChoices.Open(path, backend, choices.Of(parsed), cancellation);
            InfoResult info = Describe(path, opened);
            if (output.Json)
                output.WriteJson(info);
            else
                Show(output.Result, info);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static InfoResult Describe(string path, ImportedModel opened)
    {
        ModelInfo info = opened.Info;
        TrainingSummary? training = info.Training;
        var runnable = new RunnableModel(opened);
        bool own = info.LibraryVersion.Length > 0;
        return new InfoResult(
            path, opened.Format, info.Task, [.. info.Layers.Select(layer => layer.ToString())], opened.Sequential?.ParameterCount ?? opened.Graph!.ConstantCount,
            info.Vocabulary?.Count ?? info.Words?.Count, info.Seed, info.LibraryVersion, training?.Data, training?.Epochs, training?.BestEpoch,
            training?.ValidationLoss, training?.Options, info.Classes?.Names, info.Series?.ToString())
        {
            Own = own,
            Inputs = own ? null : [.. runnable.Inputs.Select(GraphText.Value)],
            Outputs = own ? null : [.. runnable.Outputs.Select(GraphText.Value)],
            Operators = opened.Graph == null ? null : [.. opened.Graph.Operators.Select(GraphText.Plain)],
            Metadata = opened.Metadata.Count == 0 ? null : opened.Metadata,
            Notes = opened.Notes.Count == 0 ? null : opened.Notes,
        };
    }

    private static void Show(TextWriter text, InfoResult info)
    {
        void Line(string name, string? value)
        {
            if (value != null)
                text.WriteLine($"{name,-12} {GraphText.Line(value)}");
        }
        void Lines(string name, IReadOnlyList<string>? values)
        {
            for (int i = 0; values != null && i < values.Count; i++)
                Line(i == 0 ? name : "", values[i]);
        }

        Line("model", info.Model);
        Line("format", info.Format);
        Line("task", info.Own || info.Task.Length > 0 ? info.Task : null);
        Lines("layers", [.. info.Layers.Select((layer, i) => $"{i} {layer}")]);
        Lines("inputs", info.Inputs);
        Lines("outputs", info.Outputs);
        Line("operators", info.Operators == null ? null : string.Join(", ", info.Operators));
        Line("parameters", $"{info.Parameters:N0}");
        Lines("metadata", info.Metadata == null ? null : [.. info.Metadata.Select(item => $"{GraphText.Plain(item.Key)}: {ModelFormatException.Quote(item.Value, LongestValue)}")]);
        Lines("notes", info.Notes);
        if (!info.Own)
            return;
        Line("vocabulary", info.Vocabulary?.ToString(CultureInfo.InvariantCulture) ?? "none");
        Line("classes", info.Classes is { } classes ? $"{classes.Count}: {string.Join(", ", classes)}" : null);
        Line("series", info.Series);
        Line("seed", info.Seed.ToString(CultureInfo.InvariantCulture));
        Line("written by", $"fastrnn {info.LibraryVersion}");
        Line("trained on", FormattableString.Invariant(
            $"{info.Data ?? "unknown"}, {info.Epochs ?? 0} epochs, best {info.BestEpoch ?? 0}, loss {info.ValidationLoss?.ToString("F4", CultureInfo.InvariantCulture) ?? "unknown"}"));
    }
}
