using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>Weights of 8 bits, packed: panels [panel][quad of k][column][4 k], and what belongs to a column, [panel][column].</summary>
internal unsafe struct BytePanels
{
    public sbyte* Weights;
    public float* Scales;
    public int* Starts;

    /// <summary>K.</summary>
    public nint Depth;

    /// <summary>Columns of a panel.</summary>
    public nint Width;

    public readonly nint Quads => QuadsOf(Depth);

    /// <summary>Quads that hold so many k.</summary>
    public static nint QuadsOf(nint depth) => (depth + 3) / 4;

    /// <summary>Bytes of packed weights.</summary>
    public static nint Bytes(nint depth, nint panels, nint width) => panels * QuadsOf(depth) * width * 4;

    /// <summary>
    /// Rounds W's rows and packs them. Column n of the panels is the row that <paramref name="columns"/> says, or zeros.
    /// </summary>
    public readonly void Pack(float* w, nint stride, in PanelColumns columns, nint panels)
    {
        for (nint n = 0; n < panels * Width; n++)
        {
            nint row = columns.Row(n), panel = n / Width;
            sbyte* to = Weights + (panel * Quads * Width * 4) + (n % Width * 4);
            Scales[n] = PackRow(row < 0 ? null : w + (row * stride), to, out int sum);
            Starts[n] = -128 * sum;
        }
    }

    private readonly float PackRow(float* row, sbyte* to, out int sum)
    {
        float magnitude = 0f;
        for (nint k = 0; row != null && k < Depth; k++)
            magnitude = MathF.Max(magnitude, MathF.Abs(row[k])); // NaN wins
        float inverse = Int8Rounding.Inverse(magnitude);
        sum = 0;
        for (nint k = 0; k < 4 * Quads; k++)
        {
            int q = row == null || k >= Depth ? 0 : Int8Rounding.Round(row[k], inverse);
            to[(k / 4 * Width * 4) + (k % 4)] = (sbyte)q;
            sum += q;
        }
        return Int8Rounding.Scale(magnitude);
    }
}

/// <summary>
/// Which row of W a packed column is: of several gates the gates of 16 units are neighbours, of one gate – or of a plain matrix – all rows follow each other.
/// </summary>
internal readonly struct PanelColumns(int[] gates, nint rows)
{
    private static readonly int[] _single = [0];

    /// <summary>A plain matrix, or one gate of it.</summary>
    public PanelColumns(nint rows)
        : this(_single, rows)
    {
    }

    /// <summary>W's row for a column, or −1 for padding.</summary>
    public nint Row(nint column)
    {
        nint strip = column / 16, gate = strip % gates.Length, unit = (strip / gates.Length * 16) + (column % 16);
        return unit < rows ? (gates[gate] * rows) + unit : -1;
    }
}

/// <summary>Drives <see cref="ByteProduct"/> over a whole product, row by row.</summary>
internal static unsafe class ByteGemm
{
    /// <summary>Longest row, rounded, that has room on the stack.</summary>
    private const int StackRow = 16_384;

    /// <summary>
    /// C = Init + A·B as <see cref="Gemm.Run"/>, with B of 8 bits, for some of its panels. A's rows are contiguous.
    /// </summary>
    [SkipLocalsInit]
    public static void Run(KernelTable table, in GemmArgs args, nint firstPanel, nint endPanel)
    {
        nint row = (args.Bytes->Depth + 15) & ~(nint)15;
        if (row <= StackRow)
        {
            byte* room = stackalloc byte[(int)row];
            RunRows(table, args, room, firstPanel, endPanel);
            return;
        }
        var block = (byte*)NativeMemory.Alloc((nuint)row);
        RunRows(table, args, block, firstPanel, endPanel);
        NativeMemory.Free(block);
    }

    private static void RunRows(KernelTable table, in GemmArgs args, byte* x, nint firstPanel, nint endPanel)
    {
        BytePanels* panels = args.Bytes;
        var product = new ByteProductArgs { X = x, Quads = panels->Quads, QuadBytes = 4 * panels->Width, InitStrip = args.InitVector, CStrip = args.CVector };
        for (nint row = 0; row < args.Rows; row++)
        {
            product.Scale = table.Quantize(args.A + (row * args.ARow), panels->Depth, x);
            for (nint panel = firstPanel; panel < endPanel; panel++)
            {
                nint first = panel * panels->Width;
                product.Panel = panels->Weights + (first * panels->Quads * 4);
                product.WeightScales = panels->Scales + first;
                product.Starts = panels->Starts + first;
                product.Init = args.Init + (row * args.InitRow) + (panel * args.InitPanel);
                product.C = args.C + (row * args.CRow) + (panel * args.CPanel);
                table.ByteProducts[(Math.Min(panels->Width, args.Columns - first + 15) / 16) - 1](&product);
            }
        }
    }
}
