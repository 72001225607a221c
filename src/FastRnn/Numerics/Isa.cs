using System.Runtime.Intrinsics.X86;

namespace FastRnn.Numerics;

/// <summary>The instruction sets the kernels are compiled for, narrowest first.</summary>
public enum IsaLevel
{
    /// <summary>Portable code, one float at a time.</summary>
    Scalar,

    /// <summary>AVX2 with FMA: 8 floats at a time.</summary>
    Avx2,

    /// <summary>AVX-512 (F, DQ): 16 floats at a time.</summary>
    Avx512,
}

/// <summary>
/// Which instruction set runs. Detected once; the environment variable <c>FASTRNN_ISA=scalar|avx2|avx512</c> forces a level,
/// for tests and comparisons. This is the only place that asks the CPU.
/// </summary>
public static class Isa
{
    /// <summary>Name of the environment variable that forces a level.</summary>
    public const string EnvironmentVariable = "FASTRNN_ISA";

    /// <summary>The widest level this CPU and this compilation of the program support.</summary>
    public static IsaLevel Widest { get; } =
        Avx512F.IsSupported && Avx512DQ.IsSupported ? IsaLevel.Avx512
        : Avx2.IsSupported && Fma.IsSupported ? IsaLevel.Avx2
        : IsaLevel.Scalar;

    /// <summary>The level in use: <see cref="Widest"/> unless the environment forces another.</summary>
    /// <exception cref="PlatformNotSupportedException">The variable names an unknown level, or one that this CPU lacks.</exception>
    public static IsaLevel Current => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <summary>
    /// Whether 8-bit products may be summed by one instruction (AVX-VNNI, 256 bits) at the levels above scalar. Its sums are those of the other
    /// instructions, so it is no level of its own.
    /// </summary>
    internal static bool HasByteProducts => AvxVnni.IsSupported;

    /// <summary>The level's lower-case name, as the environment variable and the banners spell it.</summary>
    public static string Name(IsaLevel level) => level switch
    {
        IsaLevel.Scalar => "scalar",
        IsaLevel.Avx2 => "avx2",
        IsaLevel.Avx512 => "avx512",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "unknown instruction set"),
    };

    internal static IsaLevel Parse(string? forced)
    {
        if (string.IsNullOrEmpty(forced))
            return Widest;
        IsaLevel level = forced.ToLowerInvariant() switch
        {
            "scalar" => IsaLevel.Scalar,
            "avx2" => IsaLevel.Avx2,
            "avx512" => IsaLevel.Avx512,
            _ => throw new PlatformNotSupportedException($"{EnvironmentVariable}={forced}: expected scalar, avx2 or avx512"),
        };
        if (level > Widest)
            throw new PlatformNotSupportedException($"{EnvironmentVariable}={forced}: this CPU offers {Name(Widest)} at most");
        return level;
    }
}
