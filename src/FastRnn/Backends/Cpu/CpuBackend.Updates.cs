using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>Embedding and updates.</summary>
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
        _workers.Run(&AdamJob.Run, &job, ElementParts(w.PaddedLength));
        w.Written();
        first.Written();
        second.Written();
        GC.KeepAlive(g);
    }

    private static int CheckToken(int token, int vocabulary) =>
        token < vocabulary ? token : throw new ArgumentOutOfRangeException(nameof(token), $"token {token} for a vocabulary of {vocabulary}");

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
