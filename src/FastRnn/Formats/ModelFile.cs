using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Formats;

/// <summary>
/// Model files are safetensors: weights under PyTorch's names and layouts (<c>load_state_dict</c> of an <c>nn.Sequential</c> reads them),
/// and in <c>__metadata__</c> the architecture, the preprocessing, the provenance and a probe, as JSON.
/// </summary>
public static class ModelFile
{
    /// <summary>
    /// Saves a model, with the characters that its tokens stand for when it is one of characters: the console program needs them. See
    /// <see cref="Save(Sequential, ModelInfo, string)"/>.
    /// </summary>
    public static void Save(this Sequential model, string path, Vocabulary? vocabulary = null) =>
        Save(model, vocabulary == null ? new ModelInfo() : new ModelInfo { Task = "char-lm", Vocabulary = vocabulary }, path);

    /// <summary>Replaces the file atomically and durably: its name always shows a whole model, the old or the new one.</summary>
    /// <exception cref="ArgumentException">A part of <paramref name="info"/> does not go with the layers, or its metadata is too long; the old file stays.</exception>
    /// <exception cref="NonFiniteException">A weight is not finite; the old file stays.</exception>
    /// <exception cref="IOException">The disk is full or failing, or the folder is missing; the old file stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or file may not be written; the old file stays.</exception>
    public static void Save(Sequential model, ModelInfo info, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(info);
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafetensorsWriter.Write(path, Describe(model, info));
    }

    /// <summary>
    /// Builds the model that a file holds, on the given back end, which stays the caller's. Checkpoints are read too: their weights without
    /// the state of the training.
    /// </summary>
    /// <exception cref="ModelFormatException">The file is damaged, or not a model that this version can build and trust.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static (Sequential Model, ModelInfo Info) Load(string path, Backend backend, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(backend);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            return Load(SafetensorsReader.Open(stream, path), path, backend, cancellation);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path}: is a folder, not a model file." : $"{path}: access is denied.", e);
        }
    }

    /// <summary>
    /// What the file of this session's model told beside the weights – vocabulary, classes, standardization, the plan of a series – so that whoever is handed a
    /// session alone can turn data into its inputs and its outputs into answers. Null for a model that no file was read for.
    /// </summary>
    public static ModelInfo? Info(this Session session)
    {
        ArgumentNullException.ThrowIfNull(session);
        return session.Model.Described as ModelInfo;
    }

    /// <summary>The same from a stream at the file's begin that knows its length.</summary>
    internal static (Sequential Model, ModelInfo Info) Load(Stream stream, Backend backend) => Load(SafetensorsReader.Open(stream, null), null, backend, default);

    /// <summary>The same from an open file: its weights go to where they are computed with, and are nowhere else in memory.</summary>
    internal static (Sequential Model, ModelInfo Info) Load(SafetensorsSource source, string? path, Backend backend, CancellationToken cancellation)
    {
        List<TensorPlace> places = [.. source.Entries.Select(entry => new TensorPlace(entry.Name, entry.Type, entry.Shape, source.OffsetOf(entry)))];
        try
        {
            return Build(source.File, places, path, backend, model => new ModelWeights(model, source, path).Read(cancellation));
        }
        catch (ModelFormatException)
        {
            source.RefuseDamaged(cancellation);
            throw;
        }
    }

    /// <summary>The file's content for a model: weights and metadata.</summary>
    internal static SafetensorsFile Describe(Sequential model, ModelInfo info)
    {
        var file = new SafetensorsFile();
        foreach (var parameter in model.Parameters)
        {
            var tensor = new SafetensorsTensor(parameter.Name, TensorType.F32, [.. parameter.Shape]);
            parameter.Read(tensor.Floats);
            if (FirstNonFinite(tensor) >= 0)
                throw new NonFiniteException(parameter.Name);
            file.Tensors.Add(tensor);
        }

        if (model.InitialState is { } start)
        {
            file.Tensors.Add(new SafetensorsTensor(InitialStateName, TensorType.F32, start.Length));
            start.CopyTo(file.Tensors[^1].Floats);
        }
        LayerInfo[] layers = [.. model.Layers.Select(Architecture.Describe)];
        Architecture.Check(layers);
        if (info.Vocabulary is { } vocabulary && layers[0].Vocabulary is { } size && size != vocabulary.Count)
            throw new ArgumentException($"the vocabulary has {vocabulary.Count} symbols, the embedding {size}", nameof(info));
        if (Preprocessing.Refuses(info, layers) is { } misfit)
            throw new ArgumentException(misfit, nameof(info));
        foreach ((string name, string value) in OtherMetadata.Kept(info))
            file.Metadata[name] = value;
        var provenance = new ProvenanceRecord { Library = Version, Seed = model.Seed, Training = info.Training };
        file.Metadata["format"] = "pt"; // What the Python library expects of files with PyTorch's layouts.
        file.Metadata[ArchitectureRecord.Key] = StrictJson.Write(new ArchitectureRecord { Layers = layers });
        file.Metadata[PreprocessingRecord.Key] = StrictJson.Write(Preprocessing.Describe(info));
        file.Metadata[ProvenanceRecord.Key] = StrictJson.Write(provenance);
        file.Metadata[ProbeRecord.Key] = StrictJson.Write(Probe.Record(model, layers));
        return file;
    }

    internal static (Sequential Model, ModelInfo Info) Build(SafetensorsFile file, string? path, Backend backend)
    {
        List<TensorPlace> places = [.. file.Tensors.Select(tensor => new TensorPlace(tensor.Name, tensor.Type, tensor.Shape, tensor.Offset))];
        return Build(file, places, path, backend, model =>
        {
            foreach (SafetensorsTensor tensor in file.Tensors.Where(tensor => tensor.Type == TensorType.F32))
                RefuseNonFinite(tensor, path);
            foreach (Parameter parameter in model.Parameters)
                parameter.Write(file.Find(parameter.Name)!.Floats);
            if (file.Find(InitialStateName) is { } start)
                model.SetInitialState(start.Floats.ToArray());
        });
    }

    private static (Sequential Model, ModelInfo Info) Build(
        SafetensorsFile file, List<TensorPlace> places, string? path, Backend backend, Action<Sequential> fill)
    {
        var info = ReadInfo(file, path);
        var probe = StrictJson.Read<ProbeRecord>(file, ProbeRecord.Key, path);
        CheckTensors(file, places, info.Layers, path);
        if (Preprocessing.Refuses(info, info.Layers) is { } misfit)
            throw Fail(misfit, path);
        if (Probe.Check(info.Layers, probe) is { } broken)
            throw Fail($"metadata {ProbeRecord.Key} is not valid: {broken}", path);

        var model = new Sequential(backend, info.Seed, draws: false, [.. info.Layers.Select(Architecture.Build)]);
        try
        {
            fill(model);
            if (Probe.Compare(model, info.Layers, probe) is { } difference)
                throw Fail(difference, path);
            model.ReleasePacked();
            model.Described = info;
            return (model, info);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Index of the first element that is NaN or infinite, or −1.</summary>
    internal static int FirstNonFinite(SafetensorsTensor tensor) => FirstNonFinite(tensor.Floats);

    /// <inheritdoc cref="FirstNonFinite(SafetensorsTensor)"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int FirstNonFinite(ReadOnlySpan<float> values)
    {
        int i = 0;
        while (i <= values.Length - 32 && DifferenceBits(values.Slice(i, 32)) == Vector256<int>.Zero)
            i += 32;
        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }

        return -1;
    }

    /// <summary>Bits of x − x of 32 values, or-ed: none where all are finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> DifferenceBits(ReadOnlySpan<float> values)
    {
        Vector256<float> a = Vector256.Create(values), b = Vector256.Create(values[8..]), c = Vector256.Create(values[16..]), d = Vector256.Create(values[24..]);
        return ((a - a).AsInt32() | (b - b).AsInt32()) | ((c - c).AsInt32() | (d - d).AsInt32());
    }

    internal static void RefuseNonFinite(SafetensorsTensor tensor, string? path)
    {
        int index = FirstNonFinite(tensor);
        if (index >= 0)
        {
            throw new ModelFormatException(
                $"tensor {ModelFormatException.Quote(tensor.Name)} is not finite at element {index}", tensor.Offset + (4L * index), path);
        }
    }

    /// <summary>Tensor of what streams start from, where that is not zero.</summary>
    internal const string InitialStateName = "initial_state";

    internal static string Version => typeof(ModelFile).Assembly.GetName().Version?.ToString(3) ?? "";

    private static ModelInfo ReadInfo(SafetensorsFile file, string? path)
    {
        var layers = StrictJson.Read<ArchitectureRecord>(file, ArchitectureRecord.Key, path).Layers;
        var preprocessing = StrictJson.Read<PreprocessingRecord>(file, PreprocessingRecord.Key, path);
        var provenance = StrictJson.Read<ProvenanceRecord>(file, ProvenanceRecord.Key, path);
        ModelInfo known = Preprocessing.Read(preprocessing, path);
        return known with
        {
            Vocabulary = ReadVocabulary(preprocessing.Vocabulary, layers, path),
            Layers = layers,
            Metadata = OtherMetadata.Of(file),
            LibraryVersion = provenance.Library,
            Seed = provenance.Seed,
            Training = provenance.Training,
        };
    }

    private static Vocabulary? ReadVocabulary(IReadOnlyList<string>? symbols, IReadOnlyList<LayerInfo> layers, string? path)
    {
        if (symbols is null)
            return null;
        if (layers.Count > 0 && layers[0]?.Vocabulary is { } size && size != symbols.Count)
            throw Fail($"the vocabulary has {symbols.Count} symbols, the embedding {size}", path);
        return Preprocessing.Valid("vocabulary", () => new Vocabulary(symbols), path);
    }

    /// <summary>Every tensor the layers need is there with its type, shape and finite values, and no other.</summary>
    private static void CheckTensors(SafetensorsFile file, List<TensorPlace> places, IReadOnlyList<LayerInfo> layers, string? path)
    {
        List<ParameterShape> parameters;
        try
        {
            parameters = Architecture.Check(layers);
            if (file.Metadata.ContainsKey(CheckpointRecord.Key))
                parameters.AddRange(StrictJson.Read<CheckpointRecord>(file, CheckpointRecord.Key, path).Tensors(layers, parameters));
            if (places.Exists(place => place.Name == InitialStateName))
                parameters.Add(InitialStateOf(layers));
        }
        catch (InvalidDataException e)
        {
            throw new ModelFormatException($"metadata is not valid: {e.Message}", SafetensorsHeaderParser.Start, path, e);
        }

        var tensors = places.ToDictionary(place => place.Name, StringComparer.Ordinal);
        foreach (var (name, shape, type) in parameters)
        {
            if (!tensors.Remove(name, out var tensor))
                throw Fail($"tensor {ModelFormatException.Quote(name)} is missing", path);
            if (tensor.Type != type || !tensor.Shape.AsSpan().SequenceEqual(shape))
            {
                throw new ModelFormatException(
                    $"tensor {ModelFormatException.Quote(name)} is {tensor.Type.Name()} {SafetensorsTensor.ShapeText(tensor.Shape)}; "
                    + $"the architecture needs {type.Name()} {SafetensorsTensor.ShapeText(shape)}", tensor.Offset, path);
            }
        }

        foreach (var tensor in places)
        {
            if (tensors.ContainsKey(tensor.Name))
                throw new ModelFormatException($"tensor {ModelFormatException.Quote(tensor.Name)} belongs to no layer", tensor.Offset, path);
        }
    }

    private static ParameterShape InitialStateOf(IReadOnlyList<LayerInfo> layers) => new(InitialStateName, Architecture.StateLength(layers) is > 0 and var length
        ? [length] : throw new InvalidDataException($"the layers carry no state that {InitialStateName} could be"));

    private static ModelFormatException Fail(string problem, string? path) => new(problem, SafetensorsHeaderParser.Start, path);
}

/// <summary>A tensor as its file declares it, and where its bytes begin.</summary>
internal readonly record struct TensorPlace(string Name, TensorType Type, int[] Shape, long Offset);
