using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>The stages of a model in order, for many streams. The one that a weight set keeps has no streams: it is there to be forked and shared.</summary>
internal sealed unsafe class BatchPlan(CpuBackend backend, WeightPrecision weights) : LayerPlan
{
    private BatchStage[] _stages = [];

    public override WeightPrecision Weights => weights;

    /// <summary>Floats of a stream's state.</summary>
    public int StateLength { get; private set; }

    private KernelTable Table => backend.Kernels;

    public override bool Add(RecurrentWeights weights)
    {
        var w = (CpuRecurrentWeights)weights;
        return backend.HasStage(w.Cell) && Add(new RecurrentBatchStage(Table, w, Weights));
    }

    public override bool Add(LinearWeights weights) => Add(new LinearBatchStage(Table, (CpuBackend.CpuLinearWeights)weights, Weights));

    public override bool Add(DeviceBuffer embeddingTable) => Add(new TableBatchStage((CpuBuffer)embeddingTable));

    public override bool Add(in ActivationFunction function, int width) => Add(new ActivationBatchStage(Table, function, width));

    public override bool Add(in LayerNormParameters parameters) => Add(new LayerNormBatchStage(Table, parameters));

    public override bool Add(in ResidualRow row, Func<LayerPlan, bool> inner)
    {
        var plan = new BatchPlan(backend, Weights);
        return inner(plan) && Add(new ResidualBatchStage(OneOrNone(plan._stages), row));
    }

    /// <summary>A plan with the same weights and zero states of its own.</summary>
    public BatchPlan Fork(int streams)
    {
        var fork = new BatchPlan(backend, weights);
        foreach (BatchStage stage in _stages)
            fork.Add(stage.Fork(streams));
        return fork;
    }

    /// <summary>Goes on with the weights of another plan, of the same model. Allocates nothing.</summary>
    public void Share(BatchPlan other)
    {
        for (int i = 0; i < _stages.Length; i++)
            _stages[i].Share(other._stages[i]);
    }

    /// <summary>One step of some streams, or of all in order.</summary>
    /// <param name="x">Rows of values, or tokens, close to each other.</param>
    /// <param name="rows">How many.</param>
    /// <param name="streams">Which each row is of; null for all in order.</param>
    /// <param name="y">[rows, output width]</param>
    public void Step(float* x, int rows, int* streams, Span<float> y)
    {
        var at = new BatchRows(x, _stages[0].Input, rows);
        foreach (BatchStage stage in _stages)
            at = stage.Step(at, streams);
        int width = _stages[^1].Output;
        for (int row = 0; row < rows; row++)
            new ReadOnlySpan<float>(at.Row(row), width).CopyTo(y.Slice(row * width, width));
        GC.KeepAlive(this);
    }

    /// <summary>Copies a stream's state, stage by stage.</summary>
    public void Read(int stream, Span<float> state)
    {
        foreach (BatchStage stage in _stages)
        {
            stage.Read(stream, state[..stage.StateLength]);
            state = state[stage.StateLength..];
        }
    }

    /// <summary>Takes over such a state.</summary>
    public void Write(int stream, ReadOnlySpan<float> state)
    {
        foreach (BatchStage stage in _stages)
        {
            stage.Write(stream, state[..stage.StateLength]);
            state = state[stage.StateLength..];
        }
    }

    private bool Add(BatchStage stage)
    {
        _stages = [.. _stages, stage];
        StateLength += stage.StateLength;
        return true;
    }
}
