using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Training;

namespace FastRnn.OpenClChecks;

/// <summary>
/// A few steps of a small LSTM with dropout, clipping and Adam. Inputs are wide enough that the ring of stages, which carries them to the device, goes
/// round, so that stages are waited for.
/// </summary>
internal static class ShortTraining
{
    private const int Steps = 6, Batch = 50, Features = 1000, Outputs = 4, Updates = 4;

    /// <summary>Losses and norms of all steps, then all weights.</summary>
    public static float[] Run(Backend backend)
    {
        using var model = new Sequential(backend, 1, new Lstm(Features, 5), new Dropout(0.2f), new Linear(5, Outputs));
        var trainer = new Trainer(model, new CrossEntropy(), new Adam(1e-2f)) { ClipNorm = 0.5f };
        var chunk = new SequenceChunk(Steps, Batch, Features, 0);
        var random = new Random(1);
        var results = new List<float>();
        for (int update = 0; update < Updates; update++)
        {
            foreach (ref float value in chunk.InputValues)
                value = random.NextSingle() - 0.5f;
            foreach (ref int target in chunk.Targets)
                target = random.Next(Outputs);
            StepResult step = trainer.Step(chunk);
            results.AddRange([(float)step.Loss, (float)step.GradientNorm]);
        }
        foreach (Parameter parameter in model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            results.AddRange(values);
        }
        return [.. results];
    }

    /// <summary>From the question for devices to the release of the last object.</summary>
    public static float[] RunOnDevice(string cacheFolder, TimeSpan limit, Action<OpenClException>? notAnswering = null)
    {
        IReadOnlyList<OpenClDevice> devices = OpenClDevice.AllWithin(limit);
        if (devices.Count == 0)
            throw new OpenClException("there is no device");
        using var backend = new OpenClBackend(devices[0], new OpenClOptions { CacheFolder = cacheFolder, WaitLimit = limit, NotAnswering = notAnswering });
        return Run(backend);
    }
}
