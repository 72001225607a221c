using System.Diagnostics.CodeAnalysis;

namespace FastRnn.Numerics;

/// <summary>How inference stores the weights that it multiplies with. Training and model files know float32 only.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "formats of numbers have no other names")]
public enum WeightPrecision
{
    /// <summary>As they were trained.</summary>
    Float32,

    /// <summary>
    /// bfloat16, a float32 without its lower 16 bits: half the bytes. Each weight is rounded to nearest, ties to even; arithmetic is that of
    /// float32, so the results are, to the bit, those of a float32 model whose weights were rounded first.
    /// </summary>
    BFloat16,

    /// <summary>
    /// 8-bit integers in [−127, 127] with a scale for each row of a weight matrix, its greatest magnitude divided by 127: a quarter of the bytes. The
    /// vector that they multiply, x or h of a step, is rounded likewise with a scale of its own; sums of products are exact integers, of at most 65,536
    /// terms: a model with a wider layer opens no session so (<see cref="NotSupportedException"/>). Biases, states and functions stay float32.
    /// </summary>
    Int8,
}

/// <summary>Names of precisions.</summary>
public static class WeightPrecisions
{
    /// <summary>As options and tables spell it: <c>f32</c>, <c>bf16</c>, <c>int8</c>.</summary>
    public static string Name(this WeightPrecision precision) => precision switch
    {
        WeightPrecision.Float32 => "f32",
        WeightPrecision.BFloat16 => "bf16",
        WeightPrecision.Int8 => "int8",
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "unknown precision"),
    };
}
