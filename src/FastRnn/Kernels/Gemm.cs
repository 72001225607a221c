namespace FastRnn.Kernels;

/// <summary>
/// C[m, n] = chain(Init[m, n]; A[m, k]·B[k, n]) for M rows and N columns, as register tiles over packed 64-column panels.
/// Strides as in <see cref="TileArgs"/>; *Panel strides lead from one panel's columns to the next.
/// </summary>
internal unsafe struct GemmArgs
{
    /// <summary>Rows M.</summary>
    public nint Rows;

    /// <summary>Columns N, padded to 16.</summary>
    public nint Columns;
    public float* A;
    public nint ARow;
    public TileKind Kind;
    public nint Count, Stride, Group, GroupStride, OuterCount, OuterStride;

    /// <summary>Panels [panel][k][<see cref="PanelWidth"/>].</summary>
    public float* Panels;

    /// <summary>Columns of a panel: 64, or 48 for the three gates of 16 units.</summary>
    public nint PanelWidth = Gemm.PanelColumns;

    /// <summary>Floats from one panel to the next; 0 stands for depth·width, more when the depth is only a part of the panels' rows.</summary>
    public nint PanelStride;

    /// <summary>B in 8 bits instead of <see cref="Panels"/>; null where it is float32. Rows of A are then contiguous.</summary>
    public BytePanels* Bytes;
    public float* Init;
    public nint InitRow, InitVector, InitPanel;
    public float* C;
    public nint CRow, CVector, CPanel;

    /// <summary>
    /// The block of A that comes after this one, or null: what the last tiles of every panel fetch, because a product over many rows reads A from L3
    /// or memory. dX of LSTM 512→512, T 64, B 64: a hundredth of forward and backward together.
    /// </summary>
    public float* NextA;

    public GemmArgs()
    {
    }

    /// <summary>Number of panels.</summary>
    public readonly nint PanelCount => (Columns + PanelWidth - 1) / PanelWidth;

    /// <summary>Floats of a panel's rows that are used.</summary>
    public readonly nint PanelLength => Depth * PanelWidth;

    /// <summary>Floats from one panel to the next.</summary>
    public readonly nint PanelStep => PanelStride == 0 ? PanelLength : PanelStride;

    /// <summary>Where a panel lies.</summary>
    public readonly float* Panel(nint panel) => Panels + (panel * PanelStep);

    /// <summary>Length K of every chain.</summary>
    public readonly nint Depth => Count * OuterCount;

    /// <summary>A is a row-major matrix [M, depth] with <paramref name="stride"/> floats a row.</summary>
    public void SetRowMajorA(float* a, nint stride, nint depth)
    {
        A = a;
        ARow = stride;
        (Count, Stride, Group, GroupStride) = (depth, 1, 4, 4);
        (OuterCount, OuterStride) = (1, 0);
        Kind = PanelWidth == Gemm.PanelColumns ? TileKind.Row : PanelWidth == 48 ? TileKind.RowOf48 : TileKind.RowOf32;
    }

    /// <summary>
    /// A is gate strips, rows <paramref name="row"/> floats apart: k runs over units first and gates second – unit-major, gate-minor – whatever the
    /// panel layout is, as the definition of dh and dX asks. A row has <paramref name="gates"/> strips here.
    /// </summary>
    public void SetGateStripsA(float* strips, nint row, nint gates, nint blockStride, nint unitBlocks)
    {
        A = strips;
        ARow = row;
        (Count, Stride, Group, GroupStride) = gates == 1 ? (16, 1, 4, 4) : (16 * gates, 16, gates, 1);
        Kind = gates == 1 ? TileKind.Row : TileKind.FourGates + (int)(4 - gates);
        (OuterCount, OuterStride) = (unitBlocks, blockStride);
    }

    /// <summary>Chains start at a row that is the same for all: a bias, or zeros with <paramref name="panel"/> = 0.</summary>
    public void SetInitRow(float* row, nint vector, nint panel)
    {
        Init = row;
        (InitRow, InitVector, InitPanel) = (0, vector, panel);
    }

    /// <summary>C is a row-major matrix.</summary>
    public void SetRowMajorC(float* c, nint stride)
    {
        C = c;
        (CRow, CVector, CPanel) = (stride, 16, 64);
    }

    /// <summary>
    /// C is gate strips: a panel's are neighbours in one block of 16 units, or, with one gate, stand alone in each of four blocks.
    /// </summary>
    public void SetGateStripsC(float* strips, nint row, nint gates, nint blockStride)
    {
        C = strips;
        (CRow, CVector, CPanel) = gates == 1
            ? (row, blockStride, 4 * blockStride)
            : (row, 16, blockStride);
    }

    /// <summary>Chains continue from what C holds: how a product that is hoisted or blocked keeps one chain.</summary>
    public void SetInitC()
    {
        Init = C;
        (InitRow, InitVector, InitPanel) = (CRow, CVector, CPanel);
    }
}

/// <summary>Drives <see cref="Tile"/> over a whole product.</summary>
internal static unsafe class Gemm
{
    /// <summary>Columns of a packed panel: four 512-bit registers, or the four gates of 16 units.</summary>
    public const int PanelColumns = 64;

    /// <summary>Number of panels that hold <paramref name="columns"/>.</summary>
    public static nint Panels(nint columns) => (columns + PanelColumns - 1) / PanelColumns;

    /// <summary>Most rows of A that are multiplied with all panels before the next rows: they stay in L2 meanwhile.</summary>
    private const int BlockRows = 192;

    /// <summary>Rows of the panels that are used before the next: 512·256 bytes of a panel, and the next one on its way, fit in L2.</summary>
    public const int BlockDepth = 512;

    /// <summary>Floats of panels that stay in L2 between products: nothing of them is fetched.</summary>
    private const int ResidentLength = 1 << 16;

    /// <summary>
    /// The whole product, in blocks of rows and of k. A chain that a block leaves goes on from C, so blocks change no bit. Measured on
    /// dX of LSTM 512→512, T 50, B 32 against the tile alone in L1: unblocked 65–80 %, blocked 91 %.
    /// </summary>
    public static void Run(KernelTable table, in GemmArgs args)
    {
        if (args.Bytes != null)
        {
            ByteGemm.Run(table, args, 0, args.PanelCount);
            return;
        }
        if (args.Rows <= BlockRows && args.Depth <= BlockDepth)
        {
            RunPanels(table, args); // nothing to cut: a step of one sample is over in less time than a few copies of the arguments take
            return;
        }
        GemmArgs block = args;
        if (block.PanelStride == 0)
            block.PanelStride = args.Depth * args.PanelWidth;
        nint blocks = (args.Rows + BlockRows - 1) / BlockRows;
        for (nint i = 0; i < blocks; i++)
        {
            nint row = args.Rows * i / blocks;
            block.Rows = (args.Rows * (i + 1) / blocks) - row;
            block.A = args.A + (row * args.ARow);
            block.Init = args.Init + (row * args.InitRow);
            block.C = args.C + (row * args.CRow);
            RunDepth(table, block, i + 1 < blocks ? block.A + (block.Rows * args.ARow) : args.NextA, blocks == 1);
        }
    }

    /// <summary>
    /// Blocks of k: cut in the outermost of the three loops that has more than one turn. Rows that are <paramref name="alone"/> are in the cache, so
    /// that <paramref name="nextRows"/>' part of the same k is fetched instead of their own next one. Rejected: all of k for a panel, then the next, every
    /// other step from the last: dh of LSTM 512→512, B 64 within 1 % either way.
    /// </summary>
    private static void RunDepth(KernelTable table, GemmArgs args, float* nextRows, bool alone)
    {
        bool outer = args.OuterCount > 1, neighbours = outer || (args.Depth <= BlockDepth && args.ARow < args.Depth + 16);
        nint inside = outer ? args.Count : 1, left = outer ? args.OuterCount : args.Count, most = Math.Max(1, BlockDepth / inside);
        for (; left > 0; left -= most)
        {
            nint count = Math.Min(most, left);
            (args.OuterCount, args.Count) = outer ? (count, args.Count) : (args.OuterCount, count);
            nint step = outer ? count * args.OuterStride : count / args.Group * args.GroupStride;
            args.NextA = !neighbours || nextRows == null ? null : left > most && !alone ? args.A + step : nextRows;
            nextRows += alone && nextRows != null ? step : 0;
            RunPanels(table, args);
            args.A += step;
            args.Panels += count * inside * args.PanelWidth;
            args.SetInitC();
        }
    }

    private static void RunPanels(KernelTable table, in GemmArgs args)
    {
        nint panels = args.PanelCount;
        for (nint panel = 0; panel < panels; panel++)
            RunPanel(table, args, panel);
    }

    /// <summary>
    /// All rows of one panel. Rows are split evenly into tiles – 32 rows are 6+5+5+6+5+5, never 6·5+2 – because a tile below three rows
    /// has too few chains to hide the latency of the fused multiply-add.
    /// </summary>
    public static void RunPanel(KernelTable table, in GemmArgs args, nint panel, nint? then = null)
    {
        nint used = args.PanelLength;
        // After the last panel comes the first one's next part, or the first one again, unless the caller says which.
        nint next = then ?? (panel + 1 < args.PanelCount ? panel + 1 : 0);
        RunPanel(table, args, panel, args.Panel(next) + (then == null && next == 0 && args.PanelStep > used ? used : 0), used);
    }

    /// <summary>The same; <paramref name="length"/> floats at <paramref name="ahead"/> come after.</summary>
    public static void RunPanel(KernelTable table, in GemmArgs args, nint panel, float* ahead, nint length)
    {
        nint registers = Math.Min(args.PanelWidth, args.Columns - (panel * args.PanelWidth) + 15) / 16;
        TileArgs tile = FirstTile(args, panel);
        int most = registers == 4 ? table.TileRows : table.NarrowTileRows;
        nint tiles = (args.Rows + most - 1) / most;
        tile.B = args.Panel(panel);
        bool resident = args.PanelCount * args.PanelStep <= ResidentLength;
        float* end = resident ? ahead : ahead + length;
        nint first = 0, runs = tiles * (16 / table.Width);
        // Spread over all runs of this panel, so that the last fetches end with it: GRU 512, T 50, B 32 at 80 % of FMA peak; a line every k,
        // done after half of the runs, 77 %. (The LSTM's wider panels do not notice.)
        nint pace = Math.Clamp((((length + (args.Depth * runs) - 1) / (args.Depth * runs)) + 3) & ~3, 4, 16);
        tile.PrefetchStep = resident ? 0 : args.Group * pace;
        var rows = new RowsAhead(args, runs, resident ? 0 : (length + (args.Depth * pace) - 1) / (args.Depth * pace));
        for (nint i = 0; i < tiles; i++)
        {
            nint next = args.Rows * (i + 1) / tiles;
            var run = table.Tile(next - first, registers, args.Kind);
            for (int lane = 0; lane < 16; lane += table.Width)
            {
                if (ahead >= end && rows.Tiles > 0)
                    rows.Aim(args, panel, &tile);
                else
                    tile.Prefetch = resident ? tile.A : ahead;
                ahead += Math.Min(args.Depth * pace, end - ahead);
                run(&tile);
                tile.B += table.Width;
                tile.Init += table.Width;
                tile.C += table.Width;
            }
            tile.B -= 16;
            tile.A += (next - first) * tile.ARow;
            tile.Init += ((next - first) * tile.InitRow) - 16;
            tile.C += ((next - first) * tile.CRow) - 16;
            first = next;
        }
    }

    // The next panel is prefetched while this one is used. Measured on LSTM 512→512, T 50, B 32, whose weights stream from L3:
    // 75 % of FMA peak with it, 65 % without, in the same minute.
    // Rejected: fetching the next panel's chains so far, or c and h, as well: 1–4 % slower; k in blocks of 256, for panels of half of the size: 4–5 %.
    private static TileArgs FirstTile(in GemmArgs args, nint panel) => new()
    {
        A = args.A,
        ARow = args.ARow,
        Count = args.Count,
        Stride = args.Stride,
        GroupStride = args.GroupStride,
        OuterCount = args.OuterCount,
        OuterStride = args.OuterStride,
        Init = args.Init + (panel * args.InitPanel),
        InitRow = args.InitRow,
        InitVector = args.InitVector,
        C = args.C + (panel * args.CPanel),
        CRow = args.CRow,
        CVector = args.CVector,
    };

    /// <summary>
    /// The rows of the next block of A, cut evenly over the tiles of all panels that have nothing left to fetch of the next panel.
    /// </summary>
    private ref struct RowsAhead(in GemmArgs args, nint runs, nint busy)
    {
        private nint _tile;

        /// <summary>Such tiles of a panel; none where there is no next block, or less than a turn of k.</summary>
        public nint Tiles { get; } = args.NextA == null || args.Count < args.Group ? 0 : runs - busy;

        public void Aim(in GemmArgs args, nint panel, TileArgs* tile)
        {
            nint slots = Tiles * args.PanelCount, slot = (panel * Tiles) + _tile++;
            nint row = args.Rows * slot / slots, rows = (args.Rows * (slot + 1) / slots) - row, groups = args.Count / args.Group;
            tile->Prefetch = args.NextA + (row * args.ARow);
            tile->PrefetchStep = ((rows * args.ARow) + groups - 1) / groups;
            tile->PrefetchOuter = args.OuterStride - (groups * tile->PrefetchStep);
        }
    }
}
