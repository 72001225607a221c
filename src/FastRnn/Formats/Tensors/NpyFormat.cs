using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>
/// NumPy's array files, versions 1.0 to 3.0, little-endian, in either order of elements; NumPy's own description of the format: numpy.lib.format. Nothing but numbers is
/// read: an array of Python objects, which other programs would run code to load, is refused by its type.
/// </summary>
internal static class NpyFormat
{
    private const int Alignment = 64;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <exception cref="ModelFormatException">The bytes are no such file, or its elements are no numbers that FastRnn has.</exception>
    public static GraphTensor Read(byte[] bytes, string? path, ImportLimits limits)
    {
        if (!bytes.AsSpan().StartsWith(Magic))
            throw new ModelFormatException("not a .npy file: it does not begin with \\x93NUMPY", 0, path);
        int lengthAt = Magic.Length + 2;
        int version = bytes.Length > Magic.Length ? bytes[Magic.Length] : 0, lengthBytes = version == 1 ? 2 : 4;
        if (version is < 1 or > 3)
            throw new ModelFormatException($"version {version} of the format is not known", Magic.Length, path);
        if (bytes.Length < lengthAt + lengthBytes)
            throw new ModelFormatException("the file ends within its header's length", bytes.Length, path);
        ReadOnlySpan<byte> field = bytes.AsSpan(lengthAt, lengthBytes);
        long header = lengthBytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(field) : BinaryPrimitives.ReadUInt32LittleEndian(field);
        int start = lengthAt + lengthBytes;
        if (header > bytes.Length - start)
            throw new ModelFormatException($"the header has {header} bytes, {bytes.Length - start} are left", lengthAt, path);
        var description = NpyHeader.Parse(bytes.AsSpan(start, (int)header), start, path, limits);
        return Elements(bytes, start + (int)header, description, path, limits);
    }

    public static IReadOnlyList<ReadOnlyMemory<byte>> Write(GraphTensor tensor)
    {
        string type = tensor.Type switch
        {
            ElementType.Float32 => "<f4",
            ElementType.Float64 => "<f8",
            ElementType.Int64 => "<i8",
            ElementType.Int32 => "<i4",
            _ => "|b1",
        };
        var shape = new StringBuilder("(");
        foreach (int size in tensor.Shape)
            shape.Append(CultureInfo.InvariantCulture, $"{size},{(tensor.Shape.Length > 1 ? " " : "")}");
        string sizes = tensor.Shape.Length > 1 ? shape.ToString()[..^2] : shape.ToString();
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {sizes}), }}";
        int prefix = Magic.Length + 2 + sizeof(ushort), length = (prefix + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] head = new byte[length];
        head.AsSpan().Fill((byte)' ');
        Magic.CopyTo(head);
        (head[Magic.Length], head[Magic.Length + 1], head[^1]) = (1, 0, (byte)'\n');
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(Magic.Length + 2), (ushort)(length - prefix));
        Encoding.ASCII.GetBytes(text, head.AsSpan(prefix));
        return [head, tensor.Bytes.ToArray()];
    }

    /// <summary>The elements lie as those of a TensorProto do.</summary>
    private static GraphTensor Elements(byte[] bytes, int start, NpyHeader header, string? path, ImportLimits limits)
    {
        var elements = new OnnxTensor(start, bytes.Length) { DataType = header.DataType, RawStart = start, RawLength = bytes.Length - start };
        int[] shape = [.. header.Shape];
        if (header.ColumnMajor)
            Array.Reverse(shape); // in the other order the same bytes are those of the transposed array
        elements.Dimensions.AddRange(shape);
        GraphTensor tensor = new OnnxTensorData(bytes, path, limits).Read(elements);
        return header.ColumnMajor ? Reversed(tensor) : tensor;
    }

    /// <summary>All axes in the other order.</summary>
    private static GraphTensor Reversed(GraphTensor tensor)
    {
        int[] shape = tensor.Shape.ToArray();
        Array.Reverse(shape);
        var result = new GraphTensor(tensor.Type, shape);
        int rank = shape.Length, size = tensor.Type.Size();
        var place = new int[rank];
        var strides = new int[rank];
        for (int axis = 0, stride = 1; axis < rank; stride *= shape[axis++])
            strides[axis] = stride;
        for (int to = 0, from = 0; to < result.Length; to++)
        {
            tensor.Bytes.Slice(from * size, size).CopyTo(result.Bytes[(to * size)..]);
            for (int axis = rank - 1; axis >= 0; axis--)
            {
                from += strides[axis];
                if (++place[axis] < shape[axis])
                    break;
                from -= strides[axis] * shape[axis];
                place[axis] = 0;
            }
        }
        return result;
    }
}

/// <summary>The dictionary literal of Python's that a .npy file begins with: read by hand, never as Python.</summary>
internal sealed record NpyHeader(int DataType, bool ColumnMajor, IReadOnlyList<int> Shape)
{
    private const int LongestHeader = 1 << 16;

    /// <exception cref="ModelFormatException">The text is no description of numbers.</exception>
    public static NpyHeader Parse(ReadOnlySpan<byte> text, int offset, string? path, ImportLimits limits)
    {
        if (text.Length > LongestHeader)
            throw new ModelFormatException($"the header has {text.Length} bytes, more than the limit of {LongestHeader}", offset, path);
        var scanner = new NpyScanner(text, offset, path);
        (int? type, bool? order, List<int>? shape) = (null, null, null);
        scanner.Expect('{');
        while (!scanner.Accept('}'))
        {
            int at = scanner.Offset;
            string key = scanner.Text();
            scanner.Expect(':');
            bool again = key switch { "descr" => type != null, "fortran_order" => order != null, "shape" => shape != null, _ => false };
            if (again)
                throw new ModelFormatException($"the header has {key} twice", at, path);
            if (key == "descr")
                type = DataTypeOf(scanner.Text(), at, path);
            else if (key == "fortran_order")
                order = scanner.Truth();
            else if (key == "shape")
                shape = scanner.Sizes(limits.Rank);
            else
                throw new ModelFormatException($"the header has {ModelFormatException.Quote(key)}, which is not known", at, path);
            if (!scanner.Accept(','))
            {
                scanner.Expect('}');
                break;
            }
        }
        scanner.End();
        return type is { } elements && order is { } columnMajor && shape != null
            ? new NpyHeader(elements, columnMajor, shape)
            : throw new ModelFormatException("the header lacks descr, fortran_order or shape", offset, path);
    }

    /// <summary>ONNX's number of NumPy's type.</summary>
    private static int DataTypeOf(string text, int offset, string? path) => text switch
    {
        "<f4" => 1,
        "|u1" or "<u1" => 2,
        "|i1" or "<i1" => 3,
        "<u2" => 4,
        "<i2" => 5,
        "<i4" => 6,
        "<i8" => 7,
        "|b1" => 9,
        "<f2" => 10,
        "<f8" => 11,
        "<u4" => 12,
        _ when text.StartsWith('>') => throw new ModelFormatException($"elements of the type {ModelFormatException.Quote(text)} are big-endian, little-endian is expected", offset, path),
        _ => throw new ModelFormatException($"elements of the type {ModelFormatException.Quote(text)} are not supported", offset, path),
    };
}

/// <summary>Reads what a header is made of.</summary>
internal ref struct NpyScanner(ReadOnlySpan<byte> text, int offset, string? path)
{
    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;

    /// <summary>In the file.</summary>
    public readonly int Offset => offset + _at;

    public bool Accept(char c)
    {
        Skip();
        if (_at == _text.Length || _text[_at] != c)
            return false;
        _at++;
        return true;
    }

    public void Expect(char c)
    {
        if (!Accept(c))
            throw Error($"the header has no '{c}' here");
    }

    /// <summary>A text in quotes of either kind, without escapes.</summary>
    public string Text()
    {
        Skip();
        if (_at == _text.Length || _text[_at] is not ((byte)'\'' or (byte)'"'))
            throw Error("the header has no text here");
        ReadOnlySpan<byte> rest = _text[(_at + 1)..];
        int end = rest.IndexOf(_text[_at]);
        if (end < 0)
            throw Error("the header has a text without an end");
        if (rest[..end].Contains((byte)'\\'))
            throw Error("the header has a text with escapes");
        _at += end + 2;
        return Encoding.UTF8.GetString(rest[..end]);
    }

    public bool Truth()
    {
        Skip();
        bool yes = _text[_at..].StartsWith("True"u8);
        if (!yes && !_text[_at..].StartsWith("False"u8))
            throw Error("the header has neither True nor False here");
        _at += yes ? 4 : 5;
        return yes;
    }

    /// <summary>A tuple of sizes.</summary>
    public List<int> Sizes(int most)
    {
        var sizes = new List<int>();
        Expect('(');
        while (!Accept(')'))
        {
            if (sizes.Count == most)
                throw Error($"the array has more than the limit of {most} dimensions");
            sizes.Add(Size());
            if (!Accept(','))
            {
                Expect(')');
                break;
            }
        }
        return sizes;
    }

    /// <summary>Nothing but white space is left.</summary>
    public void End()
    {
        Skip();
        if (_at < _text.Length)
            throw Error("the header goes on behind its end");
    }

    private int Size()
    {
        Skip();
        int digits = _text[_at..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits <= 0 || !int.TryParse(_text.Slice(_at, digits), NumberStyles.None, CultureInfo.InvariantCulture, out int size))
            throw Error("the header has no size here");
        _at += digits;
        Accept('L'); // as Python 2 wrote its long integers
        return size;
    }

    private void Skip()
    {
        while (_at < _text.Length && _text[_at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
            _at++;
    }

    private readonly ModelFormatException Error(string problem) => new(problem, Offset, path);
}
