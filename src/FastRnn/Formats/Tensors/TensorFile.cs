using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>A tensor with the name that its file gives it; empty where it gives none.</summary>
internal sealed record NamedTensor(string Name, GraphTensor Value);

/// <summary>
/// Files of a single tensor, told apart by the end of their names: <c>.npy</c> of NumPy, <c>.pb</c> of ONNX (TensorProto), <c>.csv</c> (rows of numbers) and <c>.json</c> (lists
/// in lists, or an object with type, shape and values). Whatever the bytes are, only <see cref="ModelFormatException"/> and <see cref="IOException"/> leave it.
/// </summary>
internal static class TensorFile
{
    public const string Known = ".npy, .pb, .csv or .json";

    private enum Kind
    {
        Npy,
        Proto,
        Csv,
        Json,
    }

    /// <summary>Whether the end of a name is that of a kind of file that is known here.</summary>
    public static bool IsKnown(string path) => KindOf(path) != null;

    /// <summary>Reads a tensor.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">
    /// What its elements are to be: what texts do not say, float32 unless given; other files' floats and integers are converted to it. Null takes them as they are.
    /// </param>
    /// <param name="limits">What the file may ask for.</param>
    /// <exception cref="ModelFormatException">The file is damaged, of no known kind, or its elements cannot be what is wanted.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NamedTensor Read(string path, ElementType? wanted = null, ImportLimits? limits = null)
    {
        Kind kind = KindOf(path) ?? throw new ModelFormatException($"a tensor's file ends in {Known}", -1, path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            if (!stream.CanSeek)
                throw new IOException($"{path}: not a regular file, so its length is unknown.");
            return Read(OnnxReader.ReadAll(stream, path, limits ?? ImportLimits.Default, CancellationToken.None), path, kind, wanted, limits ?? ImportLimits.Default);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path}: is a folder, not a tensor's file." : $"{path}: access is denied.", e);
        }
    }

    /// <summary>The same from the bytes of a file of that name.</summary>
    internal static NamedTensor Read(byte[] bytes, string path, ElementType? wanted, ImportLimits limits) => Read(bytes, path, KindOf(path)!.Value, wanted, limits);

    /// <summary>Writes a tensor, whole or not at all. CSV keeps the last size alone: one line for each row of the others.</summary>
    /// <exception cref="IOException">The file cannot be written; an old one stays.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written; an old one stays.</exception>
    public static void Write(string path, NamedTensor tensor) => AtomicFile.Write(path, Parts(path, tensor));

    /// <summary>The bytes of a file of that name.</summary>
    internal static IReadOnlyList<ReadOnlyMemory<byte>> Parts(string path, NamedTensor tensor) => KindOf(path) switch
    {
        Kind.Npy => NpyFormat.Write(tensor.Value),
        Kind.Proto => TensorProtoFormat.Write(tensor),
        Kind.Csv => [CsvTensor.Write(tensor.Value)],
        Kind.Json => [JsonTensor.Write(tensor)],
        _ => throw new ModelFormatException($"a tensor's file ends in {Known}", -1, path),
    };

    private static NamedTensor Read(byte[] bytes, string path, Kind kind, ElementType? wanted, ImportLimits limits)
    {
        NamedTensor read = kind switch
        {
            Kind.Npy => new("", NpyFormat.Read(bytes, path, limits)),
            Kind.Proto => TensorProtoFormat.Read(bytes, path, limits),
            Kind.Csv => new("", CsvTensor.Read(bytes, path, wanted ?? ElementType.Float32, limits)),
            _ => JsonTensor.Read(bytes, path, wanted ?? ElementType.Float32, limits),
        };
        return wanted is { } type ? read with { Value = TensorConversion.To(read.Value, type, path) } : read;
    }

    private static Kind? KindOf(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".NPY" => Kind.Npy,
        ".PB" => Kind.Proto,
        ".CSV" => Kind.Csv,
        ".JSON" => Kind.Json,
        _ => null,
    };
}
