using FastRnn.Backends;

namespace FastRnn.OpenCL;

// Normalisation of rows.
public sealed partial class OpenClBackend
{
    private OpenClBuffer? _normProducts;

    internal override void LayerNormForward(in LayerNormParameters parameters, DeviceBuffer x, DeviceBuffer y)
    {
        CheckShape(x, x.Rows, parameters.Width);
        CheckShape(y, x.Rows, parameters.Width);
        OpenClBuffer from = Own(x), to = Own(y);
        Kernel kernel = LineKernel("layer_norm_rows.cl", "rows_forward").Start().Buffer(from).Buffer(Own(parameters.Gamma)).Buffer(Own(parameters.Beta))
            .Buffer(to).Long(x.Rows).Int(x.Columns).Float(parameters.Epsilon);
        RunRows(kernel, x.Rows);
        to.Written();
    }

    internal override void LayerNormBackward(
        in LayerNormParameters parameters, in LayerNormParameters gradients, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX, StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, parameters.Width);
        CheckShape(dY, steps * batch, parameters.Width);
        CheckShape(gradients.Gamma, 1, parameters.Width);
        CheckShape(gradients.Beta, 1, parameters.Width);
        if (dX != null)
            CheckShape(dX, steps * batch, parameters.Width);
        if (x.Rows == 0)
            return;
        OpenClBuffer above = Own(dY), products = Room(ref _normProducts, x.Rows, x.Columns);
        DeviceBlock? active = flags == null ? null : _flags.Set<byte>(flags.Active[..x.Rows]);
        Kernel kernel = LineKernel("layer_norm_rows.cl", "rows_backward").Start().Buffer(Own(x)).Buffer(Own(parameters.Gamma)).Buffer(above)
            .Buffer(dX == null ? null : Own(dX)).Buffer(products).Memory(active).Long(x.Rows).Int(x.Columns).Float(parameters.Epsilon);
        RunRows(kernel, x.Rows);
        RowOrder order = Products.Order(steps, batch, flags);
        TargetRows target = TargetRows.Plain(parameters.Width);
        Products.AddBiasGradient(order, new Rows(products), Own(gradients.Gamma), null, target);
        Products.AddBiasGradient(order, new Rows(above), Own(gradients.Beta), null, target);
        if (dX != null)
            Own(dX).Written();
    }

    /// <summary>A kept buffer of such a shape; its contents are anything.</summary>
    private OpenClBuffer Room(ref OpenClBuffer? kept, int rows, int columns)
    {
        if (kept?.Rows == rows && kept.Columns == columns)
            return kept;
        kept?.Block.Dispose(); // at once, not some day: the pool hands it out again
        kept = null;
        return kept = new OpenClBuffer(_pool, rows, columns);
    }
}
