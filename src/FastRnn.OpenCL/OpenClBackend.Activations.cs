using FastRnn.Backends;

namespace FastRnn.OpenCL;

public sealed partial class OpenClBackend
{
    internal override void ActivationForward(ActivationKind kind, DeviceBuffer x, DeviceBuffer y)
    {
        CheckShape(y, x.Rows, x.Columns);
        OpenClBuffer from = Own(x), to = Own(y);
        if (from.Elements == 0)
            return;
        if (kind == ActivationKind.LogSoftmax)
        {
            RunRows(LineKernel("activations.cl", "log_softmax_forward").Start().Buffer(from).Buffer(to).Long(x.Rows).Int(x.Columns), x.Rows);
        }
        else
        {
            RunLines(
                LineKernel("activations.cl", "activation_forward").Start().Buffer(from).Buffer(to).Long(from.Elements).Int((int)kind), from.Elements, 1);
        }
        to.Written();
    }

    internal override void ActivationBackward(
        ActivationKind kind, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags)
    {
        CheckShape(y, x.Rows, x.Columns);
        CheckShape(dY, x.Rows, x.Columns);
        CheckShape(dX, x.Rows, x.Columns);
        OpenClBuffer input = Own(x), output = Own(y), from = Own(dY), to = Own(dX);
        if (input.Elements == 0)
            return;
        DeviceBlock? active = flags == null ? null : _flags.Set<byte>(flags.Active[..x.Rows]);
        if (kind == ActivationKind.LogSoftmax)
        {
            RunRows(
                LineKernel("activations.cl", "log_softmax_backward").Start().Buffer(output).Buffer(from).Buffer(to).Memory(active).Long(x.Rows)
                    .Int(x.Columns),
                x.Rows);
        }
        else
        {
            // Without flags rows do not matter.
            (long columns, long rows) = flags == null ? (input.Elements, 1) : (x.Columns, x.Rows);
            RunLines(
                LineKernel("activations.cl", "activation_backward").Start().Buffer(input).Buffer(output).Buffer(from).Buffer(to).Memory(active)
                    .Long(columns).Int((int)kind),
                columns, rows);
        }
        to.Written();
    }
}
