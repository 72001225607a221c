using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

public sealed partial class OpenClBackend
{
    internal override void ActivationForward(in ActivationFunction function, DeviceBuffer x, DeviceBuffer y)
    {
        CheckShape(y, x.Rows, x.Columns);
        OpenClBuffer from = Own(x), to = Own(y);
        if (from.Elements == 0)
            return;
        if (function.IsOfRows)
        {
            RunRows(LineKernel("activations.cl", $"{RowFunction(function)}_forward").Start().Buffer(from).Buffer(to).Long(x.Rows).Int(x.Columns), x.Rows);
        }
        else
        {
            Kernel kernel = LineKernel("activations.cl", "activation_forward").Start().Buffer(from).Buffer(to).Long(from.Elements);
            RunLines(Function(kernel, function), from.Elements, 1);
        }
        to.Written();
    }

    internal override void ActivationBackward(
        in ActivationFunction function, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags)
    {
        CheckShape(y, x.Rows, x.Columns);
        CheckShape(dY, x.Rows, x.Columns);
        CheckShape(dX, x.Rows, x.Columns);
        OpenClBuffer input = Own(x), output = Own(y), from = Own(dY), to = Own(dX);
        if (input.Elements == 0)
            return;
        DeviceBlock? active = flags == null ? null : _flags.Set<byte>(flags.Active[..x.Rows]);
        if (function.IsOfRows)
        {
            RunRows(
                LineKernel("activations.cl", $"{RowFunction(function)}_backward").Start().Buffer(output).Buffer(from).Buffer(to).Memory(active).Long(x.Rows)
                    .Int(x.Columns),
                x.Rows);
        }
        else
        {
            // Without flags rows do not matter.
            (long columns, long rows) = flags == null ? (input.Elements, 1) : (x.Columns, x.Rows);
            Kernel kernel = LineKernel("activations.cl", "activation_backward").Start().Buffer(input).Buffer(output).Buffer(from).Buffer(to).Memory(active)
                .Long(columns);
            RunLines(Function(kernel, function), columns, rows);
        }
        to.Written();
    }

    private static string RowFunction(in ActivationFunction function) => function.Kind == ActivationKind.Softmax ? "softmax" : "log_softmax";

    /// <summary>The kind, and which of the cells' functions.</summary>
    private static Kernel Function(Kernel kernel, in ActivationFunction function)
    {
        CellFunctionArgs chosen = function.Chosen.Args;
        return kernel.Int((int)function.Kind).Int((int)chosen.Function).Float(chosen.Alpha).Float(chosen.Beta);
    }
}
