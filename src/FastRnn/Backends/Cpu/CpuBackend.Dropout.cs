using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>Dropout: cut over the threads by rows, or by samples where a sample's draws hold for all steps.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(y, x.Rows, x.Columns);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        var job = new DropJob
        {
            Source = from.Pointer,
            Target = to.Pointer,
            Stride = from.Stride,
            Rows = from.Rows,
            Drawn = mask.PerSample ? Math.Min(batch, from.Rows) : from.Rows,
            Batch = batch,
            Mask = mask,
            DrawMask = _table.DrawMask,
            ApplyMask = _table.ApplyMask,
        };
        _workers.Run(&DropJob.Run, &job, ElementParts(from.PaddedLength));
        to.Written();
        GC.KeepAlive(from);
    }

    private struct DropJob
    {
        /// <summary>Units drawn at a time: the mask stays in L1 between the drawing and its use.</summary>
        private const int Chunk = 256;

        public float* Source, Target;

        /// <summary>Rows, and how many of them have draws of their own: the others repeat those of the batch's samples.</summary>
        public nint Stride, Rows, Drawn;
        public int Batch;
        public DropoutMask Mask;
        public delegate*<MaskArgs*, int, nint, float*, void> DrawMask;
        public delegate*<float*, float*, float*, nint, void> ApplyMask;

        public static void Run(void* context, int part, int parts)
        {
            DropJob job = *(DropJob*)context;
            MaskArgs args = DropoutDraw.Args(job.Mask, 1f / (1f - job.Mask.Rate));
            float* mask = stackalloc float[Chunk];
            (nint first, nint count) = Part(job.Drawn, part, parts);
            for (nint row = first; row < first + count; row++)
            {
                DropoutDraw.Enter(job.Mask, (int)row / job.Batch, (int)row % job.Batch, ref args);
                for (int c = 0; c < job.Stride; c += Chunk)
                {
                    nint length = Math.Min(Chunk, job.Stride - c);
                    job.DrawMask(&args, c, length, mask);
                    for (nint r = row; r < job.Rows; r += job.Drawn)
                        job.ApplyMask(mask, job.Source + (r * job.Stride) + c, job.Target + (r * job.Stride) + c, length);
                }
            }
        }
    }
}
