namespace FastRnn.Formats.Dialects;

/// <summary>An array of a layer, under its name within the layer, in the engine's layout.</summary>
/// <param name="Name">For example <c>weight_ih_l0</c>.</param>
/// <param name="Rows">Of the array.</param>
/// <param name="Columns">Of the array; 1 for a bias.</param>
/// <param name="Read">Gets the values, row-major; asked once, when the model is there.</param>
/// <param name="Source">What it is called in the file, for messages.</param>
/// <param name="Offset">Where in the file it lies; negative when that is not one place.</param>
internal sealed record DraftWeights(string Name, int Rows, int Columns, Func<float[]> Read, string Source, long Offset)
{
    /// <summary>Zeros in place of a bias that the file does not have.</summary>
    public static DraftWeights Zeros(string name, int length) => new(name, length, 1, () => new float[length], name, -1);
}

/// <summary>A layer as a reader finds it: what it is, and its arrays.</summary>
internal sealed record DraftLayer(LayerInfo Info)
{
    public List<DraftWeights> Weights { get; init; } = [];

    /// <summary>Adds layers to a model, one after the other.</summary>
    public static void AddTo(ModelDraft draft, IEnumerable<DraftLayer> layers)
    {
        foreach (DraftLayer layer in layers)
        {
            string prefix = FormattableString.Invariant($"{draft.Layers.Count}.");
            foreach (DraftWeights weights in layer.Weights)
                draft.Add(prefix + weights.Name, (long)weights.Rows * weights.Columns, weights.Read, weights.Source, weights.Offset);
            draft.Layers.Add(layer.Info);
        }
    }
}
