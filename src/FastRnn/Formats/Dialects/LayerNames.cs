using System.Text.Json;

namespace FastRnn.Formats.Dialects;

/// <summary>
/// Layers that somebody has named for a file of weights alone: <c>{"layers":[…],"modules":["rnn","fc"]}</c>, layers in FastRnn's words; modules of PyTorch, or groups of Keras – which
/// may be left out – in the order in which they follow each other.
/// </summary>
internal sealed record LayerNames(IReadOnlyList<LayerInfo> Layers, IReadOnlyList<string>? Modules)
{
    /// <summary>What the options name, or the file of the model's name with .json behind; null where there is neither.</summary>
    public static LayerNames? Beside(string? path, ImportOptions options)
    {
        string? name = options.Sidecar ?? (path == null ? null : path + ".json");
        if (name == null || (options.Sidecar == null && !File.Exists(name)))
            return null;
        long length = new FileInfo(name).Length;
        if (length > options.Limits.TextBytes)
            throw new ModelFormatException($"the file has {length} bytes, more than the limit of {options.Limits.TextBytes}", 0, name);
        return Read(File.ReadAllText(name), name);
    }

    private static LayerNames Read(string text, string name)
    {
        try
        {
            LayerNames names = StrictJson.Parse(text).Record(fields => new LayerNames(
                fields.Required("layers").List(LayerJson.Read), fields.Optional("modules")?.List(item => item.String())));
            Architecture.Check(names.Layers);
            return names;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException($"not valid: {ModelFormatException.Quote(StrictJson.Reason(e), longest: 200)}", 0, name, e);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFormatException(e.Message, 0, name, e);
        }
    }
}
