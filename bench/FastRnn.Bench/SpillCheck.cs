using System.Diagnostics;
using System.Text.RegularExpressions;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Bench;

/// <summary>
/// Looks at the machine code of every register tile, as this machine compiles it and as one without AVX-512 would: no vector may move to or from
/// the stack inside a loop. Such a move appears when the compiler runs out of registers, and costs up to half of the speed without changing a bit.
/// </summary>
internal static partial class SpillCheck
{
    private const string TilesVerb = "tiles";

    /// <summary>A report; 1 when a tile spills or nothing was seen, else 0.</summary>
    public static int Run()
    {
        int exit = 0;
        foreach (string? variable in new[] { null, "DOTNET_EnableAVX512" })
        {
            string[] listings = Listings(variable).Split("; Assembly listing for method ");
            string[] vectors = [.. listings.Where(l => IsOf(l, "Tile:Run[") && !IsOf(l, "ScalarLanes"))];
            string[] bad = [.. vectors.Where(Spills)];
            foreach (string listing in bad)
                Console.WriteLine($"spills: {listing.Split('\n')[0]}");
            Console.WriteLine($"{(variable == null ? "this machine" : variable + "=0")}: {vectors.Length} vector tiles, {bad.Length} with vectors on the stack inside a loop");
            bool sees = listings.Any(l => IsOf(l, nameof(Crowded) + ":Run(") && Spills(l));
            if (!sees)
                Console.WriteLine("the check itself is wrong: it finds no vector on the stack where registers cannot be enough");
            if (bad.Length > 0 || (Isa.Widest > IsaLevel.Scalar && (vectors.Length == 0 || !sees)))
                exit = 1;
        }
        return exit;
    }

    /// <summary>Runs every tile of every level once, so that each is compiled: what the other process does.</summary>
    public static unsafe int RunTiles()
    {
        const int depth = 5; // one group of four and a single one
        using AlignedBuffer a = new(16 * depth * 16), panel = new(depth * 64), c = new(16 * 64);
        Crowded.Run(a.Pointer, 1);
        for (IsaLevel isa = IsaLevel.Scalar; isa <= Isa.Widest; isa++)
        {
            KernelTable table = KernelTable.For(isa);
            for (int rows = 1; rows <= table.NarrowTileRows; rows++)
            {
                for (int registers = 1; registers <= 4; registers++)
                {
                    for (TileKind kind = 0; kind < TileKind.Count; kind++)
                    {
                        var args = new TileArgs { A = a.Pointer, ARow = 16, Count = depth, Stride = 16, GroupStride = 1, OuterCount = 1, B = panel.Pointer };
                        args.Init = args.C = args.Prefetch = c.Pointer;
                        (args.InitRow, args.CRow, args.InitVector, args.CVector) = (64, 64, 16, 16);
                        if (table.Tile(rows, registers, kind) != null)
                            table.Tile(rows, registers, kind)(&args);
                    }
                }
            }
        }
        return 0;
    }

    /// <summary>Whether a listing's first line, the method's name, contains this.</summary>
    private static bool IsOf(string listing, string name) => listing.Split('\n')[0].Contains(name, StringComparison.Ordinal);

    private static string Listings(string? switchedOff)
    {
        string file = Path.GetTempFileName();
        try
        {
            ProcessStartInfo start = Itself.With(TilesVerb);
            start.Environment["DOTNET_JitDisasm"] = "Run";
            start.Environment["DOTNET_JitStdOutFile"] = file;
            if (switchedOff != null)
                start.Environment[switchedOff] = "0";
            Itself.Output(start);
            return File.ReadAllText(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Whether a vector move to or from the stack stands between a label and a jump back to it.</summary>
    private static bool Spills(string listing)
    {
        string[] lines = listing.Split('\n');
        var labels = new Dictionary<string, int>();
        for (int i = 0; i < lines.Length; i++)
        {
            if (Label().Match(lines[i]) is { Success: true } label)
                labels[label.Groups[1].Value] = i;
            else if (Jump().Match(lines[i]) is { Success: true } jump && labels.TryGetValue(jump.Groups[1].Value, out int first)
                && lines[first..i].Any(line => StackMove().IsMatch(line)))
                return true;
        }
        return false;
    }

    [GeneratedRegex(@"^(G_M\d+_IG\d+):")]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s+j\w+\s.*(G_M\d+_IG\d+)\s*$")]
    private static partial Regex Jump();

    [GeneratedRegex(@"^\s+v\w+\s.*\[r[sb]p\b.*mm|^\s+v\w+\s.*mm.*\[r[sb]p\b")]
    private static partial Regex StackMove();
}
