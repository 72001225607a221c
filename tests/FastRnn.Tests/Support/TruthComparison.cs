using FastRnn.Backends;
using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>Compares by name and remembers what has been compared, so that no result of PyTorch's is forgotten.</summary>
internal sealed class TruthComparison(TruthFile truth, string backend, string prefix = "")
{
    private const string Reference = "reference";

    private readonly HashSet<string> _left = [.. truth.Expected.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))];

    /// <summary>The reference and every instruction set of this machine.</summary>
    public static string[] Names { get; } = [Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)];

    private bool IsDouble => backend == Reference;

    public static Backend Create(string name) => name == Reference ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));

    /// <summary>Outputs and weights: |error| ≤ 1e-6·max(1, |y|), in double 1e-12·max(1, |y|).</summary>
    public void Values(string name, double[] actual)
    {
        // The factor of clipping is a float everywhere: half an ulp of it, times rate and gradient, remains in double too.
        double tolerance = !IsDouble ? 1e-6 : name.StartsWith("sgd_clipped", StringComparison.Ordinal) ? 1e-9 : 1e-12;
        Compare(name, actual, expected => tolerance * Math.Max(1, Math.Abs(expected)));
    }

    /// <summary>Gradients: |error| ≤ 1e-5 of the tensor's largest element, in double 1e-12.</summary>
    public void Gradient(string name, double[] actual)
    {
        double largest = truth.Expected[name].Max(Math.Abs);
        Compare(name, actual, _ => (IsDouble ? 1e-12 : 1e-5) * largest);
    }

    public void NothingLeft() => Assert.Empty(_left);

    private void Compare(string name, double[] actual, Func<double, double> allowed)
    {
        Assert.True(_left.Remove(name), $"{name} is not in the file, or was compared twice");
        double[] expected = truth.Expected[name];
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= allowed(expected[i])))
                Assert.Fail($"{backend}: {name}[{i}] is {actual[i]:R}, PyTorch {expected[i]:R}, allowed {allowed(expected[i]):E1}");
        }
    }
}
