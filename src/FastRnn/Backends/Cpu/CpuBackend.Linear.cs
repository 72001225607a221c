using System.Runtime.InteropServices;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>The affine layer, and the products shared with the recurrent layers.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override LinearWeights CreateLinearWeights(int input, int output) => new CpuLinearWeights(input, output, InferenceOnly);

    internal override void LinearForward(
        LinearWeights weights, DeviceBuffer x, DeviceBuffer y, WeightPrecision precision = WeightPrecision.Float32)
    {
        CheckShape(x, x.Rows, weights.Input);
        CheckShape(y, x.Rows, weights.Output);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        var w = (CpuLinearWeights)weights;
        var gemm = new GemmArgs { Rows = x.Rows, Columns = to.Stride, Panels = w.ForwardPanels(precision), Bytes = w.ForwardBytes(precision) };
        gemm.SetRowMajorA(from.Pointer, from.Stride, weights.Input);
        gemm.SetInitRow(w.PackedBias(), 16, 64);
        gemm.SetRowMajorC(to.Pointer, to.Stride);
        Multiply(gemm);
        to.Written();
        GC.KeepAlive(from);
        GC.KeepAlive(w);
    }

    internal override void LinearBackward(
        LinearWeights weights, DeviceBuffer dWeight, DeviceBuffer dBias, DeviceBuffer x, DeviceBuffer dY, DeviceBuffer? dX,
        StepFlags? flags, int steps, int batch)
    {
        CheckShape(x, steps * batch, weights.Input);
        CheckShape(dY, steps * batch, weights.Output);
        CheckShape(dWeight, weights.Output, weights.Input);
        CheckShape(dBias, 1, weights.Output);
        CpuBuffer input = Cpu(x), gradient = Cpu(dY);
        using PooledScratch masked = new(_pool, flags == null ? 0 : gradient.PaddedLength);
        float* dy = flags == null ? gradient.Pointer : MaskRows(gradient, flags, masked.Pointer);
        fixed (byte* active = flags == null ? default : flags.Active)
        {
            var args = new WeightGradientArgs
            {
                Steps = steps,
                Batch = batch,
                Strips = dy,
                BlockStride = WeightGradient.MostNeighbours * 16,
                Gates = WeightGradient.MostNeighbours,
                StripRow = gradient.Stride,
                X = input.Pointer,
                XRow = input.Stride,
                Columns = input.Stride,
                Active = active,
                Gradient = Cpu(dWeight).Pointer,
                GradientRow = Cpu(dWeight).Stride,
                GradientRows = weights.Output,
                BiasA = Cpu(dBias).Pointer,
                Zeros = Zeros(Gemm.PanelColumns),
            };
            AddWeightGradient(args, gradient.Stride / 16);
        }
        Cpu(dWeight).Written();
        Cpu(dBias).Written();
        if (dX != null)
            LinearInputGradient((CpuLinearWeights)weights, dy, gradient.Stride, Cpu(dX));
        GC.KeepAlive(input);
        GC.KeepAlive(gradient);
    }

    private void LinearInputGradient(CpuLinearWeights weights, float* dy, nint stride, CpuBuffer dX)
    {
        CheckShape(dX, dX.Rows, weights.Input);
        var gemm = new GemmArgs { Rows = dX.Rows, Columns = dX.Stride, Panels = weights.BackwardPanels() };
        gemm.SetRowMajorA(dy, stride, weights.Output);
        gemm.SetInitRow(Zeros(Gemm.PanelColumns), 0, 0);
        gemm.SetRowMajorC(dX.Pointer, dX.Stride);
        Multiply(gemm);
        dX.Written();
        GC.KeepAlive(weights);
    }

    /// <summary>A copy whose inactive rows are zero, so that they add nothing anywhere.</summary>
    private static float* MaskRows(CpuBuffer source, StepFlags flags, float* copy)
    {
        for (int r = 0; r < source.Rows; r++)
        {
            var row = new Span<float>(copy + ((nint)r * source.Stride), source.Stride);
            if (flags.Active[r] != 0)
                new ReadOnlySpan<float>(source.Pointer + ((nint)r * source.Stride), source.Stride).CopyTo(row);
            else
                row.Clear();
        }
        return copy;
    }

    /// <summary>A product, its rows cut over the threads.</summary>
    private void Multiply(in GemmArgs gemm)
    {
        int parts = Sharing.Parts(gemm.Rows, gemm.Depth * gemm.Columns, _workers.IsParked);
        if (parts == 1)
        {
            ObjectDisposedException.ThrowIf(!_self.IsAllocated, this);
            Gemm.Run(_table, gemm);
        }
        else
        {
            ShareProduct(gemm, parts);
        }
        GC.KeepAlive(this);
    }

    private void ShareProduct(in GemmArgs gemm, int parts)
    {
        fixed (GemmArgs* args = &gemm)
        {
            var job = new GemmJob { Args = args, Backend = GCHandle.ToIntPtr(_self) };
            _workers.Run(&GemmJob.Run, &job, parts);
        }
    }

    /// <summary>dW and the bias gradients, strips cut over the threads.</summary>
    private void AddWeightGradient(in WeightGradientArgs gradient, nint strips)
    {
        int parts = GradientParts(gradient.Steps * gradient.Batch, strips, gradient.Columns);
        for (int i = 0; i < parts; i++)
            _arenas[i].Ensure(GradientScratch(strips, parts, gradient.Batch, gradient.Columns));
        fixed (WeightGradientArgs* args = &gradient)
        {
            var job = new GradientJob
            {
                Args = args,
                Strips = strips,
                Backend = GCHandle.ToIntPtr(_self),
            };
            _workers.Run(&GradientJob.Run, &job, parts);
        }
        GC.KeepAlive(this);
    }

    private struct GemmJob
    {
        public GemmArgs* Args;
        public nint Backend;

        public static void Run(void* context, int part, int parts)
        {
            var job = (GemmJob*)context;
            GemmArgs args = *job->Args;
            (nint first, nint count) = Part(args.Rows, part, parts);
            args.A += first * args.ARow;
            args.Init += first * args.InitRow;
            args.C += first * args.CRow;
            args.Rows = count;
            Gemm.Run(Self(job->Backend)._table, args);
        }
    }

    private struct GradientJob
    {
        public WeightGradientArgs* Args;
        public nint Strips;
        public nint Backend;

        public static void Run(void* context, int part, int parts)
        {
            var job = (GradientJob*)context;
            var backend = Self(job->Backend);
            (nint first, nint count) = Part(job->Strips, part, parts);
            WeightGradient.Run(backend._table, *job->Args, first, count, backend._arenas[part]);
        }
    }

    internal sealed class CpuLinearWeights(int input, int output, bool lazily)
        : LinearWeights(input, output, (rows, columns) => new CpuBuffer(rows, columns))
    {
        private readonly CpuPack _forward = new(Packing.PanelLength(input, output), lazily);
        private readonly CpuPack _backward = new(Packing.PanelLength(output, input), lazily);
        private readonly CpuReducedPacks _reduced = new(input, Gemm.Panels(output) * Gemm.PanelColumns, Gemm.PanelColumns);
        private readonly CpuPack _bias = new(Gemm.Panels(output) * Gemm.PanelColumns, lazily);

        public override void Prepare(WeightPrecision precision)
        {
            PackedBias();
            ForwardPanels(precision);
            ForwardBytes(precision);
        }

        /// <summary>Whether the panels of a forward pass in float32 are those of W.</summary>
        internal bool IsPacked => _forward.Holds(Weight.Version);

        public override void PrepareFrom(DeviceBuffer parameter)
        {
            if (parameter == Weight)
                ForwardPanels();
        }

        public override void Release() => _forward.Release();

        public float* ForwardPanels() => _forward.Holds(Weight.Version)
            ? _forward.Pointer
            : _forward.Pack(Weight.Version, this, static (w, packed) => Packing.Columns(Cpu(w.Weight).Pointer, Cpu(w.Weight).Stride, w.Output, w.Input, packed));

        /// <summary>The float32 panels of inference.</summary>
        public float* ForwardPanels(WeightPrecision precision) => precision == WeightPrecision.BFloat16
            ? _reduced.Rounded(ForwardPanels(), Weight.Version)
            : ForwardPanels();

        /// <summary>W in 8 bits, or null.</summary>
        public BytePanels* ForwardBytes(WeightPrecision precision) => precision != WeightPrecision.Int8
            ? null
            : _reduced.Bytes(Cpu(Weight), 0, new PanelColumns(Output));

        public override void PlanReduced(WeightPrecision precision) => _reduced.Plan(precision);

        public float* BackwardPanels() => _backward.Holds(Weight.Version)
            ? _backward.Pointer
            : _backward.Pack(Weight.Version, this, static (w, packed) => Packing.Rows(Cpu(w.Weight).Pointer, Cpu(w.Weight).Stride, w.Output, w.Input, packed));

        /// <summary>The bias, zero padded to whole panels.</summary>
        public float* PackedBias() => _bias.Holds(Bias.Version)
            ? _bias.Pointer
            : _bias.Pack(Bias.Version, this, static (w, packed) => Cpu(w.Bias).Row(0).CopyTo(new Span<float>(packed, w.Output)));
    }
}
