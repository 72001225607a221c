namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>
/// A strict reader of the part of HDF5 that h5py writes for models (HDF5 File Format Specification Version 3.0): superblocks 0 to 3 with addresses and lengths of
/// 8 bytes, groups, attributes of text, data sets of floating-point numbers. Nothing outside the file is ever looked at; what is not read is refused by name.
/// </summary>
internal sealed class HdfFile
{
    private const int AddressBytes = 8;

    private readonly HashSet<long> _dataSets = [];
    private long _nodes;

    private HdfFile(HdfBytes bytes, ImportLimits limits, CancellationToken cancellation) => (Bytes, Limits, Cancellation) = (bytes, limits, cancellation);

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'H', (byte)'D', (byte)'F', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    public HdfBytes Bytes { get; }

    public ImportLimits Limits { get; }

    public CancellationToken Cancellation { get; }

    /// <summary>The group that holds everything.</summary>
    public HdfObject Root { get; private set; } = null!;

    /// <summary>Bytes that data sets may still take, as float32.</summary>
    public long BytesLeft { get; set; }

    /// <exception cref="ModelFormatException">Not HDF5, damaged, or of a kind that is not read.</exception>
    public static HdfFile Open(HdfBytes bytes, ImportLimits limits, CancellationToken cancellation)
    {
        var file = new HdfFile(bytes, limits, cancellation) { BytesLeft = limits.TensorBytes };
        HdfCursor head = bytes.Cursor(0, Math.Min(16, bytes.Length), "the superblock");
        head.Signature(Signature, "the file");
        long versionAt = head.Offset;
        byte version = head.Byte();
        file.Root = new HdfObject(file, version switch
        {
            0 or 1 => file.OldRoot(version),
            2 or 3 => file.NewRoot(),
            _ => throw bytes.Error($"superblock version {version}; 0 to 3 are read", versionAt),
        });
        return file;
    }

    /// <summary>Counts a block of metadata, of which a file may have so many.</summary>
    public void Count(long offset, int blocks = 1)
    {
        Cancellation.ThrowIfCancellationRequested();
        _nodes += blocks;
        if (_nodes > 8L * Limits.Nodes)
            throw Bytes.Error($"more blocks of metadata than the limit of {8L * Limits.Nodes}", offset);
    }

    /// <summary>Each data set has one name and is read once.</summary>
    public void Visit(long dataSet)
    {
        if (!_dataSets.Add(dataSet))
            throw Bytes.Error("the data set here is linked twice", dataSet);
        if (_dataSets.Count > Limits.Tensors)
            throw Bytes.Error($"more data sets than the limit of {Limits.Tensors}", dataSet);
    }

    private long OldRoot(int version)
    {
        HdfCursor cursor = Bytes.Cursor(0, version == 0 ? 96 : 100, "the superblock");
        cursor.Skip(9);
        cursor.Expect(0, "version of the free space");
        cursor.Expect(0, "version of the root group's entry");
        cursor.Skip(1);
        cursor.Expect(0, "version of shared messages");
        Sizes(ref cursor);
        cursor.Skip(version == 0 ? 9 : 13);
        BaseAndEnd(ref cursor, driver: true);
        cursor.Skip(AddressBytes);
        return Root0(cursor.Address("the root group"), cursor.Offset);
    }

    private long NewRoot()
    {
        byte[] block = Bytes.Read(0, 48, "the superblock");
        HdfChecksum.Check(Bytes, block, 0, "the superblock");
        var cursor = new HdfCursor(Bytes, block, 0, "the superblock");
        cursor.Skip(9);
        Sizes(ref cursor);
        cursor.Skip(1);
        BaseAndEnd(ref cursor, driver: false);
        return Root0(cursor.Address("the root group"), cursor.Offset);
    }

    private static void Sizes(ref HdfCursor cursor)
    {
        cursor.Expect(AddressBytes, "size of addresses");
        cursor.Expect(AddressBytes, "size of lengths");
    }

    private void BaseAndEnd(ref HdfCursor cursor, bool driver)
    {
        long at = cursor.Offset;
        if (cursor.Address("the base") != 0)
            throw Bytes.Error("the base address is not 0: files inside others are not read", at);
        at = cursor.Offset;
        if (cursor.Address(driver ? "free space" : "the superblock's extension") != HdfCursor.Nowhere)
            throw Bytes.Error(driver ? "managed free space is not read" : "a superblock extension is not read", at);
        at = cursor.Offset;
        ulong end = cursor.UInt64();
        if (end != (ulong)Bytes.Length)
            throw Bytes.Error($"the file says it ends at byte {end}, it has {Bytes.Length}", at);
        at = cursor.Offset;
        if (driver && cursor.Address("the driver's block") != HdfCursor.Nowhere)
            throw Bytes.Error("files of several parts (a driver's block) are not read", at);
    }

    private long Root0(long address, long after) =>
        address != HdfCursor.Nowhere ? address : throw Bytes.Error("there is no root group", after - AddressBytes);
}
