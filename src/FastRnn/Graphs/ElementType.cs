namespace FastRnn.Graphs;

/// <summary>What the elements of a graph's tensor are. Files' narrower types are widened: float16 and bfloat16 to float32, 8 and 16 bit integers to int32, uint32 to int64.</summary>
public enum ElementType
{
#pragma warning disable CA1720 // names of types are what is meant
    /// <summary>float.</summary>
    Float32,

    /// <summary>double.</summary>
    Float64,

    /// <summary>long.</summary>
    Int64,

    /// <summary>int.</summary>
    Int32,

    /// <summary>bool, a byte each.</summary>
    Bool,
#pragma warning restore CA1720
}

internal static class ElementTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Float64 or ElementType.Int64 => 8,
        ElementType.Float32 or ElementType.Int32 => 4,
        _ => 1,
    };

    public static string Name(this ElementType type) => type switch
    {
        ElementType.Float32 => "float32",
        ElementType.Float64 => "float64",
        ElementType.Int64 => "int64",
        ElementType.Int32 => "int32",
        _ => "bool",
    };

    public static bool IsFloat(this ElementType type) => type is ElementType.Float32 or ElementType.Float64;

    public static bool IsInteger(this ElementType type) => type is ElementType.Int64 or ElementType.Int32;

    /// <summary>The type of .NET's, or an error that names it.</summary>
    public static ElementType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(double) ? ElementType.Float64
        : typeof(T) == typeof(long) ? ElementType.Int64
        : typeof(T) == typeof(int) ? ElementType.Int32
        : typeof(T) == typeof(bool) ? ElementType.Bool
        : throw new ArgumentException($"{typeof(T).Name} is no element type of a graph");
}
