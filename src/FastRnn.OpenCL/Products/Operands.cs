namespace FastRnn.OpenCL;

/// <summary>
/// Columns that come in groups: of every <paramref name="Step"/> neighbours the first <paramref name="Count"/> – some gates in rows of gates. Number i is
/// column i / Count · Step + i % Count. The default is all columns.
/// </summary>
internal readonly record struct ColumnGroups(int Count, int Step)
{
    public static readonly ColumnGroups All = new(1, 1);

    /// <summary>The same as constants of a program; where nothing is left out, always the same ones.</summary>
    public ColumnGroups Reduced() => Count == Step ? All : this;

    /// <summary>Columns from the first to the last of so many.</summary>
    public int Span(int columns) => Count == Step ? columns : ((columns - 1) / Count * Step) + ((columns - 1) % Count) + 1;
}

/// <summary>
/// An operand: where its row 0 and its column 0 lie in a buffer. The row may be negative, when the buffer holds only the later rows of a window: only those
/// that are used must exist.
/// </summary>
internal readonly record struct Rows(OpenClBuffer Buffer, int Row = 0, int Column = 0, ColumnGroups Groups = default)
{
    /// <summary>Its first element in the buffer's block.</summary>
    public long First => Buffer.First + ((long)Row * Buffer.Columns) + Column;
}

/// <summary>Where the chains of a product start.</summary>
internal readonly record struct ChainStart
{
    private ChainStart(ChainStartKind kind, Rows rows = default, bool isShared = false) => (Kind, Rows, IsShared) = (kind, rows, isShared);

    public static ChainStart Zero => default;

    /// <summary>At what C holds: the chain goes on.</summary>
    public static ChainStart Present => new(ChainStartKind.Present);

    public ChainStartKind Kind { get; }

    public Rows Rows { get; }

    /// <summary>Whether all rows start at the same one.</summary>
    public bool IsShared { get; }

    /// <summary>At [1, N], in the order of B's columns.</summary>
    public static ChainStart Row(OpenClBuffer row) => new(ChainStartKind.Rows, new Rows(row), isShared: true);

    /// <summary>At [M, N].</summary>
    public static ChainStart Matrix(in Rows rows) => new(ChainStartKind.Rows, rows);
}

/// <summary>As the kernels number it.</summary>
internal enum ChainStartKind
{
    Zero,
    Rows,
    Present,
}

/// <summary>
/// Rows of a weight [rows, K], or elements of a bias, that belong to a product's columns: as they come, or, for gates, of column u·G + g row
/// gates[g]·H + u.
/// </summary>
internal readonly record struct TargetRows
{
    private TargetRows(int count, int gates, int order, int hidden) => (Count, GateCount, Order, Hidden) = (count, gates, order, hidden);

    /// <summary>Columns of the product.</summary>
    public int Count { get; }

    /// <summary>0 for rows as they come.</summary>
    public int GateCount { get; }

    /// <summary>PyTorch's gates in the order of the columns, four bits each.</summary>
    public int Order { get; }

    public int Hidden { get; }

    public static TargetRows Plain(int count) => new(count, 0, 0, 1);

    public static TargetRows Gates(int hidden, ReadOnlySpan<int> gates)
    {
        int order = 0;
        for (int i = 0; i < gates.Length; i++)
            order |= gates[i] << (4 * i);
        return new TargetRows(hidden * gates.Length, gates.Length, order, hidden);
    }
}
