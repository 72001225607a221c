using System.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// Moving rows: cut over the threads by destination row. Every element is one multiplication, and one addition at most, so that vectors of
/// any width give the same bits.
/// </summary>
public sealed unsafe partial class CpuBackend
{
    internal override void GatherRows(DeviceBuffer source, ReadOnlySpan<int> rows, DeviceBuffer destination, in RowGather how)
    {
        how.Check(source, rows, destination);
        CpuBuffer from = Cpu(source), to = Cpu(destination);
        fixed (int* index = rows)
        {
            var job = new GatherJob
            {
                Source = from.Pointer + how.SourceColumn,
                Destination = to.Pointer + how.DestinationColumn,
                SourceStride = from.Stride,
                DestinationStride = to.Stride,
                Index = index,
                Rows = to.Rows,
                How = how,
            };
            _workers.Run(&GatherJob.Run, &job, ElementParts((nint)to.Rows * how.Columns));
        }
        to.Written();
        GC.KeepAlive(from);
    }

    private struct GatherJob
    {
        public float* Source, Destination;
        public nint SourceStride, DestinationStride, Rows;
        public int* Index;
        public RowGather How;

        public static void Run(void* context, int part, int parts)
        {
            var job = (GatherJob*)context;
            (nint first, nint count) = Part(job->Rows, part, parts);
            for (nint r = first; r < first + count; r++)
            {
                nint row = job->Index == null ? r : job->Index[r];
                var to = new Span<float>(job->Destination + (r * job->DestinationStride), job->How.Columns);
                if (row >= 0)
                    Apply(job->How, new ReadOnlySpan<float>(job->Source + (row * job->SourceStride), to.Length), to);
                else if (job->How.Mode != GatherMode.Add)
                    to.Clear();
            }
        }

        private static void Apply(in RowGather how, ReadOnlySpan<float> x, Span<float> y)
        {
            int c = 0;
            for (; c <= y.Length - Vector<float>.Count; c += Vector<float>.Count)
            {
                Vector<float> value = new Vector<float>(x[c..]) * how.Factor, old = new(y[c..]);
                value = how.Mode switch { GatherMode.Write => value, GatherMode.Add => old + value, _ => old * value };
                value.CopyTo(y[c..]);
            }
            for (; c < y.Length; c++)
            {
                float value = x[c] * how.Factor;
                y[c] = how.Mode switch { GatherMode.Write => value, GatherMode.Add => y[c] + value, _ => y[c] * value };
            }
        }
    }
}
