using FastRnn.Graphs;
using FastRnn.Layers;

namespace FastRnn.Formats.Dialects;

/// <summary>A model read from a file of any known kind.</summary>
public sealed class ImportedModel : IDisposable
{
    internal ImportedModel(string format, Sequential sequential, ModelInfo info) => (Format, Sequential, Info) = (format, sequential, info);

    internal ImportedModel(string format, GraphModel graph) => (Format, Graph, Info) = (format, graph, new ModelInfo());

    /// <summary>The kind of file, for people: <c>FastRnn safetensors</c>, <c>Keras 3 archive</c>.</summary>
    public string Format { get; }

    /// <summary>The model as a stack of layers: fast, trainable, streamable; null where the file holds another graph of operators than such a stack.</summary>
    public Sequential? Sequential { get; }

    /// <summary>The model as a graph of operators, where it is no stack of layers; null otherwise.</summary>
    public GraphModel? Graph { get; }

    /// <summary>What the file tells beside the weights.</summary>
    public ModelInfo Info { get; }

    /// <summary>What else the file says of itself – sample rate, gain, loudness, producer – as it stands there.</summary>
    public IReadOnlyDictionary<string, string> Metadata
    {
        get => field ?? Info.Metadata;
        init;
    }

    /// <summary>What the user should know of the reading: what was left out because it does nothing in inference, what was assumed. One line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Disposes of the model; the back end stays its maker's.</summary>
    public void Dispose()
    {
        Sequential?.Dispose();
        Graph?.Dispose();
    }
}
