using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>What keeps weights small: penalties in the loss, limits after the update.</summary>
public sealed partial class Trainer
{
    /// <summary>
    /// Adds l1·Σ|w| + l2·Σw² of parameters to the loss and its derivative to the gradient, before clipping; a later call replaces both
    /// numbers, zeros take them away. Input weights are <c>*.weight_ih*</c>, recurrent ones <c>*.weight_hh*</c>, biases <c>*.bias*</c>.
    /// A frozen parameter has no penalty, and <see cref="Evaluate"/> counts none. (Weight decay acts after clipping and is not in the loss.)
    /// </summary>
    /// <param name="pattern">A parameter's name, in which <c>*</c> stands for any characters.</param>
    /// <param name="l1">Pulls with the same force at every size, so that weights become zero; not negative.</param>
    /// <param name="l2">Pulls in proportion to the size; not negative. Half of it as weight decay has the same pull.</param>
    /// <exception cref="ArgumentException">No parameter has such a name, or a number is negative or not finite.</exception>
    public void SetPenalty(string pattern, float l1, float l2)
    {
        CheckSize(l1, nameof(l1));
        CheckSize(l2, nameof(l2));
        foreach (ParameterPlan plan in Find(pattern))
            (plan.L1, plan.L2) = (l1, l2);
    }

    /// <summary>
    /// Limits the L2 norm of every row of parameters – a unit's or gate's incoming weights, a token's embedding, a whole bias – after each
    /// update: a longer row is scaled down to it. A frozen parameter stays as it is.
    /// </summary>
    /// <param name="pattern">A parameter's name, in which <c>*</c> stands for any characters.</param>
    /// <param name="limit">Largest norm; 0 for none.</param>
    /// <exception cref="ArgumentException">No parameter has such a name, or the limit is negative or not finite.</exception>
    public void SetMaxNorm(string pattern, float limit)
    {
        CheckSize(limit, nameof(limit));
        foreach (ParameterPlan plan in Find(pattern))
            plan.MaxNorm = limit;
    }

    /// <summary>The penalties of the weights as they are; their derivative is added to the gradient of this window.</summary>
    private double AddPenalties()
    {
        double sum = 0;
        for (int i = 0; i < _plans.Length; i++)
        {
            ParameterPlan plan = _plans[i];
            if (plan.Frozen || (plan.L1 == 0 && plan.L2 == 0))
                continue;
            Parameter parameter = _model.ParameterArray[i];
            sum += _model.Backend.Penalty(parameter.Value, parameter.Gradient, plan.L1, plan.L2);
        }
        return sum;
    }

    private static void CheckSize(float value, string name)
    {
        if (!(value >= 0) || !float.IsFinite(value))
            throw new ArgumentOutOfRangeException(name, value, "must be finite and not negative");
    }
}
