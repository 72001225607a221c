using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Back ends of the first device with each family of products, and what their tests share.</summary>
public sealed class ProductFixture : IDisposable
{
    private readonly Dictionary<string, OpenClBackend> _backends = [];

    public void Dispose()
    {
        foreach (OpenClBackend backend in _backends.Values)
            backend.Dispose();
    }

    /// <param name="name">A family, in the text that is compiled for the device's own kind, or "Gpu": all as GPUs have it.</param>
    public OpenClBackend Backend(string name)
    {
        if (_backends.TryGetValue(name, out OpenClBackend? backend))
            return backend;
        OpenClOptions options = name == "Gpu"
            ? new OpenClOptions { KernelsFor = OpenClDeviceKind.Gpu }
            : new OpenClOptions { Products = Enum.Parse<ProductFamily>(name) };
        return _backends[name] = new OpenClBackend(0, options);
    }

    public static TheoryData<string, int, int, int, int> WithFamilies(params (int A, int B, int C, int D)[] shapes)
    {
        var data = new TheoryData<string, int, int, int, int>();
        foreach (string family in Enum.GetNames<ProductFamily>())
        {
            foreach ((int a, int b, int c, int d) in shapes)
                data.Add(family, a, b, c, d);
        }
        return data;
    }

    public static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];

    internal static DeviceBuffer Buffer(Backend backend, int rows, int columns, float[] values)
    {
        DeviceBuffer buffer = backend.Allocate(rows, columns);
        backend.Write(buffer, values);
        return buffer;
    }

    internal static float[] Read(Backend backend, DeviceBuffer buffer)
    {
        var values = new float[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }

    public static void Equal(OpenClBackend backend, float[] expected, float[] actual, string what) =>
        OpenClComparison.Same(backend, [.. expected], [.. actual], what);

    /// <summary>Σ (actual − truth)² / Σ truth², of what is a number in the truth.</summary>
    public static double RelativeError(float[] truth, float[] actual)
    {
        double error = 0, power = 1e-30;
        foreach ((float exact, float value) in truth.Zip(actual))
        {
            if (float.IsNaN(exact))
                continue;
            error += Math.Pow((double)value - exact, 2);
            power += (double)exact * exact;
        }
        return error / power;
    }
}
