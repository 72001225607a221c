using System.IO.MemoryMappedFiles;

namespace FastRnn.Mutations.Runs;

/// <summary>Eight bytes that two processes share: the number of the file that a child is reading. They stay when it dies.</summary>
internal sealed class Beat : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public Beat(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, sizeof(long));
        _view = _file.CreateViewAccessor();
    }

    public long Index
    {
        get => _view.ReadInt64(0);
        set => _view.Write(0, value);
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
