namespace FastRnn.Backends;

/// <summary>Normalisation of rows.</summary>
public partial class ReferenceBackend
{
    internal override void LayerNormForward(in LayerNormParameters parameters, DeviceBuffer x, DeviceBuffer y)
    {
        RequireShape(x, x.Rows, parameters.Width);
        RequireShape(y, x.Rows, parameters.Width);
        for (int r = 0; r < x.Rows; r++)
        {
            var norm = new Norm(parameters.Epsilon);
            norm.Normalize(Row(M(x), r));
            for (int c = 0; c < x.Columns; c++)
                M(y)[r, c] = (M(parameters.Gamma)[0, c] * norm.Unit[c]) + M(parameters.Beta)[0, c];
        }
    }

    internal override void LayerNormBackward(
        in LayerNormParameters parameters, in LayerNormParameters gradients, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX, StepFlags? flags, int steps, int batch)
    {
        RequireShape(x, steps * batch, parameters.Width);
        RequireShape(dY, steps * batch, parameters.Width);
        if (dX != null)
            Zero(dX);
        for (int r = 0; r < x.Rows; r++)
        {
            if (flags != null && !flags.IsActive(r / batch, r % batch))
                continue;
            var norm = new Norm(parameters.Epsilon);
            norm.Normalize(Row(M(x), r));
            double[] d = Row(M(dY), r);
            for (int c = 0; c < d.Length; c++)
            {
                M(gradients.Gamma)[0, c] += d[c] * norm.Unit[c];
                M(gradients.Beta)[0, c] += d[c];
                d[c] *= M(parameters.Gamma)[0, c];
            }
            norm.Backward(d);
            for (int c = 0; dX != null && c < d.Length; c++)
                M(dX)[r, c] = d[c];
        }
    }
}
