using FastRnn.Training;

namespace FastRnn.Samples;

/// <summary>Teaches a model to say a series' next value each time, by truncated back-propagation through time.</summary>
internal static class NextValue
{
    /// <summary>Windows follow each other: state is carried from one to the next, gradients stay within. The mean loss of the last pass.</summary>
    public static double Learn(Trainer trainer, ReadOnlySpan<float> series, int epochs, int timeSteps = 50)
    {
        int windows = (series.Length - 1) / timeSteps;
        if (windows == 0)
            throw new ArgumentException($"{series.Length} values, at least {timeSteps + 1} are needed", nameof(series));
        var window = new SequenceChunk(timeSteps, batch: 1, features: 1, outputs: 1);
        double loss = 0;
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            loss = 0;
            for (int at = 0; at < windows * timeSteps; at += timeSteps)
            {
                series.Slice(at, timeSteps).CopyTo(window.InputValues);
                series.Slice(at + 1, timeSteps).CopyTo(window.TargetValues);
                window.StartsStreams = at == 0;
                loss += trainer.Step(window).Loss / windows;
            }
        }
        return loss;
    }
}
