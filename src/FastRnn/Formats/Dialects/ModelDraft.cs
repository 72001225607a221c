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

    /// <summary>What streams start from instead of zeros, in the order of a session's state; see <see cref="Sequential.InitialState"/>.</summary>
    public float[]? InitialState { get; set; }

    /// <summary>Where in the file it lies; negative when that is not one place.</summary>
    public long InitialStateOffset { get; set; } = -1;

    /// <summary>Weights of the parameter of that name, as <see cref="Architecture.Check"/> lists them: <c>0.weight_ih_l0</c>.</summary>
    /// <param name="name">Of the parameter.</param>
    /// <param name="values">Row-major.</param>
    /// <param name="source">What it is called in the file, for messages.</param>
    /// <param name="offset">Where in the file it lies; negative when that is not one place.</param>
    public void Add(string name, float[] values, string source, long offset = -1)
    {
        Add(name, values.Length, () => values, source, offset);
    }

    /// <summary>The same of weights that are read, or brought into the engine's layout, when the model that they go into is there.</summary>
    public void Add(string name, long length, Func<float[]> read, string source, long offset = -1)
    {
        if (!_tensors.TryAdd(name, new(length, read, source, offset)))
            throw new ModelFormatException($"{ModelFormatException.Quote(source)} comes twice", offset, path);
    }

    /// <summary>Checks everything, makes the model, and runs the probe where there is one.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing, of another size, not finite or of no layer; or the probe differs.</exception>
    public ImportedModel Build(Backend backend, ImportOptions options)
    {
        List<ParameterShape> parameters = Check(options.Limits);
        string? misfit = Preprocessing.Refuses(Info, Layers) ?? (Probe == null ? null : Formats.Probe.Check(Layers, Probe));
        if (misfit != null)
            throw new ModelFormatException(misfit, -1, path);
        if (InitialState != null && InitialState.Length != Architecture.StateLength(Layers))
            throw new ModelFormatException($"an initial state of {InitialState.Length} values; the layers' states have {Math.Max(0, Architecture.StateLength(Layers))}", -1, path);
        if (InitialState != null && !options.AllowNonFinite && ModelFile.FirstNonFinite(InitialState) is >= 0 and var bad)
            throw new ModelFormatException($"the initial state is not finite at element {bad}", InitialStateOffset, path);
        var model = new Sequential(backend, Info.Seed, draws: false, [.. Layers.Select(Architecture.Build)]);
        try
        {
            model.SetInitialState(InitialState);
            foreach ((Parameter parameter, ParameterShape shape) in model.Parameters.Zip(parameters))
                parameter.Write(Values(_tensors[shape.Name], options));
            if (Probe != null && Formats.Probe.Compare(model, Layers, Probe) is { } difference)
                throw new ModelFormatException(difference, -1, path);
            model.ReleasePacked();
            (Dictionary<string, string> kept, List<string> left) = OtherMetadata.Fitting(Metadata);
            if (left.Count > 0)
                Notes.Add($"too long to be kept where the model is saved: {OtherMetadata.Some(left)}");
            ModelInfo info = Info with { Layers = Layers, Metadata = kept };
            model.Described = info;
            return new ImportedModel(format, model, info) { Metadata = Metadata, Notes = Notes };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private float[] Values(DraftTensor tensor, ImportOptions options)
    {
        float[] values = tensor.Read();
        int bad = options.AllowNonFinite ? -1 : ModelFile.FirstNonFinite(values);
        return bad < 0 ? values : throw new ModelFormatException($"{ModelFormatException.Quote(tensor.Source)} is not finite at element {bad}", tensor.Offset, path);
    }

    private List<ParameterShape> Check(ImportLimits limits)
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
        UInt128 bytes = 0;
        foreach (ParameterShape parameter in parameters)
        {
            long needed = parameter.Shape.Aggregate(1L, (product, size) => product * size);
            // A reader may have widened what the file has: its own count of bytes is not this one.
            if ((bytes += (UInt128)needed * sizeof(float)) > (UInt128)limits.TensorBytes)
                throw new ModelFormatException($"the layers up to {parameter.Name} have {bytes} bytes of weights, more than the limit of {limits.TensorBytes}", -1, path);
            if (!_tensors.TryGetValue(parameter.Name, out DraftTensor? tensor))
                throw new ModelFormatException($"weights {parameter.Name} {SafetensorsTensor.ShapeText(parameter.Shape)} are missing", -1, path);
            if (tensor.Length != needed)
                throw new ModelFormatException($"{ModelFormatException.Quote(tensor.Source)} has {tensor.Length} values, the layer needs {SafetensorsTensor.ShapeText(parameter.Shape)}", tensor.Offset, path);
        }
        if (_tensors.Count != parameters.Count)
        {
            var known = parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.Ordinal);
            (string name, DraftTensor other) = _tensors.First(tensor => !known.Contains(tensor.Key));
            throw new ModelFormatException($"{ModelFormatException.Quote(other.Source)} ({name}) belongs to no layer", other.Offset, path);
        }
        return parameters;
    }

    private sealed record DraftTensor(long Length, Func<float[]> Read, string Source, long Offset);
}
