using System.Text;
using System.Text.Json;
using FastRnn.Backends;
using FastRnn.Formats.Dialects.Keras.Hdf5;

namespace FastRnn.Formats.Dialects.Keras;

/// <summary>Keras's HDF5 files: whole models, and weights alone.</summary>
internal sealed class KerasHdf5Reader : IModelReader
{
    public string Name => "Keras HDF5";

    public bool Recognizes(ReadOnlySpan<byte> head, string path) => head.StartsWith(HdfFile.Signature);

    public ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        HdfFile file = HdfFile.Open(new HdfBytes(stream, 0, stream.Length, path), options.Limits, cancellation);
        var draft = new ModelDraft(Name, path);
        HdfObject root = file.Root;
        HdfObject weights = root.Child("model_weights") ?? root;
        KerasVersion version = KerasReading.Version((root.Text("keras_version") == null ? weights : root).Text("keras_version"), root.Place("keras_version"), path);
        KerasReading.Describe(draft, version, root.Text("backend") ?? weights.Text("backend"));
        if (root.Text("model_config") is not { } config)
        {
            new KerasWeightsOnly(draft, root, version, path, options).Map();
            return draft.Build(backend, options);
        }
        IKerasStore store = new KerasLegacyStore(weights);
        KerasReading.Map(draft, Encoding.UTF8.GetBytes(config), store, version, path, root.Place("model_config"), options);
        return draft.Build(backend, options);
    }
}

/// <summary>Keras's archives: <c>config.json</c>, <c>metadata.json</c>, <c>model.weights.h5</c> in a zip file.</summary>
internal sealed class KerasArchiveReader : IModelReader
{
    private const int NameAt = 30;

    public string Name => "Keras archive";

    public bool Recognizes(ReadOnlySpan<byte> head, string path)
    {
        if (!head.StartsWith("PK\u0003\u0004"u8))
            return false;
        ReadOnlySpan<byte> name = head.Length > NameAt ? head[NameAt..] : [];
        return path.EndsWith(".keras", StringComparison.OrdinalIgnoreCase) || name.StartsWith("metadata.json"u8) || name.StartsWith("config.json"u8)
            || name.StartsWith("model.weights.h5"u8);
    }

    public ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        KerasArchive archive = KerasArchive.Open(stream, path, options.Limits, cancellation);
        long metadataAt = archive.Entry(KerasArchive.Metadata).At, configAt = archive.Entry(KerasArchive.Config).At;
        var draft = new ModelDraft(Name, path);
        KerasVersion version = KerasReading.Guard(KerasArchive.Metadata, metadataAt, path, () =>
        {
            JsonValue metadata = KerasConfig.Parse(archive.Text(KerasArchive.Metadata), options.Limits);
            if (metadata.Optional("date_saved")?.String() is { } date)
                draft.Metadata["date_saved"] = date;
            return KerasReading.Version(metadata.Required("keras_version").String(), metadataAt, path);
        });
        KerasReading.Describe(draft, version, null);
        byte[] config = archive.Text(KerasArchive.Config);
        HdfFile weights = HdfFile.Open(archive.OpenWeights(), options.Limits, cancellation);
        KerasReading.Map(draft, config, new KerasPathStore(weights.Root), version, path, configAt, options);
        return draft.Build(backend, options);
    }
}

/// <summary>What both kinds of files have in common.</summary>
internal static class KerasReading
{
    /// <summary>Reads a configuration and maps its layers.</summary>
    public static void Map(ModelDraft draft, byte[] config, IKerasStore store, KerasVersion version, string? path, long configAt, ImportOptions options) =>
        Guard("the model's configuration", configAt, path, () =>
        {
            ModelFormatException Error(string problem) => new(problem, configAt, path);
            List<KerasLayer> layers = KerasConfig.Layers(KerasConfig.Parse(config, options.Limits), Error);
            new KerasMapper(draft, store, version, path, Error).Map(layers);
            return true;
        });

    /// <summary>The version of a file.</summary>
    public static KerasVersion Version(string? text, long offset, string? path) =>
        KerasVersion.Parse(text) ?? throw new ModelFormatException($"keras_version is {ModelFormatException.Quote(text!)}; versions 1 to 3 are read", offset, path);

    public static void Describe(ModelDraft draft, KerasVersion version, string? backend)
    {
        draft.Metadata["producer"] = $"Keras {version.Text}";
        if (backend != null)
            draft.Metadata["backend"] = backend;
    }

    /// <summary>Errors of JSON become errors of the file.</summary>
    public static T Guard<T>(string what, long offset, string? path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException($"{what} is not valid: {ModelFormatException.Quote(StrictJson.Reason(e), longest: 200)}", offset, path, e);
        }
    }
}
