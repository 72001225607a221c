// <usings>
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;
// </usings>

namespace FastRnn.Tests;

/// <summary>README's example: the lines between the markers are the lines in README, and a test runs them.</summary>
internal static class ReadmeExample
{
    public static void Run()
    {
        // <example>
        var text = TextDataset.Open("input.txt");
        var model = new Sequential(new Embedding(text.Vocabulary.Count, 64), new Lstm(64, 128), new Linear(128, text.Vocabulary.Count));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(2e-3f)) { ClipNorm = 5f };
        foreach (var chunk in text.Chunks(batchSize: 50, timeSteps: 50))
            Console.WriteLine(trainer.Step(chunk).Loss);          // truncated BPTT: state is carried, gradient is cut
        model.Save("shakespeare.safetensors", text.Vocabulary);

        using var session = model.OpenSession();                  // owns h and c; a step allocates nothing
        var logits = new float[text.Vocabulary.Count];
        var sampler = new Sampler(seed: 1, temperature: 0.8);
        for (int i = 0, token = 0; i < 200; i++)
        {
            session.Step(token, logits);
            token = sampler.Next(logits);
            Console.Write(text.Vocabulary[token]);
        }
        // </example>
    }

    public static float[] Embed(Sequential model, Sequential retrained, float[] inputs, float[] someIn)
    {
        var outputs = new float[1000 * model.OutputSize];
        var someOut = new float[2 * model.OutputSize];
        // <embedded>
        using var agents = model.OpenSession(new SessionOptions { Streams = 1000 });
        agents.Warmup();
        agents.StepBatch(inputs, outputs);            // all 1,000; the bits of each alone
        agents.StepBatch([3, 17], someIn, someOut);   // only those that have news
        agents.Reset(17);
        model.Replace(retrained.Snapshot());          // other weights while sessions run
        // </embedded>
        agents.StepBatch(inputs, outputs);
        return [.. someOut, .. outputs];
    }
}
