namespace FastRnn.Backends;

/// <summary>The penalty of activities.</summary>
public partial class ReferenceBackend
{
    internal override double ActivityPenalty(
        DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? gradient, in ActivityRule rule, StepFlags? flags, int steps, int batch)
    {
        RequireShape(x, steps * batch, x.Columns);
        RequireShape(dY, x.Rows, x.Columns);
        var slopes = new double[x.Rows, x.Columns];
        double sizes = 0, squares = 0, changes = 0, elements = 0, pairs = 0;
        for (int t = 0; t < steps; t++)
        {
            for (int b = 0; b < batch; b++)
            {
                bool active = flags == null || flags.Active[(t * batch) + b] != 0;
                bool pair = active && t > 0 && (flags == null || (flags.Active[((t - 1) * batch) + b] != 0 && flags.Reset[(t * batch) + b] == 0));
                for (int c = 0; c < x.Columns && active; c++)
                {
                    double h = M(x)[(t * batch) + b, c];
                    (sizes, squares, elements) = (sizes + Math.Abs(h), squares + (h * h), elements + 1);
                    if (!pair)
                        continue;
                    double change = h - M(x)[((t - 1) * batch) + b, c];
                    (changes, pairs) = (changes + (change * change), pairs + 1);
                    slopes[(t * batch) + b, c] += change;
                    slopes[((t - 1) * batch) + b, c] -= change;
                }
            }
        }
        for (int r = 0; gradient != null && r < x.Rows; r++)
        {
            for (int c = 0; c < x.Columns; c++)
            {
                bool active = flags == null || flags.Active[r] != 0;
                double h = M(x)[r, c], own = !active ? 0 : ((rule.L1 * (h > 0 ? 1 : h < 0 ? -1 : 0)) + (2 * rule.L2 * h)) / elements;
                M(gradient)[r, c] = !active ? 0 : M(dY)[r, c] + own + (pairs == 0 ? 0 : 2 * rule.Temporal * slopes[r, c] / pairs);
            }
        }
        gradient?.Touch();
        return (elements == 0 ? 0 : ((rule.L1 * sizes) + (rule.L2 * squares)) / elements) + (pairs == 0 ? 0 : rule.Temporal * changes / pairs);
    }
}
