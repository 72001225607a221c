using System.Buffers.Binary;
using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>
/// Elements of TensorProtos in every form that they come in. What an element type narrower than the graph's own is widened to stands in
/// <see cref="ElementType"/>. Nothing is allocated before as many elements are counted as the shape asks for.
/// </summary>
internal sealed class OnnxTensorData(byte[] bytes, string? path, ImportLimits limits)
{
    private long _total;

    /// <summary>The element type in a run, or null where there is none.</summary>
    public static ElementType? RunType(int dataType) => dataType switch
    {
        1 or 10 or 16 => ElementType.Float32,
        11 => ElementType.Float64,
        7 or 12 => ElementType.Int64,
        2 or 3 or 4 or 5 or 6 => ElementType.Int32,
        9 => ElementType.Bool,
        _ => null,
    };

    /// <summary>ONNX's name of an element type.</summary>
    public static string TypeName(int dataType) => dataType switch
    {
        0 => "undefined",
        1 => "float",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "string",
        9 => "bool",
        10 => "float16",
        11 => "double",
        12 => "uint32",
        13 => "uint64",
        14 => "complex64",
        15 => "complex128",
        16 => "bfloat16",
        _ => $"number {dataType}",
    };

    /// <summary>Reads the elements.</summary>
    /// <exception cref="ModelFormatException">They are not as many as the shape asks for, or of a type that FastRnn does not compute with.</exception>
    public GraphTensor Read(OnnxTensor tensor)
    {
        ElementType type = RunType(tensor.DataType) ?? throw Error(tensor, $"has elements of type {TypeName(tensor.DataType)}, which FastRnn does not compute with");
        int[] shape = [.. tensor.Dimensions];
        long length = ShapeMath.Length(shape);
        if (length < 0 || length * type.Size() > limits.TensorBytes || (_total += length * type.Size()) > limits.TensorBytes)
            throw Error(tensor, $"{SafeText.Shape(shape)} passes the limit of {limits.TensorBytes} bytes for all tensors");
        int size = FileSize(tensor.DataType);
        if (tensor.IsExternal)
        {
            // At most what the file has is read, which OnnxExternalData checks first.
            byte[] outside = OnnxExternalData.Read(tensor, length * size, path, limits);
            return Widened(tensor, outside, type, shape);
        }
        if (tensor.RawStart >= 0)
        {
            if (tensor.RawLength != length * size)
                throw Error(tensor, $"has {tensor.RawLength} bytes of data, {SafeText.Shape(shape)} of {TypeName(tensor.DataType)} needs {length * size}");
            return Widened(tensor, bytes.AsSpan(tensor.RawStart, tensor.RawLength), type, shape);
        }
        return Typed(tensor, type, shape, length);
    }

    private ModelFormatException Error(OnnxTensor tensor, string problem) => new($"tensor {ModelFormatException.Quote(tensor.Name)} {problem}", tensor.Offset, path);

    private static int FileSize(int dataType) => dataType switch
    {
        2 or 3 or 9 => 1,
        4 or 5 or 10 or 16 => 2,
        7 or 11 => 8,
        _ => 4,
    };

    /// <summary>Little-endian elements one after the other.</summary>
    private GraphTensor Widened(OnnxTensor tensor, ReadOnlySpan<byte> data, ElementType type, int[] shape)
    {
        var result = new GraphTensor(type, shape);
        if (BitConverter.IsLittleEndian && tensor.DataType is 1 or 6 or 7 or 11)
        {
            data[..result.Bytes.Length].CopyTo(result.Bytes); // as they are
            return result;
        }
        int size = FileSize(tensor.DataType);
        for (int i = 0; i < result.Length; i++)
            Put(tensor, result, i, Bits(data.Slice(i * size, size)));
        return result;
    }

    private static ulong Bits(ReadOnlySpan<byte> element) => element.Length switch
    {
        1 => element[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(element),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(element),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(element),
    };

    /// <summary>An element of which the file has these bits, or, in fields of varints, this number.</summary>
    private void Put(OnnxTensor tensor, GraphTensor to, int index, ulong bits)
    {
        switch (tensor.DataType)
        {
            case 1:
                to.Values<float>()[index] = BitConverter.UInt32BitsToSingle((uint)bits);
                break;
            case 10:
                to.Values<float>()[index] = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
                break;
            case 16:
                to.Values<float>()[index] = BitConverter.UInt32BitsToSingle((uint)(ushort)bits << 16);
                break;
            case 11:
                to.Values<double>()[index] = BitConverter.UInt64BitsToDouble(bits);
                break;
            case 7:
                to.Values<long>()[index] = (long)bits;
                break;
            case 12:
                to.Values<long>()[index] = (uint)bits;
                break;
            case 9:
                to.Values<bool>()[index] = bits <= 1 ? bits == 1 : throw Error(tensor, $"has a bool that is {bits}");
                break;
            default:
                to.Values<int>()[index] = tensor.DataType switch
                {
                    2 => (byte)bits,
                    3 => (sbyte)bits,
                    4 => (ushort)bits,
                    5 => (short)bits,
                    _ => (int)bits,
                };
                break;
        }
    }

    /// <summary>Elements in float_data, int32_data, int64_data, double_data or uint64_data, packed or one by one.</summary>
    private GraphTensor Typed(OnnxTensor tensor, ElementType type, int[] shape, long length)
    {
        (int field, WireType wire) = tensor.DataType switch
        {
            1 => (4, WireType.Fixed32),
            11 => (10, WireType.Fixed64),
            7 => (7, WireType.Varint),
            12 => (11, WireType.Varint),
            _ => (5, WireType.Varint),
        };
        long count = 0;
        var reader = new ProtoReader(bytes, tensor.Start, tensor.End, path);
        while (reader.Next())
        {
            if (reader.Field == field)
                count += Count(ref reader, wire);
            else
                reader.Skip();
        }
        if (count != length)
            throw Error(tensor, $"has {count} elements of data, {SafeText.Shape(shape)} needs {length}");
        var result = new GraphTensor(type, shape);
        int index = 0;
        reader = new ProtoReader(bytes, tensor.Start, tensor.End, path);
        while (reader.Next())
        {
            if (reader.Field == field)
                Elements(ref reader, wire, tensor, result, ref index);
            else
                reader.Skip();
        }
        return result;
    }

    private long Count(ref ProtoReader reader, WireType wire)
    {
        if (reader.Wire == wire)
        {
            reader.Skip();
            return 1;
        }
        (int start, int length) = reader.Range();
        if (wire != WireType.Varint)
        {
            int size = wire == WireType.Fixed32 ? 4 : 8;
            return length % size == 0 ? length / size : throw reader.Error($"{length} bytes are no list of elements of {size} bytes");
        }
        int ends = 0;
        foreach (byte b in bytes.AsSpan(start, length))
            ends += b < 0x80 ? 1 : 0;
        return ends;
    }

    private void Elements(ref ProtoReader reader, WireType wire, OnnxTensor tensor, GraphTensor to, ref int index)
    {
        if (reader.Wire == wire)
        {
            Put(tensor, to, index++, wire == WireType.Varint ? reader.Raw() : Bits(reader.Fixed(wire)));
            return;
        }
        (int start, int length) = reader.Range();
        if (wire == WireType.Varint)
        {
            var packed = new ProtoReader(bytes, start, start + length, path);
            while (packed.Position < packed.End)
                Put(tensor, to, index++, packed.Raw());
            return;
        }
        int size = wire == WireType.Fixed32 ? 4 : 8;
        for (int i = 0; i < length; i += size)
            Put(tensor, to, index++, Bits(bytes.AsSpan(start + i, size)));
    }
}
