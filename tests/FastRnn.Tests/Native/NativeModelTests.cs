using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Native;

/// <summary>
/// The models under native/models, which the tests and examples of the C interface load, and beside each the bits of its outputs. Here C# says that they are
/// its own; tests in C ask the same of the library. FASTRNN_WRITE_NATIVE_MODELS=1 writes them anew.
/// </summary>
public sealed class NativeModelTests
{
    private const int Steps = 40;

    private static readonly string _folder = Path.Combine(Repository.Root, "native", "models");

    public static TheoryData<string> Names => ["lstm", "gru", "gru-before", "rnn", "lstm-32", "tokens"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Models_of_the_c_tests_give_the_bits_noted_beside_them(string name)
    {
        string path = Path.Combine(_folder, name + ".safetensors"), expected = Path.Combine(_folder, name + ".expected");
        using var backend = new CpuBackend(1);
        if (Environment.GetEnvironmentVariable("FASTRNN_WRITE_NATIVE_MODELS") == "1")
        {
            using Sequential made = Make(name, backend);
            made.Save(path);
            File.WriteAllLines(expected, Outputs(made));
        }
        using Sequential model = ModelFile.Load(path, backend).Model;
        Assert.Equal(File.ReadAllLines(expected), Outputs(model));
    }

    private static Sequential Make(string name, Backend backend) => name switch
    {
        "lstm" => new Sequential(backend, 1, new Lstm(1, 8), new Linear(8, 1)),
        "gru" => new Sequential(backend, 2, new Gru(3, 11), new Linear(11, 2)),
        "gru-before" => new Sequential(backend, 3, new Gru(2, 16) { ResetBefore = true }, new Linear(16, 2)),
        "rnn" => new Sequential(backend, 4, new Rnn(3, 9), new Linear(9, 1)),
        "lstm-32" => new Sequential(backend, 5, new Lstm(2, 32), new Linear(32, 2)),
        "tokens" => new Sequential(backend, 6, new Embedding(13, 7), new Lstm(7, 16), new Linear(16, 13)),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such model"),
    };

    /// <summary>A step a line, its outputs as hexadecimal bits.</summary>
    private static string[] Outputs(Sequential model)
    {
        using Session session = model.OpenSession();
        float[] x = new float[session.InputSize], y = new float[session.OutputSize];
        var lines = new string[Steps];
        for (int t = 0; t < Steps; t++)
        {
            for (int i = 0; i < x.Length; i++)
                x[i] = ((((7 * t) + (3 * i)) % 11) - 5) / 4f;
            if (session.TakesTokens)
                session.Step(5 * t % session.InputSize, y);
            else
                session.Step(x, y);
            lines[t] = string.Join(' ', y.Select(value => BitConverter.SingleToUInt32Bits(value).ToString("x8", CultureInfo.InvariantCulture)));
        }
        return lines;
    }
}
