using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
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
    public static IsaLevel Widest { get; } = HasAvx512 ? IsaLevel.Avx512 : HasAvx2 ? IsaLevel.Avx2 : IsaLevel.Scalar;

    /// <summary>The level in use: <see cref="Widest"/> unless the environment forces another.</summary>
    /// <exception cref="PlatformNotSupportedException">The variable names an unknown level, or one that this CPU lacks.</exception>
    public static IsaLevel Current => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <summary>Constants where code is compiled ahead of time, so that it leaves out the kernels that it can never run.</summary>
    internal static bool HasAvx512
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx512F.IsSupported && Avx512DQ.IsSupported;
    }

    internal static bool HasAvx2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported && Fma.IsSupported;
    }

    /// <summary>Whether the kernels of AVX2 may run as a level of their own.</summary>
    internal static bool HasAvx2Alone
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HasAvx2 && !(HasAvx512 && WidestOnly);
    }

    internal static bool HasScalar
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !(HasAvx2 && WidestOnly);
    }

    /// <summary>
    /// Whether this program has kernels of the widest level only: it is one of several, compiled for a level each, of which another has the rest.
    /// </summary>
    [FeatureSwitchDefinition("FastRnn.WidestOnly")]
    internal static bool WidestOnly => AppContext.TryGetSwitch("FastRnn.WidestOnly", out bool only) && only;

    /// <summary>The levels that this program has kernels for on this CPU, narrowest first.</summary>
    internal static IEnumerable<IsaLevel> Levels => Enum.GetValues<IsaLevel>().Where(Has);

    internal static bool Has(IsaLevel level) => level == Widest || (level < Widest && !WidestOnly);

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

    internal static PlatformNotSupportedException Lacks(string wish, IsaLevel level) => new(
        level > Widest ? $"{wish}: this CPU offers {Name(Widest)} at most" : $"{wish}: this program has kernels for {Name(Widest)} only");

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
        return Has(level) ? level : throw Lacks($"{EnvironmentVariable}={forced}", level);
    }
}
