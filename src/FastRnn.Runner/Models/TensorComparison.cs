using FastRnn.Formats.Tensors;
using FastRnn.Graphs;

namespace FastRnn.Runner;

/// <summary>The first element in which two tensors differ.</summary>
internal sealed record TensorDifference(string Element, string Expected, string Actual, int Count, int Of);

/// <summary>Whether a tensor is the one that is expected: |actual − expected| ≤ atol + rtol·|expected|; integers, truths and what is not finite must be the same.</summary>
internal sealed record TensorComparison(double Relative, double Absolute)
{
    /// <summary>What differs in type or shape, or null.</summary>
    public static string? Misfit(GraphTensor expected, GraphTensor actual) =>
        expected.Type != actual.Type ? $"expected {expected.Type.Name()}, actual {actual.Type.Name()}"
        : !expected.Shape.SequenceEqual(actual.Shape) ? $"expected shape {SafeText.Shape(expected.Shape)}, actual shape {SafeText.Shape(actual.Shape)}"
        : null;

    /// <summary>What differs in tensors of one type and shape, or null.</summary>
    public TensorDifference? Find(GraphTensor expected, GraphTensor actual)
    {
        (int first, int count) = (-1, 0);
        for (int i = 0; i < expected.Length; i++)
        {
            if (Same(expected, actual, i))
                continue;
            first = count++ == 0 ? i : first;
        }
        return count == 0 ? null : new(GraphText.Place(expected.Shape, first), TensorText.Write(expected, first), TensorText.Write(actual, first), count, expected.Length);
    }

    private bool Same(GraphTensor expected, GraphTensor actual, int index)
    {
        if (!expected.Type.IsFloat())
            return expected.Type == ElementType.Bool ? expected.Values<bool>()[index] == actual.Values<bool>()[index] : expected.Integer(index) == actual.Integer(index);
        (double a, double b) = (Number(expected, index), Number(actual, index));
        return double.IsFinite(a) && double.IsFinite(b) ? Math.Abs(a - b) <= Absolute + (Relative * Math.Abs(a)) : a.Equals(b);
    }

    private static double Number(GraphTensor tensor, int index) => tensor.Type == ElementType.Float32 ? tensor.Values<float>()[index] : tensor.Values<double>()[index];
}
