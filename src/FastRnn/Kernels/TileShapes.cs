using System.Runtime.InteropServices;

namespace FastRnn.Kernels;

/// <summary>
/// A number for the compiler, so that one source makes a tile of every shape: the type's size. A size is a constant before anything is inlined, so that what
/// a shape has not is never looked at; a property is a call until it is inlined, dead code is inlined with the rest, and at 512 temporaries the compiler stops:
/// that of .NET 9 then left calls in the loops of all wide tiles (six rows of 64 columns took 3.2 times as long).
/// </summary>
internal interface ICount;

[StructLayout(LayoutKind.Sequential, Size = 1)]
internal readonly struct N1 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 2)]
internal readonly struct N2 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 3)]
internal readonly struct N3 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 4)]
internal readonly struct N4 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 5)]
internal readonly struct N5 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 6)]
internal readonly struct N6 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 7)]
internal readonly struct N7 : ICount;

[StructLayout(LayoutKind.Sequential, Size = 8)]
internal readonly struct N8 : ICount;

/// <summary>
/// How a tile's k walks through A: in groups of so many, <c>Stride</c> apart; 0 stands for <see cref="TileArgs.Stride"/> and
/// <see cref="TileArgs.GroupStride"/>. A number of k that is no multiple of the group ends with single ones, and continues the last group's stride.
/// </summary>
internal interface IWalk
{
    static abstract int Group { get; }

    static abstract int Stride { get; }

    /// <summary>From the first of a group to the first of the next.</summary>
    static abstract int GroupStride { get; }
}

/// <summary>Along the row of a matrix.</summary>
internal readonly struct AlongRow : IWalk
{
    public static int Group => 4;

    public static int Stride => 1;

    public static int GroupStride => 4;
}

/// <summary>Rows of a batch, four by four.</summary>
internal readonly struct InFours : IWalk
{
    public static int Group => 4;

    public static int Stride => 0;

    public static int GroupStride => 0;
}

/// <summary>The same for rows of 64 floats: a unit block's four strips.</summary>
internal readonly struct InFoursOf64 : IWalk
{
    public static int Group => 4;

    public static int Stride => 64;

    public static int GroupStride => 256;
}

/// <summary>The gates of a unit, then those of the next.</summary>
internal readonly unsafe struct AlongGates<TGates> : IWalk
    where TGates : unmanaged, ICount
{
    public static int Group => sizeof(TGates);

    public static int Stride => 16;

    public static int GroupStride => 1;
}

/// <summary>Walk of a tile and width of its panel: the kernel table's index.</summary>
internal enum TileKind
{
    /// <summary><see cref="AlongRow"/>, 64 columns.</summary>
    Row,

    /// <summary><see cref="InFours"/>, 64 columns, as the next.</summary>
    Fours,

    /// <summary><see cref="InFoursOf64"/>.</summary>
    FoursOf64,

    /// <summary><see cref="AlongGates{TGates}"/> of four, as the next.</summary>
    FourGates,
    ThreeGates,
    TwoGates,

    /// <summary><see cref="AlongRow"/>, the three gates of 16 units.</summary>
    RowOf48,

    /// <summary>The two gates of 16 units.</summary>
    RowOf32,
    Count,
}
