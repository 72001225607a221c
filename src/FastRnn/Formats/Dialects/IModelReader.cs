using FastRnn.Backends;

namespace FastRnn.Formats.Dialects;

/// <summary>
/// Reads one kind of model file. Whatever the bytes are, only <see cref="ModelFormatException"/> with the offset, <see cref="IOException"/> and
/// <see cref="OperationCanceledException"/> leave it; nothing is allocated before the bytes that are to fill it are known to be there.
/// </summary>
internal interface IModelReader
{
    /// <summary>For people.</summary>
    string Name { get; }

    /// <summary>Whether a file is of this kind, by its first bytes (up to 4,096) and, where they do not tell, by the end of its name.</summary>
    bool Recognizes(ReadOnlySpan<byte> head, string path);

    /// <summary>Reads from a stream at the file's begin that knows its length.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="path">Its name, for messages and for files beside it; null when there is none.</param>
    /// <param name="backend">Where the model will compute.</param>
    /// <param name="options">What the file does not say, and may ask for.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    ImportedModel Read(Stream stream, string? path, Backend backend, ImportOptions options, CancellationToken cancellation);
}
