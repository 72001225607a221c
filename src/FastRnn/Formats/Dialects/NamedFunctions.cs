using FastRnn.Layers;

namespace FastRnn.Formats.Dialects;

/// <summary>Functions that <see cref="ImportOptions"/> name because the file does not.</summary>
internal static class NamedFunctions
{
    /// <summary>The function of a simple recurrent cell.</summary>
    public static string OfCell(string function, long offset, string? path) => function is "tanh" or "relu"
        ? function
        : throw new ModelFormatException($"the activation {ModelFormatException.Quote(function)} is not known; tanh and relu are", offset, path);

    /// <summary>The layer behind the last one.</summary>
    public static LayerInfo Output(string function, string? path) => function is "softmax" or "log_softmax"
        ? new() { Type = function }
        : Activation.Named(function) != null
            ? new() { Type = "activation", Activation = function }
            : throw new ModelFormatException($"the output activation {ModelFormatException.Quote(function)} is not known", -1, path);
}
