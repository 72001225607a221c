using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>
/// What a model's layers turn into when nothing is to be set up between a call and the arithmetic: each adds a stage, in order. The stages hold the weights
/// packed, once and for all.
/// </summary>
internal abstract class LayerPlan
{
    /// <summary>How the stages store their weights.</summary>
    public abstract WeightPrecision Weights { get; }

    /// <summary>Adds a recurrent layer; false where there is no stage for such a cell, and then there is no plan.</summary>
    public abstract bool Add(RecurrentWeights weights);

    /// <summary>Adds an affine layer.</summary>
    public abstract bool Add(LinearWeights weights);

    /// <summary>Adds an embedding; table [V, E].</summary>
    public abstract bool Add(DeviceBuffer embeddingTable);

    /// <summary>Adds a function of each value, or of a row.</summary>
    public abstract bool Add(in ActivationFunction function, int width);

    /// <summary>Adds a normalisation of rows.</summary>
    public abstract bool Add(in LayerNormParameters parameters);

    /// <summary>Adds a layer with its input added to its output, or put behind it.</summary>
    /// <param name="row">Widths, and which of the two.</param>
    /// <param name="inner">Adds the layer, which is one stage or, where it does nothing in inference, none; false where there is no stage for it.</param>
    public abstract bool Add(in ResidualRow row, Func<LayerPlan, bool> inner);

    /// <summary>The stage of a layer; null where it does nothing in inference.</summary>
    protected static T? OneOrNone<T>(T[] stages)
        where T : class => stages.Length < 2 ? stages.FirstOrDefault() : throw new InvalidOperationException($"a layer has one stage, not {stages.Length}");
}
