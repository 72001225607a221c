using FastRnn.Graphs;

namespace FastRnn.Formats.Tensors;

/// <summary>Floats to floats, rounded, and integers to integers, where they fit: files made by hand have the type that their maker's program prefers.</summary>
internal static class TensorConversion
{
    /// <exception cref="ModelFormatException">There is no such conversion, or an integer does not fit.</exception>
    public static GraphTensor To(GraphTensor tensor, ElementType type, string? path)
    {
        if (tensor.Type == type)
            return tensor;
        var result = new GraphTensor(type, tensor.Shape);
        switch (tensor.Type, type)
        {
            case (ElementType.Float64, ElementType.Float32):
                for (int i = 0; i < result.Length; i++)
                    result.Values<float>()[i] = (float)tensor.Values<double>()[i];
                return result;
            case (ElementType.Float32, ElementType.Float64):
                for (int i = 0; i < result.Length; i++)
                    result.Values<double>()[i] = tensor.Values<float>()[i];
                return result;
            case (ElementType.Int32, ElementType.Int64):
                for (int i = 0; i < result.Length; i++)
                    result.Values<long>()[i] = tensor.Values<int>()[i];
                return result;
            case (ElementType.Int64, ElementType.Int32):
                for (int i = 0; i < result.Length; i++)
                    result.Values<int>()[i] = Narrow(tensor.Values<long>()[i], i, path);
                return result;
            default:
                throw new ModelFormatException($"the elements are {tensor.Type.Name()}, {type.Name()} are expected", -1, path);
        }
    }

    private static int Narrow(long value, int index, string? path) => value == (int)value
        ? (int)value
        : throw new ModelFormatException($"element {index} is {value}, which is no int32", -1, path);
}
