using System.Buffers.Binary;
using System.Globalization;
using FastRnn.Numerics;

namespace FastRnn.Formats;

/// <summary>
/// Reads safetensors (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, JSON header, data. Whatever the
/// bytes are, only <see cref="ModelFormatException"/>, <see cref="IOException"/> and <see cref="OperationCanceledException"/> leave it, and no
/// array is allocated before the file's own length has proven that it can be filled.
/// </summary>
internal static class SafetensorsReader
{
    /// <summary>Bytes of one read call between two looks at the cancellation token.</summary>
    private const int ReadBlock = 1 << 24;

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="ModelFormatException">The file breaks a rule of the format, or its checksum does not match.</exception>
    /// <exception cref="IOException">The file cannot be opened or read; also where access is denied.</exception>
    public static SafetensorsFile Read(string path, SafetensorsLimits? limits = null, CancellationToken cancellation = default)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            return Read(stream, path, limits, cancellation);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path}: is a folder, not a model file." : $"{path}: access is denied.", e);
        }
    }

    /// <summary>Reads from the current position (the file's begin) of a stream that knows its length.</summary>
    public static SafetensorsFile Read(
        Stream stream, string? path = null, SafetensorsLimits? limits = null, CancellationToken cancellation = default)
    {
        SafetensorsSource source = Open(stream, path, limits);
        SafetensorsFile file = source.File;
        source.ReadWhole(
            entry =>
            {
                file.Tensors.Add(new(entry.Name, entry.Type, entry.Shape, new byte[entry.End - entry.Begin], source.OffsetOf(entry)));
                return file.Tensors[^1].Bytes;
            },
            cancellation);
        return file;
    }

    /// <summary>Reads and checks the header: from here on every tensor's bytes are known to be there.</summary>
    /// <param name="stream">At the file's begin; it must know its length.</param>
    /// <param name="path">For messages.</param>
    /// <param name="limits">What the file may ask for.</param>
    public static SafetensorsSource Open(Stream stream, string? path, SafetensorsLimits? limits = null)
    {
        if (!stream.CanSeek)
            throw new IOException($"{path ?? "model"}: not a regular file, so its length is unknown.");
        long length = stream.Length;
        long budget = (limits ?? SafetensorsLimits.Default).FileBytes;
        if (length > budget)
            throw new ModelFormatException($"the file has {length} bytes, more than the limit of {budget}", 0, path);

        Span<byte> prefix = stackalloc byte[SafetensorsHeaderParser.Start];
        byte[] json = ReadHeader(stream, length, prefix, path);
        var header = SafetensorsHeaderParser.Parse(json, path);
        long dataStart = SafetensorsHeaderParser.Start + json.Length;
        CheckLayout(header, (ulong)(length - dataStart), dataStart, path);
        uint? expected = CheckEnvelope(header, json, path);
        var crc = new Crc32C();
        crc.Append(prefix);
        crc.Append(json);
        return new SafetensorsSource(stream, path, header, dataStart, expected, crc);
    }

    private static byte[] ReadHeader(Stream stream, long length, Span<byte> prefix, string? path)
    {
        if (length < prefix.Length)
            throw new ModelFormatException($"the file has {length} bytes, too few for a header length", length, path);
        stream.ReadExactly(prefix);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        ulong rest = (ulong)(length - prefix.Length);
        if (size > SafetensorsLimits.HeaderBytes)
        {
            throw new ModelFormatException(
                $"not a safetensors file: header of {size} bytes, the limit is {SafetensorsLimits.HeaderBytes}", 0, path);
        }

        if (size > rest)
            throw new ModelFormatException($"the header of {size} bytes is longer than the rest of the file, {rest} bytes", 0, path);
        if (size < 2)
            throw new ModelFormatException($"a header of {size} bytes cannot hold an object", 0, path);

        // The first byte alone decides about files that are something else, before anything is allocated for them.
        int first = stream.ReadByte();
        if (first != '{')
            throw new ModelFormatException("not a safetensors file: the header does not begin with '{'", prefix.Length, path);
        byte[] json = new byte[size];
        json[0] = (byte)first;
        stream.ReadExactly(json.AsSpan(1));
        return json;
    }

    /// <summary>Puts the entries in file order; they must cover the data without hole or overlap to its last byte.</summary>
    private static void CheckLayout(SafetensorsHeader header, ulong dataLength, long dataStart, string? path)
    {
        header.Entries.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        ulong position = 0;
        foreach (var entry in header.Entries)
        {
            string name = ModelFormatException.Quote(entry.Name);
            if (entry.Begin != position)
            {
                string kind = entry.Begin < position ? "overlaps the tensor before it" : "leaves a hole before it";
                throw new ModelFormatException($"tensor {name} begins at {entry.Begin} but should at {position}: it {kind}", entry.Offset, path);
            }

            if (entry.End > dataLength)
                throw new ModelFormatException($"tensor {name} ends at {entry.End}, the data at {dataLength}", entry.Offset, path);
            if (entry.End - entry.Begin > (ulong)Array.MaxLength)
                throw new ModelFormatException($"tensor {name} is larger than {Array.MaxLength} bytes", entry.Offset, path);
            position = entry.End;
        }

        if (position != dataLength)
        {
            throw new ModelFormatException(
                $"{dataLength - position} bytes after the last tensor belong to nothing", dataStart + (long)position, path);
        }
    }

    /// <summary>Returns the expected checksum, or null where the file has none; blanks its digits in the header.</summary>
    private static uint? CheckEnvelope(SafetensorsHeader header, byte[] json, string? path)
    {
        var metadata = header.Metadata;
        if (metadata.TryGetValue(SafetensorsEnvelope.FormatKey, out string? format) && format != SafetensorsEnvelope.Format)
        {
            throw new ModelFormatException(
                $"file format {ModelFormatException.Quote(format)}; this version reads format {SafetensorsEnvelope.Format}",
                header.MetadataOffset, path);
        }

        if (!metadata.TryGetValue(SafetensorsEnvelope.ChecksumKey, out string? digits))
        {
            foreach (string key in metadata.Keys)
            {
                if (key.StartsWith(SafetensorsEnvelope.Prefix, StringComparison.Ordinal))
                {
                    throw new ModelFormatException(
                        $"metadata has {ModelFormatException.Quote(key)} but no {SafetensorsEnvelope.ChecksumKey}",
                        header.MetadataOffset, path);
                }
            }

            return null;
        }

        if (digits == SafetensorsEnvelope.Unchecked)
            return null;
        var raw = json.AsSpan(header.ChecksumAt, Math.Min(8, json.Length - header.ChecksumAt));
        if (!uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint expected)
            || SafetensorsEnvelope.Digits(expected) != digits || !System.Text.Ascii.Equals(raw, digits))
        {
            throw new ModelFormatException(
                $"{SafetensorsEnvelope.ChecksumKey} is {ModelFormatException.Quote(digits)}, neither eight digits nor none",
                SafetensorsHeaderParser.Start + header.ChecksumAt, path);
        }

        raw.Fill((byte)'0');
        return expected;
    }

    internal static void ReadData(Stream stream, Span<byte> bytes, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (bytes.IsEmpty)
                return;
            int count = Math.Min(bytes.Length, ReadBlock);
            stream.ReadExactly(bytes[..count]);
            bytes = bytes[count..];
        }
    }
}
