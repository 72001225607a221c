using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats.Dialects;

/// <summary>
/// A model as a reader finds it: layers in the words of FastRnn's own architecture, and weights under its names, in the engine's layout – gates already in their order by
/// <see cref="GateOrder"/>. <see cref="Build"/> proves that they fit before anything is made of them.
/// </summary>
internal sealed class ModelDraft(string format, string? path)
{
    private readonly Dictionary<string, DraftTensor> _tensors = new(StringComparer.Ordinal);

    public List<LayerInfo> Layers { get; } = [];

    public ModelInfo Info { get; set; } = new();

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public List<string> Notes { get; } = [];

    /// <summary>The probe that FastRnn has written into the file, if it has.</summary>
    public ProbeRecord? Probe { get; set; }

    /// <summary>Weights of the parameter of that name, as <see cref="Architecture.Check"/> lists them: <c>0.weight_ih_l0</c>.</summary>
    /// <param name="name">Of the parameter.</param>
    /// <param name="values">Row-major.</param>
    /// <param name="source">What it is called in the file, for messages.</param>
    /// <param name="offset">Where in the file it lies; negative when that is not one place.</param>
    public void Add(string name, float[] values, string source, long offset = -1)
    {
        if (!_tensors.TryAdd(name, new(values, source, offset)))
            throw new ModelFormatException($"{ModelFormatException.Quote(source)} comes twice", offset, path);
    }

    /// <summary>Checks everything, makes the model, and runs the probe where there is one.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing, of another size, not finite or of no layer; or the probe differs.</exception>
    public ImportedModel Build(Backend backend, ImportOptions options)
    {
        List<ParameterShape> parameters = Check(options);
        string? misfit = Preprocessing.Refuses(Info, Layers) ?? (Probe == null ? null : Formats.Probe.Check(Layers, Probe));
        if (misfit != null)
            throw new ModelFormatException(misfit, -1, path);
        var model = new Sequential(backend, Info.Seed, [.. Layers.Select(Architecture.Build)]);
        try
        {
            foreach ((Parameter parameter, ParameterShape shape) in model.Parameters.Zip(parameters))
                parameter.Write(_tensors[shape.Name].Values);
            if (Probe != null && Formats.Probe.Compare(model, Layers, Probe) is { } difference)
                throw new ModelFormatException(difference, -1, path);
            ModelInfo info = Info with { Layers = Layers };
            model.Described = info;
            return new ImportedModel(format, model, info) { Metadata = Metadata, Notes = Notes };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private List<ParameterShape> Check(ImportOptions options)
    {
        List<ParameterShape> parameters;
        try
        {
            parameters = Architecture.Check(Layers);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFormatException(e.Message, -1, path, e);
        }
        foreach (ParameterShape parameter in parameters)
        {
            if (!_tensors.TryGetValue(parameter.Name, out DraftTensor? tensor))
                throw new ModelFormatException($"weights {parameter.Name} {SafetensorsTensor.ShapeText(parameter.Shape)} are missing", -1, path);
            long needed = parameter.Shape.Aggregate(1L, (product, size) => product * size);
            if (tensor.Values.Length != needed)
                throw new ModelFormatException($"{ModelFormatException.Quote(tensor.Source)} has {tensor.Values.Length} values, the layer needs {SafetensorsTensor.ShapeText(parameter.Shape)}", tensor.Offset, path);
            int bad = options.AllowNonFinite ? -1 : Array.FindIndex(tensor.Values, value => !float.IsFinite(value));
            if (bad >= 0)
                throw new ModelFormatException($"{ModelFormatException.Quote(tensor.Source)} is not finite at element {bad}", tensor.Offset, path);
        }
        if (_tensors.Count != parameters.Count)
        {
            var known = parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.Ordinal);
            (string name, DraftTensor other) = _tensors.First(tensor => !known.Contains(tensor.Key));
            throw new ModelFormatException($"{ModelFormatException.Quote(other.Source)} ({name}) belongs to no layer", other.Offset, path);
        }
        return parameters;
    }

    private sealed record DraftTensor(float[] Values, string Source, long Offset);
}
