namespace FastRnn.Backends;

/// <summary>What the losses of a window add up to.</summary>
/// <param name="Sum">Of the rows that count.</param>
/// <param name="Count">Rows that count.</param>
/// <param name="Divisor">
/// What the sum is divided by for a mean: for class losses the class weights of the counted targets, without weights their number; for
/// element losses the elements of the counted rows.
/// </param>
internal readonly record struct LossSum(double Sum, int Count, double Divisor);

/// <summary>
/// Loss between rows of class scores and one target class a row. With class weights w (1 where null), C classes and smoothing ε, a row
/// with target t adds <c>(1 − ε)·w_t·(−log p_t) + ε/C·Σ_c w_c·(−log p_c)</c> (Szegedy et al. 2016; weights as PyTorch has them), where p
/// is the softmax of the scores, or log p the scores themselves. A negative target, or <paramref name="IgnoreIndex"/>, does not count.
/// </summary>
/// <param name="LogProbabilities">Scores are log p; there is no smoothing then.</param>
/// <param name="Weights">[C], or null.</param>
/// <param name="Smoothing">ε in [0, 1].</param>
/// <param name="IgnoreIndex">A target that does not count; any negative one where there is none.</param>
/// <param name="IsSum">The gradient is that of the sum; otherwise of the sum over <see cref="LossSum.Divisor"/>.</param>
internal readonly record struct ClassLossRule(bool LogProbabilities, float[]? Weights, float Smoothing, int IgnoreIndex, bool IsSum)
{
    /// <summary>Softmax cross-entropy, averaged over the rows that count.</summary>
    public static ClassLossRule CrossEntropy => new(false, null, 0f, -1, false);

    /// <summary>Whether a row counts that has this target.</summary>
    public bool Counts(int target) => target >= 0 && target != IgnoreIndex;
}

/// <summary>The losses that compare outputs x with target values y element by element; d = x − y.</summary>
internal enum ElementLossKind
{
    /// <summary>d²</summary>
    Squared,

    /// <summary>|d|, of slope 0 at 0.</summary>
    Absolute,

    /// <summary>½d² where |d| &lt; δ, otherwise δ·(|d| − ½δ) (Huber 1964).</summary>
    Huber,

    /// <summary>−p·y·log σ(x) − (1 − y)·log(1 − σ(x)), p the weight of positive targets.</summary>
    Logistic,

    /// <summary>−q·d below 0, (1 − q)·d above, of slope 0 at 0; q the quantile (Koenker, Bassett 1978).</summary>
    Pinball,
}

/// <summary>An element loss and its constants.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Delta">δ of <see cref="ElementLossKind.Huber"/>, more than 0.</param>
/// <param name="Constants">
/// p of <see cref="ElementLossKind.Logistic"/>, q of <see cref="ElementLossKind.Pinball"/>, for one column after the other and over again;
/// null for 1.
/// </param>
/// <param name="IsSum">The gradient is that of the sum; otherwise of the sum over <see cref="LossSum.Divisor"/>.</param>
internal readonly record struct ElementLossRule(ElementLossKind Kind, float Delta, float[]? Constants, bool IsSum)
{
    /// <summary>The constant that column <paramref name="column"/> needs: δ, p or q.</summary>
    public float Constant(int column) => Kind switch
    {
        ElementLossKind.Huber => Delta,
        _ => Constants is { } constants ? constants[column % constants.Length] : 1f,
    };
}
