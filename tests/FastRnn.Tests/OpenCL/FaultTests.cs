using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>What is said when a device, a kernel or the cache of programs fails.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"fastrnn-opencl-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [OpenClFact]
    public void ADeviceThatDoesNotAnswerIsGivenUp()
    {
        using var backend = new OpenClBackend(OpenClDevice.All()[0], new OpenClOptions { WaitLimit = TimeSpan.Zero });
        DeviceBuffer x = backend.Allocate(4096, 1024);
        for (int i = 0; i < 100; i++)
            backend.Accumulate(x, x);
        string message = Assert.Throws<OpenClException>(() => backend.Read(x, new float[x.Length])).Message;
        Assert.Contains("no answer within 0 s on " + backend.Device.Name, message, StringComparison.Ordinal);
        string after = Assert.Throws<OpenClException>(() => backend.Zero(x)).Message;
        Assert.Equal("the back end is out of use since: " + message, after);
    }

    [OpenClFact]
    public void MemoryThatIsNotThereIsNamedAndHarmsNothing()
    {
        using var backend = new OpenClBackend();
        OpenClException error = Assert.Throws<OpenClException>(() => backend.Allocate(int.MaxValue, 1 << 16));
        Assert.Matches("^clCreateBuffer of [0-9]+ bytes failed: CL_[A-Z_]+ \\(-[0-9]+\\) on ", error.Message);
        Assert.True(error.Code < 0);
        DeviceBuffer buffer = backend.Allocate(1, 1);
        backend.Write(buffer, (ReadOnlySpan<float>)[3f]);
        var back = new float[1];
        backend.Read(buffer, back);
        Assert.Equal(3f, back[0]);
    }

    /// <summary>Where an array cannot grow it keeps its memory, and nobody else gets it; so it is with what is handed back twice.</summary>
    [OpenClFact]
    public void MemoryHasOneOwner()
    {
        using var context = new DeviceContext(OpenClDevice.All()[0], new OpenClOptions());
        using var pool = new DevicePool(context);
        using var staging = new Staging(context);
        var array = new HostArray(pool, staging);
        DeviceBlock own = array.Room(1000);
        Assert.Throws<OpenClException>(() => array.Room(1L << 60));
        Assert.NotEqual(own.Memory, pool.Take(1000).Memory);
        Assert.Same(own, array.Room(1000));
        DeviceBlock twice = pool.Take(5000);
        twice.Dispose();
        twice.Dispose();
        Assert.NotEqual(pool.Take(5000).Memory, pool.Take(5000).Memory);
    }

    [OpenClFact]
    public void KernelsThatDoNotCompileShowTheLog()
    {
        using var broken = new DeviceContext(OpenClDevice.All()[0], new OpenClOptions { CacheFolder = "" });
        using var context = new DeviceContext(OpenClDevice.All()[0], new OpenClOptions { CacheFolder = "" });
        using Programs programs = new(context), none = new(broken);
        string message = Assert.Throws<OpenClException>(() => none.Get("memory.cl", "add_to", "-Dadd_to=2")).Message;
        // An operation may have done its first part.
        Assert.Contains("out of use", Assert.Throws<OpenClException>(() => none.Get("memory.cl", "add_to")).Message, StringComparison.Ordinal);
        Assert.Contains("CL_BUILD_PROGRAM_FAILURE (-11)", message, StringComparison.Ordinal);
        Assert.Contains("memory.cl:", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => programs.Get("nothing.cl", "add_to"));
        message = Assert.Throws<OpenClException>(() => programs.Get("memory.cl", "nothing")).Message;
        Assert.StartsWith($"clCreateKernel nothing of memory.cl failed: CL_INVALID_KERNEL_NAME (-46) on {context.Device}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void CodesHaveTheirNames()
    {
        Assert.Equal("CL_OUT_OF_RESOURCES", OpenClException.NameOf(-5));
        Assert.Equal("CL_INVALID_GL_OBJECT", OpenClException.NameOf(-60));
        Assert.Equal("CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", OpenClException.NameOf(-14));
        Assert.Equal("unknown code", OpenClException.NameOf(-9998));
        Assert.Contains("illegal access", OpenClException.NameOf(-9999), StringComparison.Ordinal);
    }

    [Fact]
    public void OldVersionsAreKnown()
    {
        Assert.False(OpenClDevice.IsRecentVersion("OpenCL 1.1 of a driver"));
        Assert.All(["OpenCL 1.2", "OpenCL 1.2 driver 1.0", "OpenCL 3.0 CUDA", "nonsense"], version => Assert.True(OpenClDevice.IsRecentVersion(version)));
    }

    [OpenClFact]
    public void ProgramsAreKeptAndSpoiltOnesMadeAgain()
    {
        Assert.Equal(6f, Doubled(_folder));
        string file = Assert.Single(Directory.GetFiles(_folder));
        byte[] good = File.ReadAllBytes(file);
        DateTime written = File.GetLastWriteTimeUtc(file);
        Assert.Equal(6f, Doubled(_folder));
        Assert.Equal(written, File.GetLastWriteTimeUtc(file)); // read, not made
        byte[] flipped = [.. good], other = [.. System.Security.Cryptography.SHA256.HashData("not a program"u8), .. "not a program"u8];
        flipped[good.Length / 2] ^= 1;
        foreach (byte[] spoilt in (byte[][])[[], good[..20], good[..^1], flipped, other])
        {
            File.WriteAllBytes(file, spoilt);
            Assert.Equal(6f, Doubled(_folder));
            Assert.Equal(file, Assert.Single(Directory.GetFiles(_folder)));
            byte[] made = File.ReadAllBytes(file);
            Assert.Equal(System.Security.Cryptography.SHA256.HashData(made.AsSpan(32)), made[..32]);
            Assert.True(made.Length > 1000);
        }
    }

    [OpenClFact]
    public void AbandonedFilesAreRemoved()
    {
        Directory.CreateDirectory(_folder);
        string old = Path.Combine(_folder, "a.bin.1"), young = Path.Combine(_folder, "a.bin.2"), other = Path.Combine(_folder, "a.txt");
        foreach (string file in (string[])[old, young, other])
            File.WriteAllText(file, "");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-2));
        File.SetLastWriteTimeUtc(other, DateTime.UtcNow.AddHours(-2));
        Assert.Equal(6f, Doubled(_folder));
        Assert.False(File.Exists(old));
        Assert.True(File.Exists(young) && File.Exists(other));
    }

    [OpenClFact]
    public void AFolderThatTakesNothingIsNoError()
    {
        Directory.CreateDirectory(_folder);
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Equal(6f, Doubled(file));
        Assert.Equal(6f, Doubled(Path.Combine(file, "below")));
        Assert.Equal(file, Assert.Single(Directory.GetFiles(_folder)));
    }

    private static float Doubled(string folder)
    {
        using var backend = new OpenClBackend(0, new OpenClOptions { CacheFolder = folder });
        DeviceBuffer x = backend.Allocate(1, 1);
        backend.Write(x, (ReadOnlySpan<float>)[3f]);
        backend.Accumulate(x, x);
        var back = new float[1];
        backend.Read(x, back);
        return back[0];
    }
}
