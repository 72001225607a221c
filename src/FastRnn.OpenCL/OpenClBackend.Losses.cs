using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.OpenCL;

// Losses: the device computes each row's, the host adds them in the CPU's order.
public sealed partial class OpenClBackend
{
    internal override LossSum ClassLoss(
        DeviceBuffer scores, ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, DeviceBuffer? gradient)
    {
        CheckRows(scores, targets.Length, "targets");
        CheckCounted(scores, counted);
        OpenClBuffer z = Own(scores);
        OpenClBuffer? dz = Optional(gradient, scores);
        (int count, double divisor, double total) = CountTargets(targets, counted, rule, z.Columns);
        if (z.Rows == 0)
            return new LossSum(0, 0, 0);
        double scale = rule.IsSum ? 1 : divisor;
        float spread = (float)((double)rule.Smoothing / z.Columns);
        DeviceBlock? weights = rule.Weights != null ? _constants.Set<float>(rule.Weights) : spread != 0 ? _constants.Set(Ones(z.Columns)) : null;
        DeviceBlock? flags = counted.IsEmpty ? null : _flags.Set(counted);
        DeviceBlock indices = _indices.Set(targets), losses = _results.Room((long)z.Rows * sizeof(float));
        Kernel kernel = LineKernel("losses.cl", rule.LogProbabilities ? "likelihood_loss" : "class_loss").Start().Buffer(z).Buffer(dz).Memory(weights)
            .Memory(indices).Memory(flags).Memory(losses).Long(z.Rows).Int(z.Columns).Int(rule.IgnoreIndex).Float(scale == 0 ? 0f : 1f / (float)scale);
        if (!rule.LogProbabilities)
            kernel.Float((float)(1.0 - rule.Smoothing)).Float(spread).Float((float)total);
        RunRows(kernel, z.Rows);
        dz?.Written();
        return new LossSum(SumOfRows(losses, z.Rows), count, divisor);
    }

    internal override LossSum ElementLoss(
        DeviceBuffer output, DeviceBuffer target, ReadOnlySpan<byte> counted, in ElementLossRule rule, DeviceBuffer? gradient)
    {
        CheckShape(target, output.Rows, output.Columns);
        CheckCounted(output, counted);
        OpenClBuffer x = Own(output), y = Own(target);
        OpenClBuffer? dx = Optional(gradient, output);
        int count = counted.IsEmpty ? x.Rows : x.Rows - counted.Count((byte)0);
        double divisor = (double)count * x.Columns, scale = rule.IsSum ? 1 : divisor;
        if (x.Rows == 0)
            return new LossSum(0, 0, 0);
        Span<float> constants = HostFloats(x.Columns);
        for (int c = 0; c < constants.Length; c++)
            constants[c] = rule.Constant(c);
        DeviceBlock perColumn = _constants.Set<float>(constants), losses = _results.Room((long)x.Rows * sizeof(float));
        DeviceBlock? flags = counted.IsEmpty ? null : _flags.Set(counted);
        RunRows(
            LineKernel("losses.cl", "element_loss").Start().Buffer(x).Buffer(y).Buffer(dx).Memory(perColumn).Memory(flags).Memory(losses).Long(x.Rows)
                .Int(x.Columns).Float(scale == 0 ? 0f : 1f / (float)scale).Int((int)rule.Kind),
            x.Rows);
        dx?.Written();
        return new LossSum(SumOfRows(losses, x.Rows), count, divisor);
    }

    /// <summary>Counted rows, the class weights of their targets, and those of all classes; every target that counts is checked.</summary>
    private static unsafe (int Count, double Divisor, double Total) CountTargets(
        ReadOnlySpan<int> targets, ReadOnlySpan<byte> counted, in ClassLossRule rule, int classes)
    {
        if (rule.Weights != null && rule.Weights.Length != classes)
            throw new ArgumentException($"{rule.Weights.Length} class weights for {classes} classes");
        double* sums = stackalloc double[Line], all = stackalloc double[Line];
        new Span<double>(sums, Line).Clear();
        new Span<double>(all, Line).Clear();
        int count = 0;
        for (int r = 0; r < targets.Length; r++)
        {
            if ((!counted.IsEmpty && counted[r] == 0) || !rule.Counts(targets[r]))
                continue;
            if (targets[r] >= classes)
                throw new ArgumentOutOfRangeException(nameof(targets), $"target {targets[r]} for {classes} classes");
            sums[r % Line] += rule.Weights == null ? 1 : rule.Weights[targets[r]];
            count++;
        }
        for (int c = 0; c < classes; c++)
            all[c % Line] += rule.Weights == null ? 1 : rule.Weights[c];
        return (count, Reductions.Tree(sums), Reductions.Tree(all));
    }

    private unsafe double SumOfRows(DeviceBlock losses, int rows)
    {
        double* sums = stackalloc double[Line];
        new Span<double>(sums, Line).Clear();
        for (int done = 0; done < rows;)
        {
            int bytes = (int)Math.Min((long)(rows - done) * sizeof(float), _staging.ReadBytes);
            foreach (float loss in MemoryMarshal.Cast<byte, float>(_staging.Read(losses.Memory, (long)done * sizeof(float), bytes)))
                sums[done++ % Line] += loss;
        }
        GC.KeepAlive(this);
        return Reductions.Tree(sums);
    }

    private ReadOnlySpan<float> Ones(int count)
    {
        Span<float> ones = HostFloats(count);
        ones.Fill(1f);
        return ones;
    }

    private Span<float> HostFloats(int count)
    {
        if (_hostFloats.Length < count)
            _hostFloats = new float[count];
        return _hostFloats.AsSpan(0, count);
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
}
