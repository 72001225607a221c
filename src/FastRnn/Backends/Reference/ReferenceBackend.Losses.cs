namespace FastRnn.Backends;

/// <summary>The losses.</summary>
public partial class ReferenceBackend
{
    internal override LossSum ClassLoss(
        DeviceBuffer scores, ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, DeviceBuffer? gradient)
    {
        Require(targets.Length == scores.Rows, $"{targets.Length} targets for scores {scores}");
        Require(counted.IsEmpty || counted.Length == scores.Rows, $"{counted.Length} marks of what counts for scores {scores}");
        Require(rule.Weights == null || rule.Weights.Length == scores.Columns, $"{rule.Weights?.Length} class weights for scores {scores}");
        int count = 0;
        double sum = 0, divisor = 0;
        double[] weights = rule.Weights == null ? [.. Enumerable.Repeat(1.0, scores.Columns)] : Array.ConvertAll(rule.Weights, w => (double)w);
        for (int r = 0; r < scores.Rows; r++)
        {
            if (!Counts(counted, r) || !rule.Counts(targets[r]))
                continue;
            count++;
            divisor += weights[targets[r]];
        }
        double scale = rule.IsSum ? 1 : divisor == 0 ? 0 : 1 / divisor;
        if (gradient != null)
            Zero(gradient);
        for (int r = 0; r < scores.Rows; r++)
        {
            if (!Counts(counted, r) || !rule.Counts(targets[r]))
                continue;
            double[] share = Shares(weights, targets[r], rule.Smoothing);
            sum += ClassLossRow(M(scores), r, share, rule.LogProbabilities, scale, gradient == null ? null : M(gradient));
        }
        return new LossSum(sum, count, divisor);
    }

    internal override LossSum ElementLoss(
        DeviceBuffer output, DeviceBuffer target, ReadOnlySpan<byte> counted, in ElementLossRule rule, DeviceBuffer? gradient)
    {
        RequireShape(target, output.Rows, output.Columns);
        Require(counted.IsEmpty || counted.Length == output.Rows, $"{counted.Length} marks of what counts for outputs {output}");
        int count = 0;
        double sum = 0;
        for (int r = 0; r < output.Rows; r++)
            count += Counts(counted, r) ? 1 : 0;
        double divisor = (double)count * output.Columns, scale = rule.IsSum ? 1 : 1 / divisor;
        if (gradient != null)
            Zero(gradient);
        for (int r = 0; r < output.Rows; r++)
        {
            for (int c = 0; Counts(counted, r) && c < output.Columns; c++)
            {
                (double loss, double slope) = ElementLossOf(rule, M(output)[r, c], M(target)[r, c], rule.Constant(c));
                sum += loss;
                if (gradient != null)
                    M(gradient)[r, c] = slope * scale;
            }
        }
        return new LossSum(sum, count, divisor);
    }

    private static bool Counts(ReadOnlySpan<byte> counted, int row) => counted.IsEmpty || counted[row] != 0;

    /// <summary>How much −log p_c counts for every class c: (1 − ε)·w_t at the target, and ε/C·w_c everywhere.</summary>
    private static double[] Shares(double[] weights, int target, double smoothing)
    {
        double[] share = Array.ConvertAll(weights, w => smoothing / weights.Length * w);
        share[target] += (1 - smoothing) * weights[target];
        return share;
    }

    /// <summary>−Σ share_c·log p_c of one row.</summary>
    private static double ClassLossRow(Matrix z, int r, double[] share, bool logProbabilities, double scale, Matrix? gradient)
    {
        double max = double.NegativeInfinity, total = 0, loss = 0;
        for (int c = 0; c < z.Columns; c++)
            max = Math.Max(max, z[r, c]);
        for (int c = 0; c < z.Columns; c++)
            total += Math.Exp(z[r, c] - max);
        double all = share.Sum(), log = logProbabilities ? 0 : Math.Log(total) + max;
        for (int c = 0; c < z.Columns; c++)
        {
            if (share[c] != 0)
                loss += share[c] * (log - z[r, c]);
            double p = logProbabilities ? 0 : Math.Exp(z[r, c] - max) / total;
            if (gradient != null)
                gradient[r, c] = ((all * p) - share[c]) * scale;
        }
        return loss;
    }

    private static (double Loss, double Slope) ElementLossOf(in ElementLossRule rule, double x, double y, double constant)
    {
        double d = x - y;
        return rule.Kind switch
        {
            ElementLossKind.Squared => (d * d, 2 * d),
            ElementLossKind.Absolute => (Math.Abs(d), d == 0 ? 0 : d > 0 ? 1 : -1),
            ElementLossKind.Huber when Math.Abs(d) < constant => (0.5 * d * d, d),
            ElementLossKind.Huber => (constant * (Math.Abs(d) - (0.5 * constant)), d > 0 ? constant : -constant),
            ElementLossKind.Pinball => (Math.Max(-constant * d, (1 - constant) * d), d == 0 ? 0 : d > 0 ? 1 - constant : -constant),
            _ => ((constant * y * Softplus(-x)) + ((1 - y) * Softplus(x)),
                ((1 - y) / (1 + Math.Exp(-x))) - (constant * y / (1 + Math.Exp(x)))),
        };
    }

    /// <summary>log(1 + eˣ)</summary>
    private static double Softplus(double x)
    {
        double e = Math.Exp(-Math.Abs(x)), u = 1 + e; // log(u)·e/(u − 1) is log(1 + e) to the last bits even where u has lost e
        return Math.Max(x, 0) + (u == 1 ? e : Math.Log(u) * e / (u - 1));
    }
}
