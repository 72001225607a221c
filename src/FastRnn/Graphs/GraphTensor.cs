using System.Runtime.InteropServices;

namespace FastRnn.Graphs;

/// <summary>An array that goes into or comes out of a <see cref="GraphModel"/>: dense, row-major, of any rank; rank 0 is a single element.</summary>
public sealed class GraphTensor
{
    /// <summary>One block of bytes for every element type: what only moves elements – transposing, slicing, joining – need not know the type.</summary>
    private byte[] _bytes;

    /// <summary>Never changed in place, so that whoever holds the array holds the shape.</summary>
    private int[] _shape;

    /// <summary>The bytes are another tensor's.</summary>
    private bool _borrowed;

    /// <summary>A tensor of zeros.</summary>
    /// <param name="type">Of its elements.</param>
    /// <param name="shape">Sizes, none negative; none at all for a single element.</param>
    /// <exception cref="ArgumentException">A size is negative, or the tensor has 2 GB or more.</exception>
    public GraphTensor(ElementType type, params ReadOnlySpan<int> shape)
    {
        Type = type;
        _shape = shape.ToArray();
        long length = ShapeMath.Length(shape);
        if (length < 0 || length * type.Size() > Array.MaxLength)
            throw new ArgumentException($"a tensor {SafeText.Shape(shape)} of {type.Name()} cannot be", nameof(shape));
        Length = (int)length;
        _bytes = new byte[Length * type.Size()];
    }

    /// <summary>What the elements are.</summary>
    public ElementType Type { get; private set; }

    /// <summary>Sizes; empty for a single element.</summary>
    public ReadOnlySpan<int> Shape => _shape;

    /// <summary>Number of elements.</summary>
    public int Length { get; private set; }

    /// <summary>Whoever gets it must not write it.</summary>
    internal int[] Dimensions => _shape;

    /// <summary>The elements' bytes, in this machine's order.</summary>
    internal Span<byte> Bytes => _bytes.AsSpan(0, Length * Type.Size());

    /// <summary>Bytes that it keeps.</summary>
    internal long Capacity => _borrowed ? 0 : _bytes.Length;

    /// <summary>A tensor of given values, copied.</summary>
    /// <param name="values">Row-major; float, double, long, int or bool.</param>
    /// <param name="shape">Sizes, whose product is the number of values.</param>
    /// <exception cref="ArgumentException">The number of values is another.</exception>
    public static GraphTensor Of<T>(ReadOnlySpan<T> values, params ReadOnlySpan<int> shape)
        where T : unmanaged
    {
        if (ShapeMath.Length(shape) != values.Length)
            throw new ArgumentException($"{values.Length} values do not fill {SafeText.Shape(shape)}", nameof(values));
        var tensor = new GraphTensor(ElementTypes.Of<T>(), shape);
        values.CopyTo(tensor.Values<T>());
        return tensor;
    }

    /// <summary>The elements, row-major, in place.</summary>
    /// <exception cref="ArgumentException">They are of another type.</exception>
    public Span<T> Values<T>()
        where T : unmanaged =>
        ElementTypes.Of<T>() == Type ? MemoryMarshal.Cast<byte, T>(Bytes)
        : throw new ArgumentException($"the elements are {Type.Name()}, not {ElementTypes.Of<T>().Name()}");

    /// <summary>A copy of its own.</summary>
    internal GraphTensor Clone()
    {
        var copy = new GraphTensor(Type, _shape);
        Bytes.CopyTo(copy.Bytes);
        return copy;
    }

    /// <summary>
    /// Gives it another type and shape; the elements hold anything. Bytes are kept where they suffice, so a value that is computed again and again
    /// allocates nothing.
    /// </summary>
    internal void Resize(ElementType type, int[] shape)
    {
        long length = ShapeMath.Length(shape), bytes = length * type.Size();
        if (length < 0 || bytes > Array.MaxLength)
            throw new ArgumentException($"a tensor {SafeText.Shape(shape)} of {type.Name()} cannot be", nameof(shape));
        if (_borrowed || bytes > _bytes.Length)
            _bytes = GC.AllocateUninitializedArray<byte>((int)bytes);
        (_borrowed, Type, _shape, Length) = (false, type, shape, (int)length);
    }

    /// <summary>Becomes another view of a tensor's elements.</summary>
    internal void Borrow(GraphTensor source, int[] shape)
    {
        (_bytes, _borrowed, Type, _shape, Length) = (source._bytes, true, source.Type, shape, source.Length);
    }

    /// <summary>Whether what is written to one shows in the other.</summary>
    internal bool Shares(GraphTensor other) => ReferenceEquals(_bytes, other._bytes);

    /// <summary>Becomes a copy; allocates only where it does not fit.</summary>
    internal void CopyFrom(GraphTensor source)
    {
        Resize(source.Type, source._shape);
        source.Bytes.CopyTo(Bytes);
    }

    /// <summary>Element of an integer tensor.</summary>
    internal long Integer(int index) => Type == ElementType.Int64 ? Values<long>()[index] : Values<int>()[index];
}
