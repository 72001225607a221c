using FastRnn.Numerics;

namespace FastRnn.Formats;

/// <summary>Gets rows of a tensor: the first row's index, and so many whole rows' bytes, which stay the caller's.</summary>
internal delegate void TensorRows(int row, ReadOnlySpan<byte> bytes);

/// <summary>
/// An open safetensors file whose header is known to be sound and whose data has not been read yet: weights go from the file to where they belong through one
/// small block, and the checksum is taken as they pass.
/// </summary>
internal sealed class SafetensorsSource
{
    /// <summary>Stays in the second level of the cache between the system's copy, the checksum and the copy to its place.</summary>
    private const int BlockBytes = 1 << 18;

    private readonly Stream _stream;
    private readonly string? _path;
    private readonly SafetensorsHeader _header;
    private readonly uint? _expected;
    private readonly Crc32C _begun;
    private readonly long _dataStart;
    private byte[] _block = new byte[BlockBytes];

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
    /// <param name="rowBytes">Bytes of the rows that a tensor is handed out in.</param>
    /// <param name="rowsOf">Gets them.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="ModelFormatException">The checksum does not match.</exception>
    public void Read(Func<SafetensorsEntry, long> rowBytes, Func<SafetensorsEntry, TensorRows> rowsOf, CancellationToken cancellation)
    {
        Seek(_dataStart);
        Crc32C crc = _begun;
        foreach (SafetensorsEntry entry in Entries)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.End > entry.Begin)
                ReadRows(entry, rowBytes(entry), rowsOf(entry), ref crc, cancellation);
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
            Read(_ => 1, _ => (_, _) => { }, cancellation);
    }

    /// <summary>Not every stream that is read once, in order, can be asked to go where it is.</summary>
    private void Seek(long position)
    {
        if (_stream.Position != position)
            _stream.Position = position;
    }

    private void ReadRows(SafetensorsEntry entry, long rowBytes, TensorRows rows, ref Crc32C crc, CancellationToken cancellation)
    {
        long left = (long)(entry.End - entry.Begin);
        int row = 0, most = (int)Math.Max(1, BlockBytes / rowBytes);
        if (rowBytes > _block.Length)
            _block = new byte[rowBytes];
        while (left > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> block = _block.AsSpan(0, (int)Math.Min(left, most * rowBytes));
            _stream.ReadExactly(block);
            if (_expected != null)
                crc.Append(block);
            rows(row, block);
            (left, row) = (left - block.Length, row + most);
        }
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
}
