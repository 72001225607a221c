namespace FastRnn.Formats.Dialects;

/// <summary>What a file of another program does not say itself.</summary>
public sealed record ImportOptions
{
    /// <summary>What the file may ask for.</summary>
    public ImportLimits Limits { get; init; } = ImportLimits.Default;

    /// <summary>Whether weights that are NaN or infinite are taken; they are refused otherwise, by name.</summary>
    public bool AllowNonFinite { get; init; }

    /// <summary>
    /// A JSON file that names the layers, for files that hold weights alone, as FastRnn's own metadata does: <c>{"layers":[{"type":"lstm","input":7,"hidden":11},…]}</c>;
    /// null: the file's own name with <c>.json</c> appended, where there is one, and otherwise what the shapes tell. <c>"modules":["lstm","dense"]</c> beside the layers names the
    /// modules of PyTorch in order, or the groups of an HDF5 file, of which those that are not named are then left out.
    /// </summary>
    public string? Sidecar { get; init; }

    /// <summary>The function of simple recurrent cells, which no shape tells: <c>tanh</c> or <c>relu</c>.</summary>
    public string? RnnActivation { get; init; }

    /// <summary>Function after the last layer, which no file of weights alone tells, for example <c>sigmoid</c>; null for none.</summary>
    public string? OutputActivation { get; init; }

    /// <summary>Whether a graph of operators stays one even where it is a plain stack of layers: its inputs and outputs are then those of the file.</summary>
    public bool AsGraph { get; init; }
}
