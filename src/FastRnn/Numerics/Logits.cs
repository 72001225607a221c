namespace FastRnn.Numerics;

/// <summary>What logits say.</summary>
internal static class Logits
{
    /// <summary>log Σ exp(z): a class's log-probability is its logit less this.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        double most = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            most = Math.Max(most, logit);
        foreach (float logit in logits)
            sum += Math.Exp(logit - most);
        return most + Math.Log(sum);
    }

    /// <summary>Index of the highest, of equal ones the first.</summary>
    public static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int c = 1; c < logits.Length; c++)
            best = logits[c] > logits[best] ? c : best;
        return best;
    }
}
