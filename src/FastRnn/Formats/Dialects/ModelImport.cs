using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats.Dialects;

/// <summary>Reads model files of any known kind: FastRnn's own and those of other programs.</summary>
public static class ModelImport
{
    private const int HeadBytes = 4096;

    /// <summary>In the order in which they are asked; each must know its own from the first bytes.</summary>
    private static readonly IModelReader[] _readers =
    [
        new SafetensorsModelReader(),
        new Keras.KerasHdf5Reader(),
        new Keras.KerasArchiveReader(),
        new Onnx.OnnxReader(),
    ];

    /// <summary>Reads a file of any kind that is known.</summary>
    /// <param name="path">The file.</param>
    /// <param name="backend">Where the model will compute; it stays the caller's.</param>
    /// <param name="options">What the file does not say, and what it may ask for.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="ModelFormatException">The file is damaged, of no known kind, or has something that FastRnn does not.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ImportedModel Load(string path, Backend backend, ImportOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(backend);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            return Load(stream, path, backend, options ?? new ImportOptions(), cancellation);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path}: is a folder, not a model file." : $"{path}: access is denied.", e);
        }
    }

    internal static ImportedModel Load(Stream stream, string path, Backend backend, ImportOptions options, CancellationToken cancellation = default)
    {
        if (!stream.CanSeek)
            throw new IOException($"{path}: not a regular file, so its length is unknown.");
        if (stream.Length > options.Limits.FileBytes)
            throw new ModelFormatException($"the file has {stream.Length} bytes, more than the limit of {options.Limits.FileBytes}", 0, path);
        Span<byte> head = stackalloc byte[HeadBytes];
        head = head[..stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false)];
        stream.Position = 0;
        foreach (IModelReader reader in _readers)
        {
            if (reader.Recognizes(head, path))
                return reader.Read(stream, path, backend, options, cancellation);
        }
        throw new ModelFormatException($"of no known kind; known are {string.Join(", ", _readers.Select(reader => reader.Name))}", 0, path);
    }
}

/// <summary>FastRnn's own files.</summary>
internal sealed class SafetensorsModelReader : IModelReader
{
    public string Name => "FastRnn safetensors";

    public bool Recognizes(ReadOnlySpan<byte> head, string path) => head.Length > 8 && head[8] == '{' && head[5..8].IndexOfAnyExcept((byte)0) < 0;

    public ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        SafetensorsFile file = SafetensorsReader.Read(stream, path, new SafetensorsLimits { FileBytes = options.Limits.FileBytes }, cancellation);
        (Sequential model, ModelInfo info) = ModelFile.Build(file, path, backend);
        return new ImportedModel(Name, model, info);
    }
}
