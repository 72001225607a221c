using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>
/// Losses: rows are cut over the threads, each row's loss is kept, and the sum over rows runs in sixteen virtual accumulators by row mod 16.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Work on a float against that of a plain function: exponentials and logarithms, in double where sums are.</summary>
    private const int LossWork = 4;

    internal override LossSum ClassLoss(
        DeviceBuffer scores, ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, DeviceBuffer? gradient)
    {
        CheckRows(scores, targets.Length, "targets");
        CheckCounted(scores, counted);
        CpuBuffer z = Cpu(scores), dz = gradient == null ? z : Cpu(gradient);
        CheckShape(dz, z.Rows, z.Columns);
        (int count, double divisor) = CountTargets(targets, counted, rule, z.Columns);
        double scale = rule.IsSum ? 1 : divisor;
        using PooledScratch losses = new(_pool, z.Rows), weights = new(_pool, z.Stride);
        double total = FillWeights(weights.Pointer, z.Stride, rule.Weights, z.Columns);
        fixed (int* pTargets = targets)
        {
            fixed (byte* pCounted = counted)
            {
                var job = new ClassLossJob
                {
                    Row = rule.LogProbabilities ? null : _table.SoftmaxCrossEntropyRow,
                    SmoothRow = _table.LabelSmoothingRow,
                    Scores = z.Pointer,
                    Gradient = gradient == null ? null : dz.Pointer,
                    Losses = losses.Pointer,
                    Weights = weights.Pointer,
                    Targets = pTargets,
                    Counted = pCounted,
                    Stride = z.Stride,
                    Classes = z.Columns,
                    Rows = z.Rows,
                    IgnoreIndex = rule.IgnoreIndex,
                    Scale = scale == 0 ? 0f : 1f / (float)scale,
                    Sharp = (float)(1.0 - rule.Smoothing),
                    Spread = (float)((double)rule.Smoothing / z.Columns),
                    TotalWeight = (float)total,
                };
                _workers.Run(&ClassLossJob.Run, &job, ElementParts(z.PaddedLength * LossWork));
            }
        }
        if (gradient != null)
            dz.Written();
        GC.KeepAlive(z);
        GC.KeepAlive(dz);
        return new LossSum(SumOfRows(losses.Pointer, z.Rows), count, divisor);
    }

    internal override LossSum ElementLoss(
        DeviceBuffer output, DeviceBuffer target, ReadOnlySpan<byte> counted, in ElementLossRule rule, DeviceBuffer? gradient)
    {
        CheckShape(target, output.Rows, output.Columns);
        CheckCounted(output, counted);
        CpuBuffer x = Cpu(output), y = Cpu(target), dx = gradient == null ? x : Cpu(gradient);
        CheckShape(dx, x.Rows, x.Columns);
        int count = counted.IsEmpty ? x.Rows : x.Rows - counted.Count((byte)0);
        double divisor = (double)count * x.Columns, scale = rule.IsSum ? 1 : divisor;
        using PooledScratch losses = new(_pool, x.Rows), constants = new(_pool, x.Stride);
        for (int c = 0; c < x.Stride; c++)
            constants.Pointer[c] = c < x.Columns ? rule.Constant(c) : 1f;
        fixed (byte* pCounted = counted)
        {
            var job = new ElementLossJob
            {
                Row = _table.ElementLossRows[(int)rule.Kind],
                X = x.Pointer,
                Y = y.Pointer,
                Gradient = gradient == null ? null : dx.Pointer,
                Losses = losses.Pointer,
                Constants = constants.Pointer,
                Counted = pCounted,
                Stride = x.Stride,
                Columns = x.Columns,
                Rows = x.Rows,
                Scale = scale == 0 ? 0f : 1f / (float)scale,
            };
            _workers.Run(&ElementLossJob.Run, &job, ElementParts(x.PaddedLength * LossWork));
        }
        if (gradient != null)
            dx.Written();
        GC.KeepAlive(x);
        GC.KeepAlive(y);
        GC.KeepAlive(dx);
        return new LossSum(SumOfRows(losses.Pointer, x.Rows), count, divisor);
    }

    /// <summary>Counted rows, and the class weights of their targets; every target that counts is checked.</summary>
    private static (int Count, double Divisor) CountTargets(
        ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, int classes)
    {
        if (rule.Weights != null && rule.Weights.Length != classes)
            throw new ArgumentException($"{rule.Weights.Length} class weights for {classes} classes");
        double* sums = stackalloc double[16];
        new Span<double>(sums, 16).Clear();
        int count = 0;
        for (int r = 0; r < targets.Length; r++)
        {
            if ((!counted.IsEmpty && counted[r] == 0) || !rule.Counts(targets[r]))
                continue;
            if (targets[r] >= classes)
                throw new ArgumentOutOfRangeException(nameof(targets), $"target {targets[r]} for {classes} classes");
            sums[r & 15] += rule.Weights == null ? 1 : rule.Weights[targets[r]];
            count++;
        }
        return (count, Reductions.Tree(sums));
    }

    /// <summary>The class weights, padded with zeros, and their sum.</summary>
    private static double FillWeights(float* padded, int stride, float[]? weights, int classes)
    {
        double* sums = stackalloc double[16];
        new Span<double>(sums, 16).Clear();
        for (int c = 0; c < stride; c++)
            sums[c & 15] += padded[c] = c >= classes ? 0f : weights == null ? 1f : weights[c];
        return Reductions.Tree(sums);
    }

    private static double SumOfRows(float* losses, int rows)
    {
        double* sums = stackalloc double[16];
        new Span<double>(sums, 16).Clear();
        for (int r = 0; r < rows; r++)
            sums[r & 15] += losses[r];
        return Reductions.Tree(sums);
    }

    private static void CheckCounted(DeviceBuffer output, ReadOnlySpan<byte> counted)
    {
        if (!counted.IsEmpty)
            CheckRows(output, counted.Length, "marks of what counts");
    }

    private static void CheckRows(DeviceBuffer output, int rows, string what)
    {
        if (rows != output.Rows)
            throw new ArgumentException($"{rows} {what} for outputs {output}");
    }

    private struct ClassLossJob
    {
        public delegate*<float*, nint, nint, float, float*, float> Row;
        public delegate*<float*, float*, nint, nint, float, float*, float> SmoothRow;
        public float* Scores, Gradient, Losses, Weights;
        public int* Targets;
        public byte* Counted;
        public nint Stride, Classes, Rows;
        public int IgnoreIndex;
        public float Scale, Sharp, Spread, TotalWeight;

        public static void Run(void* context, int part, int parts)
        {
            var job = (ClassLossJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
            {
                float* gradient = job->Gradient == null ? null : job->Gradient + (r * job->Stride);
                int target = job->Targets[r];
                bool counts = target >= 0 && target != job->IgnoreIndex && (job->Counted == null || job->Counted[r] != 0);
                if (gradient != null && (!counts || job->Row == null))
                    new Span<float>(gradient, (int)job->Stride).Clear();
                job->Losses[r] = !counts ? 0f
                    : job->Row == null ? LogProbability(job, r, target, gradient)
                    : SoftmaxRow(job, r, target, gradient);
            }
        }

        private static float LogProbability(ClassLossJob* job, nint r, int target, float* gradient)
        {
            float weight = job->Weights[target];
            if (gradient != null)
                gradient[target] = -weight * job->Scale;
            return -weight * job->Scores[(r * job->Stride) + target];
        }

        /// <summary>
        /// With a = (1 − ε)·w_t, b = ε/C and W = Σ w: loss = (a + b·W)·(−log p_t) + b·Σ w_c·(z_t − z_c), dz = (a + b·W)·p − a·onehot − b·w.
        /// Without smoothing and weights a = 1 and b = 0, and every product is exact.
        /// </summary>
        private static float SoftmaxRow(ClassLossJob* job, nint r, int target, float* gradient)
        {
            float* z = job->Scores + (r * job->Stride);
            float sharp = job->Sharp * job->Weights[target], spread = job->Spread;
            if (spread == 0f)
                return sharp * job->Row(z, job->Classes, target, sharp * job->Scale, gradient);
            float spreadOfAll = spread * job->TotalWeight, all = sharp + spreadOfAll;
            float loss = job->Row(z, job->Classes, target, all * job->Scale, gradient);
            float distance = job->SmoothRow(z, job->Weights, job->Classes, target, spread * job->Scale, gradient);
            if (gradient != null)
                gradient[target] += spreadOfAll * job->Scale;
            return (all * loss) + (spread * distance);
        }
    }

    private struct ElementLossJob
    {
        public delegate*<float*, float*, float*, nint, float, float*, float> Row;
        public float* X, Y, Gradient, Losses, Constants;
        public byte* Counted;
        public nint Stride, Columns, Rows;
        public float Scale;

        public static void Run(void* context, int part, int parts)
        {
            var job = (ElementLossJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
            {
                nint at = r * job->Stride;
                float* gradient = job->Gradient == null ? null : job->Gradient + at;
                if (job->Counted == null || job->Counted[r] != 0)
                {
                    job->Losses[r] = job->Row(job->X + at, job->Y + at, job->Constants, job->Columns, job->Scale, gradient);
                    continue;
                }
                job->Losses[r] = 0f;
                if (gradient != null)
                    new Span<float>(gradient, (int)job->Stride).Clear();
            }
        }
    }
}
