using FastRnn.Layers;

namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>
/// Writes a model's weights as the state_dict of a PyTorch module that keeps its layers in fields, as modules are usually written: consecutive recurrent layers become one
/// stack. <see cref="ModelFile"/> writes what <c>torch.nn.Sequential</c> takes.
/// </summary>
public static class PyTorchExport
{
    /// <summary>Metadata value with the modules' names; the layers' names and the probe are FastRnn's own.</summary>
    internal const string Key = "fastrnn.modules";

    /// <summary>
    /// Replaces the file, a safetensors file, atomically and durably. Equal recurrent layers that follow each other become layers l0, l1, … of one module, named
    /// <c>rnn</c>; an embedding is <c>embedding</c>, a linear layer <c>linear</c>. Where there are several of a kind, the later ones end with 2, 3, … So
    /// <c>load_state_dict</c> takes it for a module with <c>self.rnn = nn.LSTM(I, H, num_layers=K)</c> and <c>self.linear = nn.Linear(H, O)</c>. A small input with its
    /// output goes with the weights, which FastRnn runs again when it reads the file.
    /// </summary>
    /// <param name="model">Of recurrent layers that PyTorch has, embeddings, linear layers, and layers without weights.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="NotSupportedException">PyTorch has no such layer; the message names it.</exception>
    /// <exception cref="Training.NonFiniteException">A weight is not finite; the old file stays.</exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Sequential model, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafetensorsWriter.Write(path, Describe(model));
    }

    internal static SafetensorsFile Describe(Sequential model)
    {
        if (model.InitialState != null)
            throw new NotSupportedException("a state_dict has no initial state, the model has one");
        SafetensorsFile file = ModelFile.Describe(model, model.Described as ModelInfo ?? new ModelInfo());
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        var modules = new List<string>();
        LayerInfo? before = null;
        int level = 0;
        for (int i = 0; i < layers.Length; i++)
        {
            if (!LayerParameters.HasWeights(layers[i]))
            {
                before = layers[i].Type == "dropout" ? before : null; // a stack can have dropout between its layers
                continue;
            }
            string kind = KindOf(layers[i]) ?? throw new NotSupportedException($"PyTorch has no layer {i}, {model.Layers[i]}");
            bool stacked = kind == "rnn" && before != null && Continues(before, layers[i]);
            level = stacked ? level + 1 : 0;
            before = layers[i];
            if (!stacked)
                modules.Add(Numbered(kind, modules));
            Rename(file, FormattableString.Invariant($"{i}."), modules[^1] + ".", level);
        }
        file.Metadata[Key] = StrictJson.Write(new ModuleNames(modules));
        return file;
    }

    /// <summary>What a file that was written here says of itself.</summary>
    internal static LayerNames Names(SafetensorsFile file, string? path) => new(
        StrictJson.Read<ArchitectureRecord>(file, ArchitectureRecord.Key, path).Layers, StrictJson.Read<ModuleNames>(file, Key, path).Modules);

    private static string? KindOf(LayerInfo layer)
    {
        LayerInfo cell = layer.Type == "bidirectional" && layer.Merge == "concat" && layer.LastStep == false ? layer.Inner! : layer;
        bool plain = RecurrentInfo.IsRecurrent(cell) && RecurrentInfo.Options(cell).All(option =>
            option.Value == null || option.Name is "projection" or "recurrent_dropout" or "weight_drop");
        return layer.Type is "embedding" or "linear" ? layer.Type : plain && cell.Activation is null or "tanh" or "relu" ? "rnn" : null;
    }

    /// <summary>Whether a layer can be the next of a stack.</summary>
    private static bool Continues(LayerInfo before, LayerInfo next)
    {
        LayerInfo a = before.Inner ?? before, b = next.Inner ?? next;
        return before.Type == next.Type && a with { Input = b.Input } == b;
    }

    private static string Numbered(string kind, List<string> modules)
    {
        int earlier = modules.Count(name => name.TrimEnd(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) == kind);
        return earlier == 0 ? kind : FormattableString.Invariant($"{kind}{earlier + 1}");
    }

    private static void Rename(SafetensorsFile file, string from, string to, int level)
    {
        string layer = FormattableString.Invariant($"_l{level}");
        for (int i = 0; i < file.Tensors.Count; i++)
        {
            SafetensorsTensor tensor = file.Tensors[i];
            if (tensor.Name.StartsWith(from, StringComparison.Ordinal))
                file.Tensors[i] = new(to + tensor.Name[from.Length..].Replace("_l0", layer, StringComparison.Ordinal), tensor.Type, tensor.Shape, tensor.Bytes);
        }
    }

    /// <summary>Metadata value <c>fastrnn.modules</c>.</summary>
    private sealed record ModuleNames(IReadOnlyList<string> Modules) : IJsonRecord<ModuleNames>
    {
        public void Write(JsonFields fields) => fields.Add(Modules);

        public static ModuleNames Read(JsonValue json) => json.Record(fields => new ModuleNames(fields.Required("modules").List(item => item.String())));
    }
}
