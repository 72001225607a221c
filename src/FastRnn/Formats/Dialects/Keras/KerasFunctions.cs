using System.Text.Json;
using FastRnn.Backends;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Keras's functions by name, as layers and as functions of cells.</summary>
internal sealed class KerasFunctions(KerasVersion version, Func<string, ModelFormatException> error)
{
    /// <summary>The name in a configuration; null for none.</summary>
    /// <param name="value">A text or nothing: an object would be code.</param>
    /// <param name="layer">For messages.</param>
    public string? Name(JsonValue? value, string layer)
    {
        if (value is null or { Kind: JsonTokenType.Null })
            return null;
        if (value.Kind == JsonTokenType.String)
            return value.Text == "linear" ? null : value.Text;
        string name = value.Kind == JsonTokenType.StartObject
            ? value.Optional("registered_name")?.Text ?? value.Optional("config")?.Text ?? value.Optional("class_name")?.Text ?? ""
            : value.Text;
        throw error($"layer {ModelFormatException.Quote(layer)} has the function {ModelFormatException.Quote(name)}, which is not one of Keras's by name");
    }

    /// <summary>What a cell calls the function of a name; null where no cell has it.</summary>
    public CellActivation? OfCell(string? name) => name switch
    {
        null => CellActivation.Identity,
        "tanh" => CellActivation.Tanh,
        "sigmoid" => CellActivation.Sigmoid,
        "relu" => CellActivation.Relu,
        "softsign" => CellActivation.Softsign,
        "softplus" => CellActivation.Softplus,
        "hard_sigmoid" => version.HasSteepHardSigmoid ? CellActivation.HardSigmoidKeras2 : CellActivation.HardSigmoid,
        "elu" => CellActivation.Elu(),
        "leaky_relu" => CellActivation.LeakyRelu(0.2f),
        _ => CellActivation.Parse(name switch { "relu6" => "clip(0,6)", _ => name }),
    };

    /// <summary>The layer of a function; null for none.</summary>
    public LayerInfo? Layer(string? name, string layer) => name switch
    {
        null => null,
        "softmax" or "log_softmax" => new() { Type = name },
        "silu" or "swish" => Activation("silu"),
        "gelu" => Activation("gelu"),
        "relu" or "tanh" or "sigmoid" or "softplus" => Activation(name),
        "hard_sigmoid" when !version.HasSteepHardSigmoid => Activation("hard_sigmoid"),
        _ => Activation((OfCell(name) ?? throw error(
            $"layer {ModelFormatException.Quote(layer)} has the function {ModelFormatException.Quote(name)}, which is not read")).ToString()),
    };

    /// <summary>The layer of a function's own text.</summary>
    public static LayerInfo Activation(string function) => new() { Type = "activation", Activation = function };
}
