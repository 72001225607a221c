using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>Whole windows through a model, without a loss.</summary>
public static class PredictionExtensions
{
    /// <summary>
    /// The model's outputs at every step of a window, from a zero state, as in inference: nothing is drawn. Works for layers that read ahead,
    /// too, which cannot stream; weights are stored as <see cref="Sequential.InferenceWeights"/> says. For one step after the other <c>OpenSession</c> is far cheaper, as every call here makes the window's arrays.
    /// </summary>
    /// <param name="model">Reads tokens or values.</param>
    /// <param name="window">Inputs; lengths and other flags count, targets do not.</param>
    /// <param name="outputs">[T, B, output width], written; what stands at inactive steps means nothing.</param>
    /// <exception cref="ArgumentException">The model cannot read such windows, or the outputs have another length.</exception>
    public static void Predict(this Sequential model, SequenceChunk window, Span<float> outputs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(window);
        new Predictor(model).Predict(window, outputs);
    }
}

/// <summary>
/// Window after window through a model. The arrays of the last one are kept for the next of its shape: a recursive forecast runs a window a
/// step. One thread at a time.
/// </summary>
internal sealed class Predictor(Sequential model)
{
    private TrainingWindow? _last;

    /// <inheritdoc cref="PredictionExtensions.Predict"/>
    public void Predict(SequenceChunk window, Span<float> outputs)
    {
        TrainingWindow.CheckInput(model, window);
        int length = window.Steps * window.Batch * model.OutputSize;
        if (outputs.Length != length)
            throw new ArgumentException($"{outputs.Length} outputs for {window.Steps} steps, batch {window.Batch}, width {model.OutputSize}: {length}", nameof(outputs));
        WindowShape shape = WindowShape.Of(window) with { Outputs = 0 };
        if (_last?.Shape != shape)
            _last = new TrainingWindow(model, shape, Keep.Nothing);
        var pass = new PassContext(window.Flags, false, model.Seed, 0, false, Weights: model.InferenceWeights);
        model.Backend.Read(model.Forward(_last.Workspace, _last.Load(model.Backend, window), null, pass), outputs);
    }
}
