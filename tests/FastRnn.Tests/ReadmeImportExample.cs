// <usings>
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Inference;
// </usings>

namespace FastRnn.Tests;

/// <summary>README's example of another program's file, as <see cref="ReadmeExample"/>.</summary>
internal static class ReadmeImportExample
{
    /// <summary>A sample of sound through the file "pedal.nam".</summary>
    public static float Import(float sample)
    {
        float[] x = [sample], y = [0];
        // <imported>
        using var backend = new CpuBackend();
        using ImportedModel pedal = ModelImport.Load("pedal.nam", backend);   // or .onnx, .keras, .h5, .json, .safetensors
        using Session session = pedal.Sequential!.OpenSession();              // Graph, where it is no stack of layers
        session.Step(x, y);
        ModelFile.Save(pedal.Sequential!, pedal.Info, "pedal.safetensors");
        // </imported>
        return y[0];
    }
}
