using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using FastRnn.Numerics;

namespace FastRnn.Formats;

/// <summary>
/// Writes safetensors as the reference writer lays them out: header padded with spaces to a multiple of 8 bytes, wide elements first, so that
/// every tensor is aligned. Equal content gives equal bytes.
/// </summary>
internal static class SafetensorsWriter
{
    /// <summary>Letters of any script stay readable; the header is never embedded in HTML.</summary>
    private static readonly JsonWriterOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Replaces the file at once and durably; see <see cref="AtomicFile.Write"/> for the errors.</summary>
    public static void Write(string path, SafetensorsFile file, FileLayer? layer = null) =>
        AtomicFile.Write(path, Serialize(file), layer);

    /// <summary>The file as consecutive parts: length and header, then the bytes of each tensor, not copied.</summary>
    /// <exception cref="ArgumentException">The content breaks a limit that the reader enforces.</exception>
    public static IReadOnlyList<ReadOnlyMemory<byte>> Serialize(SafetensorsFile file)
    {
        var tensors = file.Tensors.OrderByDescending(tensor => tensor.Type.Size()).ToList(); // stable
        Check(tensors);
        byte[] header = Header(file.Metadata, tensors);

        var crc = new Crc32C();
        crc.Append(header);
        foreach (var tensor in tensors)
            crc.Append(tensor.Bytes);
        Encoding.ASCII.GetBytes(SafetensorsEnvelope.Digits(crc.Value), header.AsSpan(DigitsAt(header)));

        var parts = new List<ReadOnlyMemory<byte>> { header };
        foreach (var tensor in tensors)
            parts.Add(tensor.Bytes);
        return parts;
    }

    private static void Check(List<SafetensorsTensor> tensors)
    {
        if (tensors.Count > SafetensorsLimits.Tensors)
            throw new ArgumentException($"{tensors.Count} tensors; at most {SafetensorsLimits.Tensors} fit in a file.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (tensor.Name == "__metadata__" || !names.Add(tensor.Name))
                throw new ArgumentException($"Two tensors are named {tensor.Name}, or the name is reserved.");
            if (Encoding.UTF8.GetByteCount(tensor.Name) > SafetensorsLimits.NameBytes)
                throw new ArgumentException($"The name of a tensor is longer than {SafetensorsLimits.NameBytes} bytes.");
            if (tensor.Shape.Length > SafetensorsLimits.Rank)
                throw new ArgumentException($"{tensor} has more than {SafetensorsLimits.Rank} dimensions.");
        }
    }

    private static byte[] Header(SortedDictionary<string, string> metadata, List<SafetensorsTensor> tensors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(new byte[SafetensorsHeaderParser.Start]);
        using (var json = new Utf8JsonWriter(buffer, _json))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            long position = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.Name());
                json.WriteStartArray("shape");
                foreach (int size in tensor.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(position += tensor.Bytes.LongLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        byte[] header = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        header.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header);
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - SafetensorsHeaderParser.Start);
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, SortedDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        long start = json.BytesCommitted + json.BytesPending;
        json.WriteString(SafetensorsEnvelope.ChecksumKey, SafetensorsEnvelope.Blank);
        json.WriteString(SafetensorsEnvelope.FormatKey, SafetensorsEnvelope.Format);
        foreach (var (key, value) in metadata)
        {
            if (key is SafetensorsEnvelope.ChecksumKey or SafetensorsEnvelope.FormatKey)
                throw new ArgumentException($"{key} is written by the writer itself.");
            json.WriteString(key, value);
        }

        long bytes = json.BytesCommitted + json.BytesPending - start;
        if (bytes > SafetensorsLimits.MetadataBytes - 2) // braces
            throw new ArgumentException($"{bytes} bytes of metadata; at most {SafetensorsLimits.MetadataBytes} fit in a file.");
        json.WriteEndObject();
    }

    /// <summary>Inside a value the quotes would be escaped, and a tensor's name is followed by an object: the text occurs once.</summary>
    private static int DigitsAt(ReadOnlySpan<byte> header)
    {
        byte[] before = Encoding.ASCII.GetBytes($"\"{SafetensorsEnvelope.ChecksumKey}\":\"");
        return header.IndexOf(before) + before.Length;
    }
}
