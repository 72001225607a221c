using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Embedding, dropout, loss and updates.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override void EmbeddingForward(DeviceBuffer table, ReadOnlySpan<int> tokens, DeviceBuffer y)
    {
        CheckShape(y, tokens.Length, table.Columns);
        CpuBuffer from = Cpu(table), to = Cpu(y);
        for (int r = 0; r < tokens.Length; r++)
        {
            if (tokens[r] >= 0)
                from.Row(CheckToken(tokens[r], table.Rows)).CopyTo(to.Row(r));
            else
                to.Row(r).Clear();
        }
        to.Written();
        GC.KeepAlive(from);
    }

    internal override void EmbeddingBackward(DeviceBuffer dTable, ReadOnlySpan<int> tokens, DeviceBuffer dY)
    {
        CheckShape(dY, tokens.Length, dTable.Columns);
        CpuBuffer to = Cpu(dTable), from = Cpu(dY);
        nint stride = to.Stride;
        for (int r = 0; r < tokens.Length; r++)
        {
            if (tokens[r] >= 0)
                _table.AddTo(from.Pointer + (r * stride), to.Pointer + (CheckToken(tokens[r], dTable.Rows) * stride), stride);
        }
        to.Written();
        GC.KeepAlive(from);
    }

    internal override void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(y, x.Rows, x.Columns);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        float keep = 1f / (1f - mask.Rate);
        for (int r = 0; r < from.Rows; r++)
        {
            ReadOnlySpan<float> source = from.Row(r);
            Span<float> target = to.Row(r);
            for (int c = 0; c < source.Length; c += 4)
            {
                var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, r / batch, r % batch, c / 4);
                ReadOnlySpan<float> draws = [u0, u1, u2, u3];
                for (int i = c; i < Math.Min(c + 4, source.Length); i++)
                    target[i] = draws[i - c] >= mask.Rate ? source[i] * keep : 0f;
            }
        }
        to.Written();
        GC.KeepAlive(from);
    }

    internal override LossSum CrossEntropy(DeviceBuffer logits, ReadOnlySpan<int> targets, DeviceBuffer? dLogits)
    {
        if (targets.Length != logits.Rows)
            throw new ArgumentException($"{targets.Length} targets for logits {logits}");
        int count = 0;
        foreach (int target in targets)
            count += CheckTarget(target, logits.Columns) ? 1 : 0;
        CpuBuffer z = Cpu(logits), dz = dLogits == null ? z : Cpu(dLogits);
        CheckShape(dz, z.Rows, z.Columns);
        double* losses = stackalloc double[16];
        new Span<double>(losses, 16).Clear();
        fixed (int* pTargets = targets)
        {
            var job = new LossJob
            {
                Row = _table.SoftmaxCrossEntropyRow,
                Logits = z.Pointer,
                Gradient = dLogits == null ? null : dz.Pointer,
                Stride = z.Stride,
                Classes = z.Columns,
                Rows = z.Rows,
                Targets = pTargets,
                Scale = count == 0 ? 0f : 1f / count,
            };
            using PooledScratch scratch = new(_pool, z.Rows);
            job.Losses = scratch.Pointer;
            _workers.Run(&LossJob.Run, &job, z.Rows >= 64 ? Threads : 1);
            for (int r = 0; r < z.Rows; r++)
                losses[r & 15] += scratch.Pointer[r];
        }
        if (dLogits != null)
            dz.Written();
        GC.KeepAlive(z);
        GC.KeepAlive(dz);
        return new LossSum(Reductions.Tree(losses), count);
    }

    internal override void SgdUpdate(DeviceBuffer weight, DeviceBuffer gradient, in SgdStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        CpuBuffer w = Cpu(weight), g = Cpu(gradient);
        _table.Sgd(w.Pointer, g.Pointer, w.PaddedLength, (float)step.Rate, step.Scale);
        w.Written();
        GC.KeepAlive(g);
    }

    internal override void AdamUpdate(DeviceBuffer weight, DeviceBuffer gradient, DeviceBuffer m, DeviceBuffer v, in AdamStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        CheckShape(m, weight.Rows, weight.Columns);
        CheckShape(v, weight.Rows, weight.Columns);
        CpuBuffer w = Cpu(weight), g = Cpu(gradient), first = Cpu(m), second = Cpu(v);
        var job = new AdamJob
        {
            Update = _table.Adam,
            W = w.Pointer,
            G = g.Pointer,
            M = first.Pointer,
            V = second.Pointer,
            Lines = w.PaddedLength / 16,
            Constants = new AdamConstants
            {
                Scale = step.Scale,
                Beta1 = step.Beta1,
                OneMinusBeta1 = (float)(1.0 - step.Beta1),
                Beta2 = step.Beta2,
                OneMinusBeta2 = (float)(1.0 - step.Beta2),
                StepSize = (float)(step.Rate / step.Correction1),
                RootCorrection2 = (float)Math.Sqrt(step.Correction2),
                Epsilon = step.Epsilon,
            },
        };
        _workers.Run(&AdamJob.Run, &job, job.Lines >= 2048 ? Threads : 1);
        w.Written();
        first.Written();
        second.Written();
        GC.KeepAlive(g);
    }

    private static int CheckToken(int token, int vocabulary) =>
        token < vocabulary ? token : throw new ArgumentOutOfRangeException(nameof(token), $"token {token} for a vocabulary of {vocabulary}");

    private static bool CheckTarget(int target, int classes) =>
        target < classes ? target >= 0 : throw new ArgumentOutOfRangeException(nameof(target), $"target {target} for {classes} classes");

    private struct LossJob
    {
        public delegate*<float*, nint, nint, float, float*, float> Row;
        public float* Logits, Gradient, Losses;
        public int* Targets;
        public nint Stride, Classes, Rows;
        public float Scale;

        public static void Run(void* context, int part, int parts)
        {
            var job = (LossJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
            {
                float* gradient = job->Gradient == null ? null : job->Gradient + (r * job->Stride);
                job->Losses[r] = 0f;
                if (job->Targets[r] >= 0)
                    job->Losses[r] = job->Row(job->Logits + (r * job->Stride), job->Classes, job->Targets[r], job->Scale, gradient);
                else if (gradient != null)
                    new Span<float>(gradient, (int)job->Stride).Clear();
            }
        }
    }

    private struct AdamJob
    {
        public delegate*<float*, float*, float*, float*, nint, AdamConstants*, void> Update;
        public float* W, G, M, V;
        public nint Lines;
        public AdamConstants Constants;

        public static void Run(void* context, int part, int parts)
        {
            var job = (AdamJob*)context;
            (nint line, nint lines) = Part(job->Lines, part, parts);
            nint first = line * 16;
            job->Update(job->W + first, job->G + first, job->M + first, job->V + first, lines * 16, &job->Constants);
        }
    }
}
