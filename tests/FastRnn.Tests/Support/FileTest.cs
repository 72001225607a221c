using FastRnn.Backends;

namespace FastRnn.Tests.Support;

/// <summary>Tests of one file: a folder of its own and a back end, both gone after each test.</summary>
public abstract class FileTest(string name) : IDisposable
{
    private protected readonly string _folder = Directory.CreateTempSubdirectory("fastrnn-file-").FullName;
    private protected readonly CpuBackend _backend = new(threads: 1);

    private protected string Target => Path.Combine(_folder, name);

    public void Dispose()
    {
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
