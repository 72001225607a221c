namespace FastRnn.Runner;

/// <summary>
/// Thins curves to what a picture can show: of all points in one column of pixels the first, the lowest, the highest and the last stay, so that no
/// peak is lost and the curve looks the same.
/// </summary>
internal static class PixelColumns
{
    /// <summary>Runs of points without a gap, thinned.</summary>
    /// <param name="points">In pixels, in rising order of x; gaps are not finite.</param>
    public static List<List<(double X, double Y)>> Thin(IEnumerable<(double X, double Y)> points)
    {
        var runs = new List<List<(double X, double Y)>>();
        List<(double X, double Y)>? run = null;
        var column = new List<(double X, double Y)>();
        foreach ((double x, double y) in points)
        {
            if (!double.IsFinite(x) || !double.IsFinite(y))
            {
                Flush(run, column);
                run = null;
                continue;
            }
            if (run == null)
                runs.Add(run = []);
            if (column.Count > 0 && Math.Floor(column[0].X) != Math.Floor(x))
                Flush(run, column);
            column.Add((x, y));
        }
        Flush(run, column);
        return runs;
    }

    /// <summary>The lowest and the highest of every column.</summary>
    public static List<(double X, double Low, double High)> Envelope(IEnumerable<(double X, double Low, double High)> points)
    {
        var thin = new List<(double X, double Low, double High)>();
        foreach ((double x, double low, double high) in points)
        {
            if (thin.Count > 0 && Math.Floor(thin[^1].X) == Math.Floor(x))
                thin[^1] = (thin[^1].X, Math.Min(thin[^1].Low, low), Math.Max(thin[^1].High, high));
            else
                thin.Add((x, low, high));
        }
        return thin;
    }

    private static void Flush(List<(double X, double Y)>? run, List<(double X, double Y)> column)
    {
        if (run != null && column.Count > 0)
        {
            int low = 0, high = 0, last = column.Count - 1;
            for (int i = 1; i < column.Count; i++)
            {
                low = column[i].Y < column[low].Y ? i : low;
                high = column[i].Y > column[high].Y ? i : high;
            }
            foreach (int i in new SortedSet<int> { 0, low, high, last })
                run.Add(column[i]);
        }
        column.Clear();
    }
}
