using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>The one rule of all optimisers: every element on its own, so any partition over threads gives the same bits.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override void Update(DeviceBuffer weight, DeviceBuffer gradient, in UpdateArrays arrays, in UpdateStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        if (arrays.Second == null && (arrays.Mean != null || arrays.Largest != null))
            throw new ArgumentException("only v can be centred or have a largest value");
        CpuBuffer w = Cpu(weight), g = Cpu(gradient);
        var job = new UpdateJob
        {
            Update = _table.Update,
            Lines = w.PaddedLength / 16,
            Args = new UpdateArgs
            {
                W = w.Pointer,
                G = g.Pointer,
                First = Optional(arrays.First, weight),
                Second = Optional(arrays.Second, weight),
                Mean = Optional(arrays.Mean, weight),
                Largest = Optional(arrays.Largest, weight),
                Scale = (float)step.Scale,
                L2 = (float)step.L2,
                WeightFactor = (float)step.WeightFactor,
                SecondKeep = (float)step.SecondKeep,
                SecondAdd = (float)step.SecondAdd,
                MeanKeep = (float)step.MeanKeep,
                MeanAdd = (float)step.MeanAdd,
                EpsilonInside = (float)step.EpsilonInside,
                RootDivisor = (float)step.RootDivisor,
                EpsilonOutside = (float)step.EpsilonOutside,
                FirstOfQuotient = step.FirstOfQuotient,
                FirstKeep = (float)step.FirstKeep,
                FirstAdd = (float)step.FirstAdd,
                RateOfFirst = (float)step.RateOfFirst,
                RateOfGradient = (float)step.RateOfGradient,
            },
        };
        _workers.Run(&UpdateJob.Run, &job, ElementParts(w.PaddedLength));
        w.Written();
        Written(arrays.First);
        Written(arrays.Second);
        Written(arrays.Mean);
        Written(arrays.Largest);
        GC.KeepAlive(g);
    }

    internal override void ClampValues(DeviceBuffer x, float limit)
    {
        CpuBuffer buffer = Cpu(x);
        _table.Clamp(buffer.Pointer, buffer.PaddedLength, limit);
        buffer.Written();
    }

    private static float* Optional(DeviceBuffer? array, DeviceBuffer weight)
    {
        if (array == null)
            return null;
        CheckShape(array, weight.Rows, weight.Columns);
        return Cpu(array).Pointer;
    }

    /// <summary>Also keeps the array alive until here.</summary>
    private static void Written(DeviceBuffer? array)
    {
        if (array != null)
            Cpu(array).Written();
    }

    private struct UpdateJob
    {
        public delegate*<UpdateArgs*, nint, nint, void> Update;
        public nint Lines;
        public UpdateArgs Args;

        public static void Run(void* context, int part, int parts)
        {
            var job = (UpdateJob*)context;
            (nint line, nint lines) = Part(job->Lines, part, parts);
            job->Update(&job->Args, line * 16, (line + lines) * 16);
        }
    }
}
