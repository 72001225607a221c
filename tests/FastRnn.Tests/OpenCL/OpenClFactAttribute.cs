using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>A test that needs an OpenCL device; where there is none it is skipped, and says why.</summary>
internal sealed class OpenClFactAttribute : FactAttribute
{
    public OpenClFactAttribute() => Skip = OpenClFixture.Missing;
}

/// <summary>As <see cref="OpenClFactAttribute"/>, of several cases.</summary>
internal sealed class OpenClTheoryAttribute : TheoryAttribute
{
    public OpenClTheoryAttribute() => Skip = OpenClFixture.Missing;
}

/// <summary>The back end of the first device, shared by the tests of one class.</summary>
public sealed class OpenClFixture : IDisposable
{
    private static readonly Lazy<string?> Reason = new(Find);

    private readonly Dictionary<string, OpenClBackend> _backends = [];

    /// <summary>Why there is no device, or null.</summary>
    public static string? Missing => Reason.Value;

    /// <summary>As everybody has it.</summary>
    public OpenClBackend Backend => Of("own");

    /// <summary>Its kernels as they are, those of the other kind of device, and those for devices without double.</summary>
    public static TheoryData<string> Kinds => ["own", "gpu", "single"];

    public OpenClBackend Of(string kind)
    {
        if (_backends.TryGetValue(kind, out OpenClBackend? backend))
            return backend;
        OpenClOptions options = kind switch
        {
            "gpu" => new OpenClOptions { KernelsFor = OpenClDeviceKind.Gpu },
            "single" => new OpenClOptions { WithoutDouble = true },
            _ => new OpenClOptions(),
        };
        return _backends[kind] = new OpenClBackend(0, options);
    }

    public void Dispose()
    {
        foreach (OpenClBackend backend in _backends.Values)
            backend.Dispose();
    }

    private static string? Find()
    {
        try
        {
            return OpenClDevice.All().Count > 0 ? null : "needs an OpenCL device: there is a library, but no device";
        }
        catch (OpenClException error)
        {
            return $"needs an OpenCL device: {error.Message}";
        }
    }
}
