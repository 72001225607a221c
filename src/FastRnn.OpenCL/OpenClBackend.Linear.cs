using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.OpenCL;

// The affine layer, and the products shared with the recurrent layers.
public sealed partial class OpenClBackend
{
    private OpenClProducts? _products;

    internal OpenClProducts Products => _products ??= new OpenClProducts(
        _pool, _programs, _staging, Device,
        _context.Options.Products ?? (IsWide || !OpenClProducts.HasRoomForTiles(Device) ? ProductFamily.Vector : ProductFamily.Local));

    internal override LinearWeights CreateLinearWeights(int input, int output) => new OpenClLinearWeights(this, input, output);

    internal override void LinearForward(
        LinearWeights weights, DeviceBuffer x, DeviceBuffer y, WeightPrecision precision = WeightPrecision.Float32)
    {
        CheckShape(x, x.Rows, weights.Input);
        CheckShape(y, x.Rows, weights.Output);
        if (!Stores(precision))
            throw new NotSupportedException($"{Name} stores no weights as {precision.Name()}");
        PackedMatrix packed = ((OpenClLinearWeights)weights).Packed.Forward();
        Products.Multiply(new Rows(Own(x)), packed, new Rows(Own(y)), x.Rows, ChainStart.Row(Own(weights.Bias)));
    }

    internal override void LinearBackward(
        LinearWeights weights, DeviceBuffer dWeight, DeviceBuffer dBias, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX,
        StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, weights.Input);
        CheckShape(dY, steps * batch, weights.Output);
        CheckShape(dWeight, weights.Output, weights.Input);
        CheckShape(dBias, 1, weights.Output);
        RowOrder order = Products.Order(steps, batch, flags);
        var gradient = new Rows(Own(dY));
        TargetRows target = TargetRows.Plain(weights.Output);
        Products.AddWeightGradient(order, gradient, new Rows(Own(x)), Own(dWeight), target);
        Products.AddBiasGradient(order, gradient, Own(dBias), null, target);
        if (dX == null)
            return;
        CheckShape(dX, steps * batch, weights.Input);
        Products.Multiply(gradient, ((OpenClLinearWeights)weights).Packed.Backward(), new Rows(Own(dX)), dX.Rows, ChainStart.Zero);
        Products.ClearSkipped(order, Own(dX));
    }

    private sealed class OpenClLinearWeights : LinearWeights
    {
        public OpenClLinearWeights(OpenClBackend backend, int input, int output)
            : base(input, output, backend.Allocate) => Packed = new PlainWeights(backend, Weight);

        public PlainWeights Packed { get; }

        public override void Prepare(WeightPrecision precision) => Packed.Forward();
    }
}
