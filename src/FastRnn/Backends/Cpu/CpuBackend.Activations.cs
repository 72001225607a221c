using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>Activations: rows are cut over the threads.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override void ActivationForward(in ActivationFunction function, DeviceBuffer x, DeviceBuffer y)
    {
        CheckShape(y, x.Rows, x.Columns);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        var job = new ActivationJob
        {
            Forward = _table.ActivationForward[(int)function.Kind],
            Chosen = function.Chosen.Args,
            X = from.Pointer,
            Y = to.Pointer,
            Stride = from.Stride,
            Columns = from.Columns,
            Rows = from.Rows,
        };
        _workers.Run(&ActivationJob.RunForward, &job, ElementParts(from.PaddedLength));
        to.Written();
        GC.KeepAlive(from);
    }

    internal override void ActivationBackward(
        in ActivationFunction function, DeviceBuffer x, DeviceBuffer y, DeviceBuffer dY, DeviceBuffer dX, StepFlags? flags)
    {
        CheckShape(y, x.Rows, x.Columns);
        CheckShape(dY, x.Rows, x.Columns);
        CheckShape(dX, x.Rows, x.Columns);
        CpuBuffer input = Cpu(x), output = Cpu(y), from = Cpu(dY), to = Cpu(dX);
        fixed (byte* active = flags == null ? default : flags.Active)
        {
            var job = new ActivationJob
            {
                Backward = _table.ActivationBackward[(int)function.Kind],
                Chosen = function.Chosen.Args,
                X = input.Pointer,
                Y = output.Pointer,
                DY = from.Pointer,
                DX = to.Pointer,
                Active = active,
                Stride = input.Stride,
                Columns = input.Columns,
                Rows = input.Rows,
            };
            _workers.Run(&ActivationJob.RunBackward, &job, ElementParts(input.PaddedLength));
        }
        to.Written();
        GC.KeepAlive(input);
        GC.KeepAlive(output);
        GC.KeepAlive(from);
    }

    private struct ActivationJob
    {
        public delegate*<float*, float*, nint, CellFunctionArgs, void> Forward;
        public delegate*<float*, float*, float*, float*, nint, CellFunctionArgs, void> Backward;
        public CellFunctionArgs Chosen;
        public float* X, Y, DY, DX;
        public byte* Active;
        public nint Stride, Columns, Rows;

        public static void RunForward(void* context, int part, int parts)
        {
            var job = (ActivationJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
                job->Forward(job->X + (r * job->Stride), job->Y + (r * job->Stride), job->Columns, job->Chosen);
        }

        public static void RunBackward(void* context, int part, int parts)
        {
            var job = (ActivationJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
            {
                nint at = r * job->Stride;
                if (job->Active == null || job->Active[r] != 0)
                    job->Backward(job->X + at, job->Y + at, job->DY + at, job->DX + at, job->Columns, job->Chosen);
                else
                    new Span<float>(job->DX + at, (int)job->Stride).Clear();
            }
        }
    }
}
