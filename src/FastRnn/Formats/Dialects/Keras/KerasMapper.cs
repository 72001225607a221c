using System.Text.Json;
using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Makes FastRnn's layers of a Keras model's, one after another; recurrent ones are in <see cref="KerasRecurrent"/>.</summary>
internal sealed class KerasMapper
{
    private readonly ModelDraft _draft;
    private readonly IKerasStore _store;
    private readonly string? _path;
    private readonly Func<string, ModelFormatException> _error;
    private readonly KerasFunctions _functions;
    private readonly KerasWeights _weights;
    private readonly KerasRecurrent _recurrent;
    private bool _backwards;
    private bool _masks;

    public KerasMapper(ModelDraft draft, IKerasStore store, KerasVersion version, string? path, Func<string, ModelFormatException> error)
    {
        (_draft, _store, _path, _error) = (draft, store, path, error);
        (_functions, _weights) = (new(version, error), new(draft, path));
        _recurrent = new KerasRecurrent(draft, version, _functions, _weights, error);
    }

    /// <summary>Whether there is one value for a sample from here on, no sequence.</summary>
    private bool OneStep { get; set; }

    /// <summary>All layers of a model.</summary>
    public void Map(List<KerasLayer> layers)
    {
        foreach (KerasLayer layer in layers)
            Add(layer);
        if (_backwards)
            throw _error("the model's sequences run backwards in the end (go_backwards with return_sequences), which FastRnn's do not");
        SizeMasks();
        _store.Finish();
    }

    /// <summary>A mask is as wide as what the next layer reads.</summary>
    private void SizeMasks()
    {
        for (int i = 0; i < _draft.Layers.Count; i++)
        {
            if (_draft.Layers[i].Type != "masking")
                continue;
            LayerInfo? next = _draft.Layers.Skip(i + 1).FirstOrDefault(layer => layer.Type != "masking" && Architecture.InputWidth(layer) != null);
            _draft.Layers[i] = _draft.Layers[i] with { Size = next == null ? throw _error("a mask without a layer behind it") : Architecture.InputWidth(next) };
        }
    }

    private void Add(KerasLayer layer)
    {
        JsonValue config = layer.Config;
        switch (layer.ClassName)
        {
            case "InputLayer":
                NoWeights(layer);
                break;
            case "Embedding":
                Embedding(layer);
                break;
            case "LSTM" or "GRU" or "SimpleRNN" or "CuDNNLSTM" or "CuDNNGRU":
                Sequence(layer);
                LayerInfo recurrent = _recurrent.Read(layer, _store.Weights(layer, "cell"), Prefix, ref _backwards, out bool sequence);
                if (_masks && _backwards)
                    throw Error(layer, "leaves masked sequences backwards (go_backwards with return_sequences), whose masks Keras does not turn round");
                Emit(recurrent);
                OneStep = !sequence;
                break;
            case "Bidirectional":
                Sequence(layer);
                if (_backwards)
                    throw Error(layer, "comes after a layer that leaves sequences backwards (go_backwards with return_sequences), which is not read");
                Emit(_recurrent.ReadBoth(layer, _store.Weights(layer, "forward_layer/cell", "backward_layer/cell"), Prefix, out bool both));
                OneStep = !both;
                break;
            case "Dense" or "TimeDistributedDense":
                Dense(layer, config, _store.Weights(layer, ""));
                break;
            case "TimeDistributed":
                Distributed(layer);
                break;
            case "LayerNormalization":
                Normalization(layer, _store.Weights(layer, ""));
                break;
            case "Activation":
                NoWeights(layer);
                Emit(_functions.Layer(_functions.Name(config.Required("activation"), layer.Name), layer.Name));
                break;
            case "ReLU" or "LeakyReLU" or "ELU" or "Softmax":
                NoWeights(layer);
                Emit(Function(layer));
                break;
            case "Dropout" or "SpatialDropout1D":
                Dropout(layer);
                break;
            case "Masking":
                NoWeights(layer);
                Sequence(layer);
                _masks = true;
                // Its width is that of the layers around it, which are not all known yet.
                Emit(new() { Type = "masking", Size = 1, Value = config.Optional("mask_value")?.Single() ?? 0f });
                break;
            case "GaussianNoise" or "GaussianDropout" or "AlphaDropout" or "ActivityRegularization":
                NoWeights(layer);
                _draft.Notes.Add($"{layer.ClassName} {ModelFormatException.Quote(layer.Name)} is left out: it acts in training only");
                break;
            default:
                throw _error($"layer {ModelFormatException.Quote(layer.Name)} is of the class {ModelFormatException.Quote(layer.ClassName)}, which is not read");
        }
    }

    private string Prefix => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_draft.Layers.Count}.");

    private void Emit(LayerInfo? layer)
    {
        if (layer == null)
            return;
        _draft.Layers.Add(layer);
        if (_draft.Layers.Count > Architecture.MaxLayers)
            throw _error($"the model becomes more than {Architecture.MaxLayers} layers");
    }

    private void NoWeights(KerasLayer layer)
    {
        // Layers that draw random numbers keep a generator's state beside their variables, not among them.
        if (_store.Weights(layer, "") is [HdfTensor first, ..])
            throw new ModelFormatException($"layer {ModelFormatException.Quote(layer.Name)} ({layer.ClassName}) has weights", first.Offset, _path);
    }

    private void Sequence(KerasLayer layer)
    {
        if (OneStep)
            throw Error(layer, "needs sequences, the layer before it gives one step (return_sequences is false)");
    }

    private void Embedding(KerasLayer layer)
    {
        if (_store.Weights(layer, "") is not [HdfTensor table] || table.Shape.Length != 2)
            throw Error(layer, "needs one array [vocabulary, size]");
        _weights.Require(layer.Name, table, [table.Shape[0], table.Shape[1]]);
        if (layer.Config.Optional("mask_zero")?.Boolean() == true)
            _draft.Notes.Add($"Embedding {ModelFormatException.Quote(layer.Name)} masks token 0: give each sample's length instead");
        _weights.Add($"{Prefix}weight", table);
        Emit(new() { Type = "embedding", Vocabulary = table.Shape[0], Size = table.Shape[1] });
    }

    private void Dense(KerasLayer layer, JsonValue config, List<HdfTensor> arrays)
    {
        bool bias = (config.Optional("use_bias") ?? config.Optional("bias"))?.Boolean() ?? true;
        if (config.Optional("lora_rank") != null)
            throw Error(layer, "has a low-rank adaptation, which is not read");
        if (arrays.Count != (bias ? 2 : 1) || arrays[0].Shape.Length != 2)
            throw Error(layer, $"needs {(bias ? "two arrays, [input, output] and [output]" : "one array [input, output]")}");
        int output = arrays[0].Shape[1];
        _weights.Require(layer.Name, arrays[0], [arrays[0].Shape[0], output]);
        if (bias)
            _weights.Require(layer.Name, arrays[1], [output]);
        if ((config.Optional("units") ?? config.Optional("output_dim"))?.Int32() is { } units && units != output)
            throw Error(layer, $"has {units} units, its weights {output}");
        _weights.AddDense(Prefix, arrays[0], bias ? arrays[1] : null);
        Emit(new() { Type = "linear", Input = arrays[0].Shape[0], Output = output });
        Emit(_functions.Layer(_functions.Name(config.Optional("activation"), layer.Name), layer.Name));
    }

    private void Distributed(KerasLayer layer)
    {
        Sequence(layer);
        JsonValue inner = layer.Config.Required("layer");
        string kind = inner.Required("class_name").String();
        JsonValue config = inner.Required("config");
        switch (kind)
        {
            case "Dense":
                Dense(layer, config, _store.Weights(layer, "layer"));
                break;
            case "Activation":
                NoWeights(layer);
                Emit(_functions.Layer(_functions.Name(config.Required("activation"), layer.Name), layer.Name));
                break;
            case "Dropout":
                Dropout(layer with { Config = config });
                break;
            default:
                throw Error(layer, $"distributes {ModelFormatException.Quote(kind)} over time; Dense, Activation and Dropout are read so");
        }
    }

    private void Normalization(KerasLayer layer, List<HdfTensor> arrays)
    {
        JsonValue config = layer.Config;
        bool center = config.Optional("center")?.Boolean() ?? true, scale = config.Optional("scale")?.Boolean() ?? true;
        if (config.Optional("rms_scaling")?.Boolean() == true)
            throw Error(layer, "scales by the root mean square alone, which is not read");
        JsonValue? axis = config.Optional("axis");
        int? on = axis == null ? -1 : axis.Kind == JsonTokenType.StartArray ? axis.Inner.Count == 1 ? axis.Inner[0].Int32() : null : axis.Int32();
        if (on != -1 && on != (OneStep ? 1 : 2))
            throw Error(layer, "normalises other axes than the last");
        if (arrays.Count != (center ? 1 : 0) + (scale ? 1 : 0) || arrays.Count == 0 || arrays[0].Shape.Length != 1)
            throw Error(layer, "needs an array [size] for each of scale and center, and one of them at least");
        int size = arrays[0].Shape[0];
        foreach (HdfTensor array in arrays)
            _weights.Require(layer.Name, array, [size]);
        var ones = new float[size];
        Array.Fill(ones, 1f);
        _draft.Add($"{Prefix}weight", scale ? arrays[0].Values : ones, arrays[0].Name, arrays[0].Offset);
        _draft.Add($"{Prefix}bias", center ? arrays[^1].Values : new float[size], arrays[^1].Name, arrays[^1].Offset);
        Emit(new() { Type = "layer_normalization", Size = size, Epsilon = config.Optional("epsilon")?.Single() ?? 1e-3f });
    }

    private LayerInfo? Function(KerasLayer layer)
    {
        JsonValue config = layer.Config;
        float Number(string name, float otherwise) => config.Optional(name)?.Single() ?? otherwise;
        float slope = Number("negative_slope", Number("alpha", layer.ClassName == "ReLU" ? 0f : layer.ClassName == "LeakyReLU" ? 0.3f : 1f));
        if (!(slope >= 0 && float.IsFinite(slope)) || (slope == 0 && layer.ClassName == "ELU"))
            throw Error(layer, FormattableString.Invariant($"has the slope {slope}, which is not read"));
        switch (layer.ClassName)
        {
            case "Softmax":
                if ((config.Optional("axis") is { } axis ? (axis.Kind == JsonTokenType.StartArray && axis.Inner.Count == 1 ? axis.Inner[0] : axis).Int32() : -1) != -1)
                    throw Error(layer, "is over another axis than the last");
                return new() { Type = "softmax" };
            case "ELU":
                return KerasFunctions.Activation(Backends.CellActivation.Elu(slope).ToString());
            case "ReLU":
                float? most = config.Optional("max_value")?.Single();
                if (Number("threshold", 0) != 0 || (most != null && (slope != 0 || most <= 0)))
                    throw Error(layer, "has a threshold, or a limit together with a slope, which is not read");
                if (most != null)
                    return KerasFunctions.Activation(FormattableString.Invariant($"clip(0,{most:R})"));
                break;
        }
        return KerasFunctions.Activation(slope == 0 ? "relu" : Backends.CellActivation.LeakyRelu(slope).ToString());
    }

    private void Dropout(KerasLayer layer)
    {
        NoWeights(layer);
        float rate = (layer.Config.Optional("rate") ?? layer.Config.Required("p")).Single();
        if (_draft.Layers.Count == 0 || layer.Config.Optional("noise_shape") != null)
            _draft.Notes.Add($"{layer.ClassName} {ModelFormatException.Quote(layer.Name)} is left out: it acts in training only");
        else
            Emit(new() { Type = "dropout", Rate = rate, Variational = layer.ClassName == "SpatialDropout1D" ? true : null });
    }

    private ModelFormatException Error(KerasLayer layer, string problem) =>
        _error($"layer {ModelFormatException.Quote(layer.Name)} ({layer.ClassName}) {problem}");
}
