using FastRnn.Backends;

namespace FastRnn.OpenCL;

// Optimisers: weights and what is kept beside them stay on the device.
public sealed partial class OpenClBackend
{
    internal override void SgdUpdate(DeviceBuffer weight, DeviceBuffer gradient, in SgdStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        OpenClBuffer w = Own(weight), g = Own(gradient);
        RunLines(
            LineKernel("updates.cl", "sgd").Start().Buffer(w).Buffer(g).Long(w.Elements).Float((float)step.Rate).Float(step.Scale), w.Elements, 1);
        w.Written();
    }

    internal override void AdamUpdate(DeviceBuffer weight, DeviceBuffer gradient, DeviceBuffer m, DeviceBuffer v, in AdamStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        CheckShape(m, weight.Rows, weight.Columns);
        CheckShape(v, weight.Rows, weight.Columns);
        OpenClBuffer w = Own(weight), g = Own(gradient), first = Own(m), second = Own(v);
        Kernel kernel = LineKernel("updates.cl", "adam").Start().Buffer(w).Buffer(g).Buffer(first).Buffer(second).Long(w.Elements).Float(step.Scale)
            .Float(step.Beta1).Float((float)(1.0 - step.Beta1)).Float(step.Beta2).Float((float)(1.0 - step.Beta2))
            .Float((float)(step.Rate / step.Correction1)).Float((float)Math.Sqrt(step.Correction2)).Float(step.Epsilon);
        RunLines(kernel, w.Elements, 1);
        w.Written();
        first.Written();
        second.Written();
    }

    internal override void Update(DeviceBuffer weight, DeviceBuffer gradient, in UpdateArrays arrays, in UpdateStep step)
    {
        CheckShape(gradient, weight.Rows, weight.Columns);
        if (arrays.Second == null && (arrays.Mean != null || arrays.Largest != null))
            throw new ArgumentException("only v can be centred or have a largest value");
        OpenClBuffer w = Own(weight), g = Own(gradient);
        OpenClBuffer? first = Optional(arrays.First, weight), second = Optional(arrays.Second, weight);
        OpenClBuffer? mean = Optional(arrays.Mean, weight), largest = Optional(arrays.Largest, weight);
        Kernel kernel = LineKernel("updates.cl", "update").Start().Buffer(w).Buffer(g).Buffer(first).Buffer(second).Buffer(mean).Buffer(largest)
            .Long(w.Elements).Float((float)step.Scale).Float((float)step.L2).Float((float)step.WeightFactor).Float((float)step.SecondKeep)
            .Float((float)step.SecondAdd).Float((float)step.MeanKeep).Float((float)step.MeanAdd).Float((float)step.EpsilonInside)
            .Float((float)step.RootDivisor).Float((float)step.EpsilonOutside).Int(step.FirstOfQuotient ? 1 : 0).Float((float)step.FirstKeep)
            .Float((float)step.FirstAdd).Float((float)step.RateOfFirst).Float((float)step.RateOfGradient);
        RunLines(kernel, w.Elements, 1);
        w.Written();
        first?.Written();
        second?.Written();
        mean?.Written();
        largest?.Written();
    }

    internal override void ClampValues(DeviceBuffer x, float limit)
    {
        OpenClBuffer buffer = Own(x);
        RunLines(LineKernel("updates.cl", "clamp_values").Start().Buffer(buffer).Long(buffer.Elements).Float(limit), buffer.Elements, 1);
        buffer.Written();
    }

    private OpenClBuffer? Optional(DeviceBuffer? array, DeviceBuffer weight)
    {
        if (array == null)
            return null;
        CheckShape(array, weight.Rows, weight.Columns);
        return Own(array);
    }
}
