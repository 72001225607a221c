using FastRnn.Backends;

namespace FastRnn.OpenCL;

// Rows that move, and dropout.
public sealed partial class OpenClBackend
{
    private int[] _lastRow = [], _previousRow = [], _lists = [];

    internal override void GatherRows(DeviceBuffer source, ReadOnlySpan<int> rows, DeviceBuffer destination, in RowGather how)
    {
        how.Check(source, rows, destination);
        Gather(Own(source), rows, Own(destination), how);
    }

    internal override void EmbeddingForward(DeviceBuffer table, ReadOnlySpan<int> tokens, DeviceBuffer y)
    {
        CheckShape(y, tokens.Length, table.Columns);
        CheckTokens(tokens, table.Rows);
        if (!tokens.IsEmpty)
            Gather(Own(table), tokens, Own(y), RowGather.Whole(GatherMode.Write, table.Columns));
    }

    internal override void EmbeddingBackward(DeviceBuffer dTable, ReadOnlySpan<int> tokens, DeviceBuffer dY)
    {
        CheckShape(dY, tokens.Length, dTable.Columns);
        CheckTokens(tokens, dTable.Rows);
        OpenClBuffer to = Own(dTable), from = Own(dY);
        (int lists, int length) = ListRows(tokens, dTable.Rows);
        if (lists > 0)
        {
            DeviceBlock rows = _indices.Set<int>(_lists.AsSpan(0, length));
            Kernel kernel = LineKernel("rows.cl", "add_rows").Start().Buffer(from).Memory(rows).Buffer(to).Long(to.Columns);
            RunLines(kernel, to.Columns, lists);
        }
        to.Written();
    }

    internal override void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(y, x.Rows, x.Columns);
        OpenClBuffer from = Own(x), to = Own(y);
        int drawn = mask.PerSample ? Math.Min(batch, x.Rows) : x.Rows;
        if (from.Elements > 0)
        {
            Kernel kernel = LineKernel("dropout.cl", "dropout").Start().Buffer(from).Buffer(to).Long(x.Rows).Long(drawn).Int(batch).Int(x.Columns)
                .ULong(mask.Seed).UInt((uint)mask.Layer).ULong((ulong)mask.Time).UInt(DropoutDraw.TopByte(mask)).Float(mask.Rate * (1 << 24)).Float(1f / (1f - mask.Rate));
            if (IsWide)
                RunRows(kernel, drawn);
            else
                kernel.Run((x.Columns + 3) / 4, drawn, 1, Line, 1, 1);
        }
        to.Written();
    }

    private void Gather(OpenClBuffer from, ReadOnlySpan<int> rows, OpenClBuffer to, in RowGather how)
    {
        DeviceBlock? indices = rows.IsEmpty ? null : _indices.Set(rows);
        Kernel kernel = LineKernel("rows.cl", "gather_rows").Start().Buffer(from).Memory(indices).Buffer(to).Long(from.Columns).Long(to.Columns)
            .Long(how.SourceColumn).Long(how.DestinationColumn).Long(how.Columns).Float(how.Factor).Int((int)how.Mode);
        RunLines(kernel, how.Columns, to.Rows);
        to.Written();
    }

    private static void CheckTokens(ReadOnlySpan<int> tokens, int vocabulary)
    {
        foreach (int token in tokens)
        {
            if (token >= vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), $"token {token} for a vocabulary of {vocabulary}");
        }
    }

    /// <summary>
    /// Fills the array that add_rows reads: for every token that occurs its number and where its list of rows begins and ends, then the lists, ascending.
    /// </summary>
    /// <returns>How many tokens occur, and how many numbers there are.</returns>
    private (int Lists, int Length) ListRows(ReadOnlySpan<int> tokens, int vocabulary)
    {
        if (_lastRow.Length < vocabulary)
        {
            _lastRow = new int[vocabulary];
            Array.Fill(_lastRow, -1);
        }
        if (_previousRow.Length < tokens.Length)
            (_previousRow, _lists) = (new int[tokens.Length], new int[4 * tokens.Length]);
        int lists = 0, kept = 0;
        for (int r = 0; r < tokens.Length; r++)
        {
            if (tokens[r] < 0)
                continue;
            ref int last = ref _lastRow[tokens[r]];
            if (last < 0)
                _lists[3 * lists++] = tokens[r];
            (_previousRow[r], last) = (last, r);
            kept++;
        }
        int end = (3 * lists) + kept, next = end;
        for (int k = lists - 1; k >= 0; k--)
        {
            _lists[(3 * k) + 2] = next;
            ref int last = ref _lastRow[_lists[3 * k]];
            for (; last >= 0; last = _previousRow[last])
                _lists[--next] = last;
            _lists[(3 * k) + 1] = next;
        }
        return (lists, end);
    }
}
