using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Training;

/// <summary>How often a model is right.</summary>
public static class AccuracyExtensions
{
    /// <summary>
    /// Share of right answers at the steps that count, every window from a zero state. With target classes the answer is the greatest
    /// output, of equal ones the first; with target values each output is a yes or no of its own, a logit above 0 against a target above ½.
    /// </summary>
    /// <param name="model">Reads such windows; makes logits or log-probabilities.</param>
    /// <param name="windows">Inputs and targets; of those with <see cref="SequenceChunk.LastStepOnly"/> the last steps count.</param>
    /// <exception cref="ArgumentException">The model cannot read such windows, target values have another width, or nothing counts.</exception>
    public static double Accuracy(this Sequential model, IEnumerable<SequenceChunk> windows)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(windows);
        long right = 0, answers = 0;
        var predictor = new Predictor(model);
        foreach (SequenceChunk window in windows)
        {
            if (window.Outputs != 0 && window.Outputs != model.OutputSize)
                throw new ArgumentException($"the window has {window.Outputs} target values a step, the model {model.OutputSize} outputs", nameof(windows));
            var outputs = new float[window.Steps * window.Batch * model.OutputSize];
            predictor.Predict(window, outputs);
            ReadOnlySpan<byte> counted = window.Counted();
            for (int at = 0; at < window.Steps * window.Batch; at++)
            {
                bool counts = (counted.IsEmpty || counted[at] != 0) && (window.Outputs > 0 || window.Targets[at] >= 0);
                if (!counts)
                    continue;
                ReadOnlySpan<float> output = outputs.AsSpan(at * model.OutputSize, model.OutputSize);
                right += window.Outputs == 0 ? (Logits.Best(output) == window.Targets[at] ? 1 : 0) : RightValues(output, window.TargetValues[(at * window.Outputs)..]);
                answers += Math.Max(1, window.Outputs);
            }
        }
        return answers > 0 ? (double)right / answers : throw new ArgumentException("no step counts", nameof(windows));
    }

    private static int RightValues(ReadOnlySpan<float> logits, ReadOnlySpan<float> targets)
    {
        int right = 0;
        for (int i = 0; i < logits.Length; i++)
            right += (logits[i] > 0) == (targets[i] > 0.5f) ? 1 : 0;
        return right;
    }
}
