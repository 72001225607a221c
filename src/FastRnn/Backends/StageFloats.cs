using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Counts what the stages of a model would take beside the weights, about, from the shapes alone.</summary>
internal sealed class StageFloats(Backend backend, WeightPrecision weights) : LayerPlan
{
    public override WeightPrecision Weights => weights;

    /// <summary>Of each stream: what goes out of a stage and, where there is a state, h twice, c and where some of these are moved to.</summary>
    public double Row { get; private set; }

    /// <summary>Of one stream: a block's gates.</summary>
    public double Block { get; private set; }

    public override bool Add(RecurrentWeights weights)
    {
        double units = AlignedBuffer.Pad(weights.Hidden);
        Block += units * weights.Gates * StepPlan.BlockSteps;
        return backend.HasStage(weights.Cell) && AddRow(5 * units);
    }

    public override bool Add(LinearWeights weights) => AddRow(AlignedBuffer.Pad(weights.Output));

    public override bool Add(DeviceBuffer embeddingTable) => AddRow(AlignedBuffer.Pad(embeddingTable.Columns));

    public override bool Add(in ActivationFunction function, int width) => AddRow(AlignedBuffer.Pad(width));

    public override bool Add(in LayerNormParameters parameters) => AddRow(AlignedBuffer.Pad(parameters.Width));

    public override bool Add(in ResidualRow row, Func<LayerPlan, bool> inner) => inner(this) && AddRow(AlignedBuffer.Pad(row.Width));

    private bool AddRow(double floats)
    {
        Row += floats;
        return true;
    }
}
