using System.Globalization;
using System.Text;
using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>
/// Files of weights without a model. Layers come from whoever has named them, in FastRnn's words; otherwise from the shapes, with Keras's defaults of the file's version for what
/// no shape tells, and a note that says so.
/// </summary>
internal sealed class KerasWeightsOnly(ModelDraft draft, HdfObject root, KerasVersion version, string? path, ImportOptions options)
{
    private readonly KerasWeights _weights = new(draft, path);

    public void Map()
    {
        if (LayerNames.Beside(path, options) is { } named)
            MapNamed(named);
        else if (root.Texts("layer_names") != null || root.Texts("layer_names0") != null)
            MapShapes(new KerasLegacyStore(root));
        else
            throw root.File.Bytes.Error("the file holds weights alone, and their order nowhere: name the layers in a JSON file beside it", root.Address);
        if (options.OutputActivation is { } function)
            draft.Layers.Add(KerasFunctions.Activation(function));
    }

    private void MapNamed(LayerNames named)
    {
        IKerasStore store = KerasPathStore.Fits(root) ? new KerasPathStore(root) : new KerasLegacyStore(root);
        Queue<List<HdfTensor>> groups = store is KerasLegacyStore legacy ? Groups(legacy, named.Modules) : new();
        if (store is not KerasLegacyStore && named.Modules != null)
            throw new ModelFormatException("the file names groups by the classes of layers: leave \"modules\" out", -1, path);
        for (int i = 0; i < named.Layers.Count; i++)
        {
            LayerInfo info = named.Layers[i], cell = info.Inner ?? info;
            string? kind = ClassOf(info);
            draft.Layers.Add(info);
            if (kind == null)
                continue;
            List<HdfTensor> arrays = store is KerasLegacyStore
                ? groups.TryDequeue(out List<HdfTensor>? next) ? next : []
                : store.Weights(new(kind, "", null!), kind == "Bidirectional" ? ["forward_layer/cell", "backward_layer/cell"] : kind is "LSTM" or "GRU" or "SimpleRNN" ? ["cell"] : [""]);
            AddNamed(i, info, cell, kind, arrays);
        }
        if (groups.TryDequeue(out List<HdfTensor>? more))
            throw new ModelFormatException($"{ModelFormatException.Quote(more[0].Name)} belongs to no layer that is named", more[0].Offset, path);
        if (named.Modules == null)
            store.Finish();
    }

    /// <summary>The weights of the groups that are named, which may be a part of a larger network; of all that have any where none is.</summary>
    private Queue<List<HdfTensor>> Groups(KerasLegacyStore store, IReadOnlyList<string>? modules)
    {
        var groups = new Queue<List<HdfTensor>>();
        foreach (string name in modules ?? store.LayerNames)
        {
            List<HdfTensor> arrays = store.Weights(name);
            if (arrays.Count > 0)
                groups.Enqueue(arrays);
            else if (modules != null)
                throw new ModelFormatException($"the file has no weights of a layer {ModelFormatException.Quote(name)}", root.Address, path);
        }
        if (modules != null && store.LayerNames.Length > modules.Count)
            draft.Notes.Add($"read are {modules.Count} groups of the file's {store.LayerNames.Length}");
        return groups;
    }

    private void AddNamed(int index, LayerInfo info, LayerInfo cell, string kind, List<HdfTensor> arrays)
    {
        string prefix = string.Create(CultureInfo.InvariantCulture, $"{index}."), name = $"layer {index}";
        if (arrays.Count == 0)
            throw new ModelFormatException($"{name} ({info.Type}) has no weights in the file", -1, path);
        switch (kind)
        {
            case "Dense":
                _weights.Require(name, arrays[0], [info.Input!.Value, info.Output!.Value]);
                if (arrays.Count > 1)
                    _weights.Require(name, arrays[1], [info.Output.Value]);
                _weights.AddDense(prefix, arrays[0], arrays.Count > 1 ? arrays[1] : null);
                return;
            case "Embedding":
                _weights.Require(name, arrays[0], [info.Vocabulary!.Value, info.Size!.Value]);
                _weights.Add($"{prefix}weight", arrays[0]);
                return;
            case "LayerNormalization":
                foreach ((HdfTensor array, string part) in arrays.Zip(["weight", "bias"]))
                    _weights.Add(prefix + part, array);
                return;
        }
        int directions = kind == "Bidirectional" ? 2 : 1, each = arrays.Count / directions, gates = cell.Type == "lstm" ? 4 : cell.Type == "gru" ? 3 : 1;
        for (int d = 0; d < directions; d++)
        {
            HdfTensor[] part = [.. arrays[(d * each)..((d + 1) * each)]];
            (KerasLayout layout, int input) = _weights.Recurrent(name, gates, cell.Hidden!.Value, each != 2, part);
            if (input != cell.Input)
                throw new ModelFormatException($"{name} has {cell.Input} inputs, its weights {input}", part[0].Offset, path);
            if (cell.Type == "gru" && each != 2 && (cell.ResetBefore == true) == (layout is KerasLayout.TwoBiases or KerasLayout.CuDnn))
                throw new ModelFormatException($"{name} resets {(cell.ResetBefore == true ? "before" : "after")} the product, its bias is of the other form", part[^1].Offset, path);
            _weights.AddRecurrent(prefix, d == 0 ? "" : "_reverse", cell, layout, part);
        }
    }

    /// <summary>The class of a layer with weights.</summary>
    private string? ClassOf(LayerInfo layer) => layer.Type switch
    {
        "lstm" => "LSTM",
        "gru" => "GRU",
        "rnn" => "SimpleRNN",
        "linear" => "Dense",
        "embedding" => "Embedding",
        "layer_normalization" => "LayerNormalization",
        "bidirectional" => "Bidirectional",
        "go_backwards" => ClassOf(layer.Inner!),
        "residual" => throw new ModelFormatException("a residual layer is none of Keras's", -1, path),
        _ => null,
    };

    private void MapShapes(KerasLegacyStore store)
    {
        var layers = new List<KerasLayer>();
        foreach (string name in store.LayerNames)
        {
            if (store.Weights(name) is { Count: > 0 } arrays)
                layers.Add(Infer(name, arrays));
        }
        draft.Notes.Add($"the file holds weights alone: layers are those that the shapes tell, each giving all steps, functions Keras's defaults of version {version.Text}");
        root.File.Forget();
        ModelFormatException Error(string problem) => new(problem, -1, path);
        new KerasMapper(draft, store, version.InTensorFlow && version.SigmoidGates == null ? version with { Minor = 4 } : version, path, Error).Map(layers);
    }

    private KerasLayer Infer(string name, List<HdfTensor> arrays)
    {
        string function = options.RnnActivation is { } given ? $"\"activation\":\"{(given == "relu" ? "relu" : "tanh")}\"," : "";
        int[] ranks = [.. arrays.Select(array => array.Shape.Length)];
        (string kind, string config) = ranks switch
        {
            [2] when name.StartsWith("embedding", StringComparison.Ordinal) => ("Embedding", ""),
            [2] => ("Dense", "\"use_bias\":false"),
            [2, 1] => ("Dense", ""),
            [1, 1] => ("LayerNormalization", ""),
            [2, 2] => Recurrent(name, arrays[1], "\"use_bias\":false,", function),
            [2, 2, 1 or 2] => Recurrent(name, arrays[1], Form(arrays[2]), function),
            [2, 2, 1 or 2, 2, 2, 1 or 2] => Both(Recurrent(name, arrays[1], Form(arrays[2]), function)),
            _ => throw new ModelFormatException(
                $"the {arrays.Count} arrays of {ModelFormatException.Quote(name)}, the first {SafetensorsTensor.ShapeText(arrays[0].Shape)}, are those of no layer that is read", arrays[0].Offset, path),
        };
        return new(kind, name, KerasConfig.Parse(Encoding.UTF8.GetBytes($"{{{config}}}"), options.Limits));
    }

    /// <summary>A bias tells the form of a GRU's reset; other layers do not look at it.</summary>
    private static string Form(HdfTensor bias) => bias.Shape.Length == 2 ? "\"reset_after\":true," : "";

    private (string Kind, string Config) Recurrent(string name, HdfTensor kernel, string bias, string function)
    {
        (int hidden, int columns) = (kernel.Shape[0], kernel.Shape[1]);
        string kind = hidden == 0 ? "" : columns == 4L * hidden ? "LSTM" : columns == 3L * hidden ? "GRU" : columns == hidden ? "SimpleRNN" : "";
        if (kind.Length == 0)
            throw new ModelFormatException($"{ModelFormatException.Quote(name)}: {ModelFormatException.Quote(kernel.Name)} is {SafetensorsTensor.ShapeText(kernel.Shape)}, the recurrent kernel of no cell", kernel.Offset, path);
        return (kind, string.Create(CultureInfo.InvariantCulture, $"{bias}{(kind == "SimpleRNN" ? function : "")}\"units\":{hidden},\"return_sequences\":true"));
    }

    private static (string Kind, string Config) Both((string Kind, string Config) layer) =>
        ("Bidirectional", $"\"layer\":{{\"class_name\":\"{layer.Kind}\",\"config\":{{{layer.Config}}}}}");
}
