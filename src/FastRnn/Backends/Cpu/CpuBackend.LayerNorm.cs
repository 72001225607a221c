using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Normalisation of rows: they are cut over the threads, and what they add to γ and β is summed in the order of every other bias.</summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>The kernels' view of such parameters; whoever calls keeps them alive.</summary>
    internal static LayerNormRows Rows(in LayerNormParameters parameters) => new()
    {
        Gamma = Cpu(parameters.Gamma).Pointer,
        Beta = Cpu(parameters.Beta).Pointer,
        Epsilon = parameters.Epsilon,
        Width = parameters.Width,
        Stride = Cpu(parameters.Gamma).Stride,
    };

    internal override void LayerNormForward(in LayerNormParameters parameters, DeviceBuffer x, DeviceBuffer y)
    {
        CheckShape(x, x.Rows, parameters.Width);
        CheckShape(y, x.Rows, parameters.Width);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        var job = new NormJob { Backend = GCHandle.ToIntPtr(_self), Norm = Rows(parameters), X = from.Pointer, Y = to.Pointer, Count = from.Rows };
        _workers.Run(&NormJob.RunForward, &job, ElementParts(from.PaddedLength));
        to.Written();
        GC.KeepAlive(from);
        GC.KeepAlive(parameters.Gamma);
        GC.KeepAlive(parameters.Beta);
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
        CpuBuffer input = Cpu(x), gradient = Cpu(dY);
        using PooledScratch products = new(_pool, input.PaddedLength), unwanted = new(_pool, dX == null ? input.PaddedLength : 0);
        fixed (byte* active = flags == null ? default : flags.Active)
        {
            var job = new NormJob
            {
                Backend = GCHandle.ToIntPtr(_self),
                Norm = Rows(parameters),
                X = input.Pointer,
                Y = dX == null ? unwanted.Pointer : Cpu(dX).Pointer,
                DY = gradient.Pointer,
                Products = products.Pointer,
                Active = active,
                Count = input.Rows,
            };
            _workers.Run(&NormJob.RunBackward, &job, ElementParts(input.PaddedLength));
        }
        AddRowSums(products.Pointer, Cpu(gradients.Gamma), steps, batch);
        AddRowSums(flags == null ? gradient.Pointer : MaskRows(gradient, flags, products.Pointer), Cpu(gradients.Beta), steps, batch);
        if (dX != null)
            Cpu(dX).Written();
        GC.KeepAlive(input);
        GC.KeepAlive(gradient);
        GC.KeepAlive(parameters.Gamma);
        GC.KeepAlive(parameters.Beta);
    }

    /// <summary>sum += all rows, in the order of a bias's gradient.</summary>
    private void AddRowSums(float* rows, CpuBuffer sum, int steps, int batch)
    {
        var args = new WeightGradientArgs
        {
            Steps = steps,
            Batch = batch,
            Strips = rows,
            BlockStride = WeightGradient.MostNeighbours * 16,
            Gates = WeightGradient.MostNeighbours,
            StripRow = sum.Stride,
            GradientRows = sum.Columns,
            BiasA = sum.Pointer,
            Zeros = Zeros(Gemm.PanelColumns),
        };
        AddWeightGradient(args, sum.Stride / 16);
        sum.Written();
    }

    private struct NormJob
    {
        public nint Backend;
        public LayerNormRows Norm;
        public float* X, Y, DY, Products;
        public byte* Active;
        public nint Count;

        public static void RunForward(void* context, int part, int parts)
        {
            var job = (NormJob*)context;
            (nint first, nint count) = Part(job->Count, part, parts);
            nint at = first * job->Norm.Stride;
            job->Norm.Forward(Self(job->Backend)._table, job->X + at, job->Norm.Stride, job->Y + at, count);
        }

        public static void RunBackward(void* context, int part, int parts)
        {
            var job = (NormJob*)context;
            KernelTable table = Self(job->Backend)._table;
            (nint first, nint count) = Part(job->Count, part, parts);
            for (nint r = first, end = first + count, next; r < end; r = next)
            {
                bool counts = job->IsActive(r);
                for (next = r + 1; next < end && job->IsActive(next) == counts;)
                    next++;
                nint at = r * job->Norm.Stride;
                if (counts)
                    job->Norm.Backward(table, job->X + at, job->DY + at, job->Y + at, job->Products + at, next - r);
                else
                    job->ClearRows(at, (next - r) * job->Norm.Stride);
            }
        }

        private readonly bool IsActive(nint row) => Active == null || Active[row] != 0;

        private readonly void ClearRows(nint at, nint length)
        {
            new Span<float>(Y + at, checked((int)length)).Clear();
            new Span<float>(Products + at, checked((int)length)).Clear();
        }
    }
}
