namespace FastRnn.OpenCL;

/// <summary>
/// Matrix products and the gradients of weights. Every output is one chain of fused multiply-adds in the order of the CPU back end, so both give the same
/// bits where the device's fma is exact. Everything is enqueued, nothing waits.
/// </summary>
internal sealed partial class OpenClProducts
{
    /// <summary>Rows and vectors of a register tile: 24 accumulators of 16 floats and the four vectors of a row of B, as on the CPU.</summary>
    private const int TileRows = 6, TileVectors = 4, PanelColumns = 16 * TileVectors;

    /// <summary>Rows that one work-item takes through a panel.</summary>
    private const int ChunkRows = 48;

    /// <summary>Columns of a work-group's largest tile: B is padded to them.</summary>
    private const int LocalColumns = 128;

    private readonly DevicePool _pool;
    private readonly Programs _programs;
    private readonly Staging _staging;
    private readonly int _units;
    private readonly LocalTile[] _tiles;
    private readonly Dictionary<(ColumnGroups A, ColumnGroups C, LocalTile Tile), Kernel> _gemms = [];
    private OpenClBuffer? _scratch;

    public OpenClProducts(DevicePool pool, Programs programs, Staging staging, OpenClDevice device, ProductFamily family)
    {
        (_pool, _programs, _staging, _units, Family) = (pool, programs, staging, device.ComputeUnits, family);
        _tiles = [.. LocalTile.All.Where(tile => tile.LocalBytes <= device.LocalMemoryBytes)];
        _order = new RowOrder(pool);
    }

    public ProductFamily Family { get; }

    /// <summary>Which of the tiles that there is room for is used, the largest first, for tests; null as sizes and device want it.</summary>
    public int? Tile { get; set; }

    /// <summary>Whether a device has the groups and the local memory of <see cref="ProductFamily.Local"/>.</summary>
    public static bool HasRoomForTiles(OpenClDevice device) => device.LargestGroup >= 256 && device.LocalMemoryBytes >= LocalTile.All[^1].LocalBytes;

    /// <summary>
    /// C[m, n] = chain(start; A[m, k]·B[k, n]), k ascending, m below <paramref name="rows"/>. A and B do not overlap C.
    /// </summary>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="c">C.</param>
    /// <param name="rows">M.</param>
    /// <param name="start">Where the chains start.</param>
    /// <param name="padded">Ends the chains with + 0, which turns −0 into +0: the CPU back end pads the depth of gates with zeros.</param>
    public void Multiply(in Rows a, PackedMatrix b, in Rows c, int rows, in ChainStart start, bool padded = false)
    {
        if (rows == 0)
            return;
        LocalTile tile = Family == ProductFamily.Local ? ChooseTile(rows, b.Columns) : default;
        Rows from = start.Kind == ChainStartKind.Rows ? start.Rows : c;
        Kernel kernel = Gemm(Groups(a), Groups(c), tile).Start();
        Operand(kernel, a).Long(a.Buffer.Columns).Buffer(b.Storage);
        Operand(kernel, from).Long(start.IsShared ? 0 : from.Buffer.Columns).Int((int)start.Kind);
        Operand(kernel, c).Long(c.Buffer.Columns).Int(rows).Int(b.Columns).Int(b.Depth).Int(padded ? 1 : 0);
        if (Family == ProductFamily.Vector)
            kernel.Run(Chunks(rows, b.Panels), b.Panels, 1, 1, 1, 1);
        else
            kernel.Run(LocalTile.Groups(b.Columns, tile.Columns) * 16, LocalTile.Groups(rows, tile.Rows) * 16, 1, 16, 16, 1);
        c.Buffer.Written();
    }

    /// <summary>Room for B, not yet filled.</summary>
    public PackedMatrix NewPacked(int depth, int columns) => new(_pool, depth, columns, Family == ProductFamily.Vector ? PanelColumns : PaddedColumns(columns));

    /// <summary>Room for a row, not yet filled.</summary>
    public OpenClBuffer NewRow(int columns) => new(_pool, 1, columns);

    /// <summary>B from a weight's rows: its columns when transposed, otherwise its rows.</summary>
    public void Pack(OpenClBuffer weight, in TargetRows rows, bool transposed, PackedMatrix packed)
    {
        int width = packed.Panels * packed.PanelColumns;
        bool squares = Family == ProductFamily.Vector;
        Kernel kernel = _programs.Get("packing.cl", squares ? "pack_squares" : "pack", packed.Options).Start();
        kernel.Buffer(weight).Int(weight.Columns);
        Target(kernel, rows).Int(transposed ? 1 : 0).Buffer(packed.Storage).Int(packed.Depth).Int(transposed ? rows.Count : width);
        if (squares)
            kernel.Run(width / 16, (packed.Depth + 15) / 16, 1, 1, 1, 1);
        else
            kernel.Run(width, packed.Depth, 1, 16, 16, 1);
    }

    /// <summary>The row where chains of gates start.</summary>
    public void PackBias(OpenClBuffer input, OpenClBuffer recurrent, in TargetRows rows, int apart, OpenClBuffer packed)
    {
        Kernel kernel = _programs.Get("packing.cl", "pack_bias", "-DPANEL=1").Start().Buffer(input).Buffer(recurrent).Buffer(packed).Int(rows.Count);
        Target(kernel, rows).Int(apart).Over(rows.Count);
        packed.Written();
    }

    private static Kernel Operand(Kernel kernel, in Rows rows) => kernel.Memory(rows.Buffer.Block).Long(rows.First);

    private static Kernel Target(Kernel kernel, in TargetRows rows) => kernel.Int(rows.GateCount).Int(rows.Order).Int(rows.Hidden);

    private static ColumnGroups Groups(in Rows rows) => rows.Groups.Reduced();

    private static int PaddedColumns(int columns) => (columns + LocalColumns - 1) / LocalColumns * LocalColumns;

    private static string Options(string name, ColumnGroups groups) =>
        groups == ColumnGroups.All ? "" : $" -D{name}_COUNT={groups.Count} -D{name}_STEP={groups.Step}";

    private Kernel Gemm(ColumnGroups a, ColumnGroups c, LocalTile tile)
    {
        if (_gemms.TryGetValue((a, c, tile), out Kernel? kernel))
            return kernel;
        string groups = Options("A", a) + Options("C", c);
        kernel = Family == ProductFamily.Vector
            ? _programs.Get("gemm_vector.cl", "gemm", $"-DROWS={TileRows} -DVECTORS={TileVectors}{groups}")
            : _programs.Get("gemm_local.cl", "gemm", $"{tile.Options} -DBLOCK_N={LocalColumns}{groups}");
        _gemms.Add((a, c, tile), kernel);
        return kernel;
    }

    /// <summary>Pieces of rows: whole chunks, or smaller where the device would have too few.</summary>
    private int Chunks(int rows, int panels)
    {
        int chunks = (rows + ChunkRows - 1) / ChunkRows, wanted = ((4 * _units) + panels - 1) / panels;
        return Math.Max(chunks, Math.Min(wanted, (rows + TileRows - 1) / TileRows));
    }

    /// <summary>The largest tile that gives every compute unit two groups.</summary>
    private LocalTile ChooseTile(long rows, long columns, long times = 1)
    {
        if (Tile is { } wanted)
            return _tiles[Math.Min(wanted, _tiles.Length - 1)];
        foreach (LocalTile tile in _tiles)
        {
            if (LocalTile.Groups(rows, tile.Rows) * LocalTile.Groups(columns, tile.Columns) * times >= 2 * _units && tile.Rows <= Math.Max(16, 2 * rows))
                return tile;
        }
        return _tiles[^1];
    }

    /// <summary>Memory for what an operation computes in between. The queue runs in order, so the next one may have it at once.</summary>
    private OpenClBuffer Scratch(long floats)
    {
        if (_scratch?.Elements >= floats)
            return _scratch;
        _scratch?.Block.Dispose();
        _scratch = null;
        return _scratch = new OpenClBuffer(_pool, (int)((floats + 1023) / 1024), 1024);
    }

    /// <summary>Results of a work-item, of 16×16 in a group.</summary>
    private readonly record struct LocalTile(int Down, int Across)
    {
        /// <summary>From the largest to the smallest.</summary>
        public static readonly LocalTile[] All = [new(8, 8), new(4, 4), new(2, 2), new(1, 2)];

        public int Rows => 16 * Down;

        public int Columns => 16 * Across;

        /// <summary>What a group shares: two turns of 16 rows of A's tile, each with four more, and B's.</summary>
        public int LocalBytes => 2 * 16 * (Rows + 4 + Columns) * sizeof(float);

        public string Options => $"-DRM={Down} -DRN={Across}";

        public static long Groups(long size, int tile) => (size + tile - 1) / tile;
    }
}
