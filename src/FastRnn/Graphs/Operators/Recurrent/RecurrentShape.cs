namespace FastRnn.Graphs.Operators;

/// <summary>Sizes of one run of a recurrent node and where its rows lie: with the batch first, and otherwise with the steps or the directions.</summary>
internal readonly record struct RecurrentShape(int Steps, int Batch, int Directions, bool BatchFirst)
{
    /// <summary>Row of X [T, N, I] or [N, T, I].</summary>
    public int InputRow(int t, int n) => BatchFirst ? (n * Steps) + t : (t * Batch) + n;

    /// <summary>Row of Y [T, D, N, H] or [N, T, D, H].</summary>
    public int OutputRow(int t, int d, int n) => BatchFirst ? (((n * Steps) + t) * Directions) + d : (((t * Directions) + d) * Batch) + n;

    /// <summary>Row of a state [D, N, H] or [N, D, H].</summary>
    public int StateRow(int d, int n) => BatchFirst ? (n * Directions) + d : (d * Batch) + n;
}
