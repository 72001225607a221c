using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Metrics;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>What reduced weights change on data.</summary>
/// <param name="Loss">With float32 weights.</param>
/// <param name="ReducedLoss">With the others.</param>
/// <param name="Outputs">Of the model, at the steps that are active.</param>
public sealed record WeightComparison(double Loss, double ReducedLoss, OutputDifference Outputs);

public sealed partial class Trainer
{
    /// <summary>
    /// Evaluates with float32 and with reduced weights, window by window, both from their own carried states: see <see cref="Evaluate"/>. Neither
    /// reads <see cref="Sequential.InferenceWeights"/>.
    /// </summary>
    /// <param name="chunks">Windows of parallel streams.</param>
    /// <param name="weights">The reduced ones.</param>
    /// <param name="cancellation">Asked before every window.</param>
    /// <exception cref="ArgumentException">The model or the loss cannot read such windows, or streams change their number.</exception>
    /// <exception cref="NotSupportedException">The back end cannot store weights so, or a layer's sums would be too long.</exception>
    /// <exception cref="InsufficientMemoryException">Windows of a new shape, or the reduced copies of the weights, would go over <see cref="MemoryLimit"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public WeightComparison CompareWeights(IEnumerable<SequenceChunk> chunks, WeightPrecision weights, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(chunks);
        _model.CheckWeights(weights);
        Evaluation full = new(this, WeightPrecision.Float32), reduced = new(this, weights);
        var difference = new OutputDifference();
        float[] outputs = [], standIns = [];
        int width = _model.OutputSize;
        foreach (SequenceChunk chunk in chunks)
        {
            cancellation.ThrowIfCancellationRequested();
            int rows = chunk.Steps * chunk.Batch;
            if (outputs.Length != rows * width)
                (outputs, standIns) = (new float[rows * width], new float[rows * width]);
            _model.Backend.Read(full.Add(chunk), outputs);
            _model.Backend.Read(reduced.Add(chunk), standIns);
            for (int row = 0; row < rows; row++)
            {
                if (chunk.Flags == null || chunk.Flags.Active[row] != 0)
                    difference.Add(outputs.AsSpan(row * width, width), standIns.AsSpan(row * width, width));
            }
        }
        return new(full.Loss, reduced.Loss, difference);
    }

    /// <summary>A loss over windows, state carried from one to the next.</summary>
    private sealed class Evaluation(Trainer trainer, WeightPrecision weights)
    {
        private RecurrentState?[]? _carried, _state;
        private double _sum, _divisor;
        private int _batch;

        public double Loss => trainer._loss.Reduce(_sum, _divisor);

        /// <summary>One window; its outputs are valid until the next one runs.</summary>
        public DeviceBuffer Add(SequenceChunk chunk)
        {
            bool starts = _state == null || chunk.StartsStreams || !trainer.CarryState;
            if (!starts && chunk.Batch != _batch)
                throw new ArgumentException($"window of batch {chunk.Batch} continues streams of batch {_batch}", nameof(chunk));
            LossSum loss = trainer.ForwardLoss(chunk, starts ? null : _state, weights, out SequentialWorkspace workspace);
            _sum += loss.Sum;
            _divisor += loss.Divisor;
            if (_carried == null || chunk.Batch != _batch)
                (_carried, _batch) = (trainer._model.CreateState(chunk.Batch), chunk.Batch);
            _state = _carried;
            workspace.CopyFinal(_state);
            return workspace.Layers[^1].Output;
        }
    }
}
