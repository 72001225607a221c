using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FastRnn.Formats.Dialects.Keras.Hdf5;

/// <summary>Numbers of a data set.</summary>
/// <param name="Name">In the file, for messages.</param>
/// <param name="Shape">Row-major sizes.</param>
/// <param name="Values">As float32.</param>
/// <param name="Offset">Of the data set's header in the file that the user has named; negative when that is not one place.</param>
internal sealed record HdfTensor(string Name, int[] Shape, float[] Values, long Offset);

/// <summary>Reads data sets of IEEE numbers that are stored in the header, in one piece, or in chunks.</summary>
internal static class HdfDataSet
{
    /// <summary>All values. Nothing is allocated before the bytes that make them are known to be there.</summary>
    public static (int[] Shape, float[] Values) Read(HdfObject from)
    {
        HdfFile file = from.File;
        file.Visit(from.Address);
        HdfType type = HdfType.Read(Needed(from, HdfMessageKind.Datatype, "a type").Cursor(file.Bytes, "a data type"));
        HdfMessage space = Needed(from, HdfMessageKind.Dataspace, "sizes");
        int[] shape = HdfShape.Read(space.Cursor(file.Bytes, "sizes"), file.Limits);
        if (!type.IsNumber)
            throw file.Bytes.Error($"the data set holds {type.Name}; float16, float32 and float64 (little-endian) are read", from.Address);
        UInt128 count = HdfShape.Count(shape), bytes = count * (uint)type.Bytes;
        if (count * sizeof(float) > (UInt128)Math.Max(0, file.BytesLeft) || count > (UInt128)Array.MaxLength)
            throw file.Bytes.Error($"{SafetensorsTensor.ShapeText(shape)} values are more than the limit of {file.Limits.TensorBytes} bytes leaves", space.Offset);
        if (bytes > (UInt128)Array.MaxLength)
            throw file.Bytes.Error($"a data set of {bytes} bytes is longer than memory can hold in one piece", space.Offset);
        file.BytesLeft -= (long)count * sizeof(float);
        return (shape, Values(from, type, shape, (long)bytes));
    }

    private static float[] Values(HdfObject from, HdfType type, int[] shape, long bytes)
    {
        HdfFile file = from.File;
        HdfMessage layout = Needed(from, HdfMessageKind.Layout, "a layout");
        HdfCursor cursor = layout.Cursor(file.Bytes, "a layout");
        int version = cursor.Byte(), kind = cursor.Byte();
        if (version is not (3 or 4))
            throw file.Bytes.Error($"layout version {version}; 3 and 4 are read", layout.Offset);
        if (kind == 3)
            throw file.Bytes.Error("a virtual data set, which is made of others, is not read", layout.Offset);
        if (kind > 3)
            throw file.Bytes.Error($"layout {kind} is not known", layout.Offset);
        if (kind < 2 && from.Message(HdfMessageKind.Filters) is { } filters)
            throw file.Bytes.Error("filters on values that are not in chunks", filters.Offset);
        if (kind == 2)
            return Numbers(new HdfChunks(from, type, shape, version, cursor).Read((int)bytes), type);
        long at = cursor.Offset, stored = kind == 0 ? cursor.UInt16() : 0, address = kind == 0 ? cursor.Offset : cursor.Address("a data set");
        if (kind == 1)
            stored = cursor.Length("a data set");
        else
            cursor.Take((int)stored);
        if (stored != bytes)
            throw file.Bytes.Error($"{SafetensorsTensor.ShapeText(shape)} {type.Name} need {bytes} bytes, {stored} are stored", at);
        if (bytes == 0)
            return [];
        if (address == HdfCursor.Nowhere)
            throw file.Bytes.Error("the data set has sizes and no values", at);
        if (type.Kind != HdfKind.Single)
            return Numbers(file.Bytes.ReadValues(address, bytes, "a data set"), type);
        var values = new float[bytes / sizeof(float)];
        file.Bytes.ReadValues(address, MemoryMarshal.AsBytes(values.AsSpan()), "a data set");
        return values;
    }

    private static float[] Numbers(ReadOnlySpan<byte> bytes, HdfType type)
    {
        var values = new float[bytes.Length / type.Bytes];
        for (int i = 0; i < values.Length; i++)
        {
            ReadOnlySpan<byte> number = bytes.Slice(i * type.Bytes, type.Bytes);
            values[i] = type.Kind switch
            {
                HdfKind.Half => (float)BinaryPrimitives.ReadHalfLittleEndian(number),
                HdfKind.Single => BinaryPrimitives.ReadSingleLittleEndian(number),
                _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(number),
            };
        }
        return values;
    }

    private static HdfMessage Needed(HdfObject from, HdfMessageKind kind, string what) =>
        from.Message(kind) ?? throw from.File.Bytes.Error($"a data set without {what}", from.Address);
}
