using System.Text.Json;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Layers that somebody has named for a file of weights alone.</summary>
internal static class KerasSidecar
{
    /// <summary>What the options name, or the file of the model's name with .json behind; null where there is neither.</summary>
    public static IReadOnlyList<LayerInfo>? Read(string? path, ImportOptions options)
    {
        string? name = options.Sidecar ?? (path == null ? null : path + ".json");
        if (name == null || (options.Sidecar == null && !File.Exists(name)))
            return null;
        if (new FileInfo(name).Length is var length && length > options.Limits.TextBytes)
            throw new ModelFormatException($"the file has {length} bytes, more than the limit of {options.Limits.TextBytes}", 0, name);
        try
        {
            LayerInfo[] layers = KerasConfig.Parse(File.ReadAllBytes(name), options.Limits).Required("layers").List(LayerJson.Read);
            Architecture.Check(layers);
            return layers;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or InvalidDataException)
        {
            throw new ModelFormatException($"not valid: {ModelFormatException.Quote(StrictJson.Reason(e), longest: 200)}", 0, name, e);
        }
    }
}
