using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>A trained array under PyTorch's name and layout, with its gradient beside it.</summary>
public sealed class Parameter
{
    private readonly Backend _backend;

    internal Parameter(Backend backend, string name, DeviceBuffer value, params int[] shape)
    {
        _backend = backend;
        Name = name;
        Shape = shape;
        Value = value;
        Gradient = backend.InferenceOnly ? null! : backend.Allocate(value.Rows, value.Columns);
    }

    /// <summary>PyTorch's name, for example <c>1.weight_ih_l0</c>: index of the layer, then the name inside it.</summary>
    public string Name { get; internal set; }

    /// <summary>PyTorch's shape, for example [4·hidden, input].</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Length => Value.Length;

    internal Backend Backend => _backend;

    internal DeviceBuffer Value { get; }

    /// <summary>Not there where nothing is trained, see <see cref="Backend.InferenceOnly"/>.</summary>
    internal DeviceBuffer Gradient { get; }

    /// <summary>Copies the values, row by row.</summary>
    /// <param name="values">Exactly <see cref="Length"/> elements.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public void Read(Span<float> values)
    {
        CheckLength(values.Length);
        _backend.Read(Value, values);
    }

    /// <summary>Replaces the values, row by row.</summary>
    /// <param name="values">Exactly <see cref="Length"/> elements.</param>
    /// <exception cref="ArgumentException">Another length.</exception>
    public void Write(ReadOnlySpan<float> values)
    {
        CheckLength(values.Length);
        _backend.Write(Value, values);
    }

    /// <summary>Replaces whole rows of the array as the back end has it, from the first on.</summary>
    internal void WriteRows(int first, ReadOnlySpan<float> values)
    {
        _backend.Write(_backend.View(Value, first, values.Length / Value.Columns), values);
        Value.Touch();
    }

    /// <summary>
    /// The values where they lie, as long as this object is alive, or nothing where this process does not see them row behind row. Who writes them says so, see
    /// <see cref="DeviceBuffer.Touch"/>.
    /// </summary>
    internal Span<float> HostMemory => _backend.HostMemory(Value);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}]";

    private void CheckLength(int length)
    {
        if (length != Length)
            throw new ArgumentException($"{Name} [{string.Join(", ", Shape)}] holds {Length} values, {length} given");
    }
}
