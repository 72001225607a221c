using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Text from a character model, symbol by symbol.</summary>
internal static class TextSampling
{
    /// <summary>Reads the prime, then writes <paramref name="length"/> symbols as they are drawn.</summary>
    public static void Write(
        Sequential model, Vocabulary vocabulary, string prime, int length, Sampler sampler, TextWriter writer, CancellationToken cancellation)
    {
        Session session = model.OpenSession();
        var logits = new float[vocabulary.Count];
        foreach (int token in Start(vocabulary, prime))
            session.Step(token, logits);
        for (int i = 0; i < length && !cancellation.IsCancellationRequested; i++)
        {
            int token = sampler.Next(logits);
            writer.Write(vocabulary[token]);
            session.Step(token, logits);
        }
        writer.Flush();
    }

    /// <summary>An empty prime starts as after a line end, or with the first symbol of a vocabulary that has none.</summary>
    private static int[] Start(Vocabulary vocabulary, string prime)
    {
        if (prime.Length > 0 && (prime != "\n" || vocabulary.Symbols.Contains("\n")))
            return vocabulary.Encode(prime);
        return vocabulary.Symbols.Contains("\n") ? vocabulary.Encode("\n") : [0];
    }
}
