using FastRnn.Kernels;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>The scratch memory of every operation that takes some, from the shapes alone.</summary>
public sealed partial class CpuBackend
{
    internal override bool PlansMemory => true;

    internal override void PlanRecurrent(ScratchPlan plan, RecurrentWeights weights, RecurrentStash stash, in PlannedPass pass)
    {
        var kept = (CpuStash)stash;
        var w = (CpuRecurrentWeights)weights;
        nint hidden = AlignedBuffer.Pad(w.Hidden), state = AlignedBuffer.Pad(w.State), input = AlignedBuffer.Pad(w.Input), batch = kept.Batch;
        nint step = StepScratch(w, pass.Training, pass.Flags, batch);
        nint packedInput = pass.Flags ? kept.BlockSteps * batch * input : 0;
        plan.Rent(step, packedInput);
        if (!pass.Training)
            return;
        nint carries = CarriesLength(w, batch * state), norms = pass.StepNorms ? 2 * kept.Steps * batch : 0, sums = SampleSumsLength(w, kept.Batch);
        plan.Rent(carries, norms, step, sums, pass.Flags && pass.InputGradient ? kept.SpanSteps * batch * input : 0);
        plan.Rent(carries, norms, step, sums, kept.Spans > 1 ? packedInput : 0);
        foreach (int steps in (ReadOnlySpan<int>)[kept.SpanSteps, kept.Steps - ((kept.Spans - 1) * kept.SpanSteps)])
        {
            PlanGradient(plan, steps * batch, w.GateColumns(w.Layout.Input) / 16, batch, input);
            PlanGradient(plan, steps * batch, w.GateColumns(w.Layout.Recurrent) / 16, batch, state);
            if (w.Layout.Second != null)
                PlanGradient(plan, steps * batch, w.GateColumns(w.Layout.Second) / 16, batch, state);
            if (w.Projection != null)
                PlanGradient(plan, steps * batch, state / 16, batch, hidden);
        }
        if (sums > 0)
            plan.Arena(0, SumSamplesScratch(batch, w.InputNorm == null ? 3 * hidden : w.GateColumns(w.Layout.Input)));
    }

    internal override void PlanLinear(ScratchPlan plan, LinearWeights weights, int steps, int batch, in PlannedPass pass)
    {
        if (!pass.Training)
            return;
        nint rows = (nint)steps * batch, output = AlignedBuffer.Pad(weights.Output);
        plan.Rent(pass.Flags ? rows * output : 0);
        PlanGradient(plan, rows, output / 16, batch, AlignedBuffer.Pad(weights.Input));
    }

    internal override void PlanLayerNorm(ScratchPlan plan, int width, int steps, int batch, in PlannedPass pass)
    {
        if (!pass.Training)
            return;
        nint rows = (nint)steps * batch, row = AlignedBuffer.Pad(width);
        plan.Rent(rows * row, pass.InputGradient ? 0 : rows * row);
        PlanGradient(plan, rows, row / 16, batch, 0);
    }

    internal override void PlanLoss(ScratchPlan plan, int rows, int columns) => plan.Rent(rows, AlignedBuffer.Pad(columns));

    private void PlanGradient(ScratchPlan plan, nint rows, nint strips, nint batch, nint columns)
    {
        int parts = GradientParts(rows, strips, columns);
        for (int i = 0; i < parts; i++)
            plan.Arena(i, GradientScratch(strips, parts, batch, columns));
    }

    /// <summary>Threads that wait or sleep alike: what they take of memory is planned before.</summary>
    private int GradientParts(nint rows, nint strips, nint columns) => Sharing.Parts(strips, rows * columns * 16, parked: false);

    /// <summary>Arena floats of every part of a weight gradient.</summary>
    private static nint GradientScratch(nint strips, int parts, nint batch, nint columns) =>
        WeightGradient.ScratchLength((strips + parts - 1) / parts, batch, columns) + 64;
}
