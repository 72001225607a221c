using FastRnn.Numerics;

namespace FastRnn.Formats;

/// <summary>Where the bytes of one tensor go as they are read.</summary>
internal abstract class TensorRows
{
    /// <summary>Bytes of a row: only whole rows are read at a time.</summary>
    public virtual long RowBytes => 1;

    /// <summary>All of the tensor where it will stay, to be read straight into, and there as long as this object is; empty where rows have to be copied.</summary>
    public virtual Span<byte> Memory => default;

    /// <summary>Throws where it does not like whole rows, of which the first one's index is given.</summary>
    public virtual void Check(int row, ReadOnlySpan<byte> bytes)
    {
    }

    /// <summary>Brings such rows to their place: where there is no <see cref="Memory"/>, and only there. The bytes stay the caller's.</summary>
    public virtual void Copy(int row, ReadOnlySpan<byte> bytes)
    {
    }

    /// <summary>All rows are in their place.</summary>
    public virtual void End()
    {
    }
}

/// <summary>
/// An open safetensors file whose header is known to be sound and whose data has not been read yet: weights go from the file to where they belong, straight or through
/// one small block, and the checksum is taken as they pass.
/// </summary>
internal sealed class SafetensorsSource
{
    /// <summary>Stays in the second level of the cache between the system's copy, the checksum and what comes then.</summary>
    private const int BlockBytes = 1 << 18;

    private readonly Stream _stream;
    private readonly string? _path;
    private readonly SafetensorsHeader _header;
    private readonly uint? _expected;
    private readonly Crc32C _begun;
    private readonly long _dataStart;
    private byte[] _block = [];

    public SafetensorsSource(Stream stream, string? path, SafetensorsHeader header, long dataStart, uint? expected, Crc32C begun)
    {
        (_stream, _path, _header, _dataStart, _expected, _begun) = (stream, path, header, dataStart, expected, begun);
        foreach (var (key, value) in header.Metadata)
        {
            if (key is not (SafetensorsEnvelope.FormatKey or SafetensorsEnvelope.ChecksumKey))
                File.Metadata.Add(key, value);
        }
    }

    /// <summary>The metadata, and no tensors.</summary>
    public SafetensorsFile File { get; } = new();

    /// <summary>In the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;

    /// <summary>Whether FastRnn has written it.</summary>
    public bool IsOwn => _header.Metadata.Keys.Any(key => key.StartsWith(SafetensorsEnvelope.Prefix, StringComparison.Ordinal));

    /// <summary>Where a tensor's bytes begin in the file.</summary>
    public long OffsetOf(SafetensorsEntry entry) => _dataStart + (long)entry.Begin;

    /// <summary>Reads all tensors once, in order.</summary>
    /// <param name="rowsOf">Where a tensor that is not empty goes.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="ModelFormatException">The checksum does not match.</exception>
    public void Read(Func<SafetensorsEntry, TensorRows> rowsOf, CancellationToken cancellation)
    {
        Seek(_dataStart);
        Crc32C crc = _begun;
        foreach (SafetensorsEntry entry in Entries)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.End > entry.Begin)
                ReadRows((long)(entry.End - entry.Begin), rowsOf(entry), ref crc, cancellation);
        }
        CheckSum(crc);
    }

    /// <summary>The same into arrays that are asked for one after the other.</summary>
    /// <exception cref="ModelFormatException">The checksum does not match.</exception>
    public void ReadWhole(Func<SafetensorsEntry, byte[]> arrayOf, CancellationToken cancellation)
    {
        Seek(_dataStart);
        Crc32C crc = _begun;
        foreach (SafetensorsEntry entry in Entries)
        {
            byte[] bytes = arrayOf(entry);
            SafetensorsReader.ReadData(_stream, bytes, cancellation);
            if (_expected != null)
                crc.Append(bytes);
        }
        CheckSum(crc);
    }

    /// <summary>The bytes of one tensor, wherever it lies; the checksum is not looked at.</summary>
    public void ReadOne(SafetensorsEntry entry, Span<byte> bytes, CancellationToken cancellation)
    {
        Seek(OffsetOf(entry));
        SafetensorsReader.ReadData(_stream, bytes, cancellation);
    }

    /// <summary>Reads all and looks at nothing but the checksum: of a file that makes no sense it is better known that it is damaged.</summary>
    /// <exception cref="ModelFormatException">The checksum does not match.</exception>
    public void RefuseDamaged(CancellationToken cancellation)
    {
        if (_expected != null)
            Read(_ => Nowhere.Instance, cancellation);
    }

    /// <summary>Not every stream that is read once, in order, can be asked to go where it is.</summary>
    private void Seek(long position)
    {
        if (_stream.Position != position)
            _stream.Position = position;
    }

    private void ReadRows(long length, TensorRows rows, ref Crc32C crc, CancellationToken cancellation)
    {
        int row = 0, most = (int)Math.Max(1, BlockBytes / rows.RowBytes);
        Span<byte> memory = rows.Memory;
        bool copies = memory.IsEmpty;
        if (copies && _block.Length < Math.Min(length, most * rows.RowBytes))
            _block = new byte[Math.Max(BlockBytes, rows.RowBytes)];
        for (long at = 0; at < length;)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(length - at, most * rows.RowBytes);
            Span<byte> block = copies ? _block.AsSpan(0, count) : memory.Slice((int)at, count);
            _stream.ReadExactly(block);
            if (_expected != null)
                crc.Append(block);
            rows.Check(row, block);
            if (copies)
                rows.Copy(row, block);
            (at, row) = (at + count, row + most);
        }
        rows.End();
        GC.KeepAlive(rows); // and with it the memory that was read into
    }

    private void CheckSum(Crc32C crc)
    {
        if (_expected is { } expected && crc.Value != expected)
        {
            throw new ModelFormatException(
                $"the file is damaged: its checksum is {SafetensorsEnvelope.Digits(crc.Value)}, it should be {SafetensorsEnvelope.Digits(expected)}",
                _header.MetadataOffset, _path);
        }
    }

    private sealed class Nowhere : TensorRows
    {
        public static readonly Nowhere Instance = new();
    }
}
