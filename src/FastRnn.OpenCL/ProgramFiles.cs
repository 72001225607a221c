using System.Security.Cryptography;
using System.Text;

namespace FastRnn.OpenCL;

/// <summary>
/// Compiled programs on disk, one file each: the SHA-256 of what follows, then what the driver gave. A file that is cut off, spoilt or of another driver
/// is as good as none. Nothing that the disk refuses is an error: the program is compiled again then.
/// </summary>
internal sealed class ProgramFiles
{
    private readonly string _folder;
    private bool _isCleaned;

    public ProgramFiles(string? folder) => _folder = folder ?? Default();

    /// <summary>Whether there is a folder at all.</summary>
    public bool Keeps => _folder.Length > 0;

    /// <summary>The name of all that decides what a compiler makes.</summary>
    public static string Key(params ReadOnlySpan<string> parts)
    {
        var text = new StringBuilder();
        foreach (string part in parts)
            text.Append(part.Length).Append(' ').Append(part).Append('\n');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    public byte[]? Read(string key)
    {
        if (!Keeps)
            return null;
        try
        {
            byte[] file = File.ReadAllBytes(PathOf(key));
            const int sum = SHA256.HashSizeInBytes;
            return file.Length > sum && SHA256.HashData(file.AsSpan(sum)).AsSpan().SequenceEqual(file.AsSpan(0, sum)) ? file[sum..] : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Written beside its place and moved there: a reader sees all of it or nothing.</summary>
    public void Write(string key, byte[] program)
    {
        if (!Keeps || program.Length == 0)
            return;
        string path = PathOf(key), beside = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(_folder);
            RemoveAbandoned();
            File.WriteAllBytes(beside, [.. SHA256.HashData(program), .. program]);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(beside);
        }
    }

    /// <summary>What processes have left that ended while they wrote.</summary>
    private void RemoveAbandoned()
    {
        if (_isCleaned)
            return;
        _isCleaned = true;
        foreach (string file in Directory.EnumerateFiles(_folder, "*.bin.*"))
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > TimeSpan.FromHours(1))
                TryDelete(file);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The folder takes nothing, not even this.
        }
    }

    private static string Default()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        // Its rule: a relative path is no path.
        if (!Path.IsPathRooted(cache))
            cache = "";
        if (string.IsNullOrEmpty(cache) && OperatingSystem.IsLinux())
            cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        if (string.IsNullOrEmpty(cache))
            cache = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        return cache.Length == 0 ? "" : Path.Combine(cache, "fastrnn", "opencl");
    }

    private string PathOf(string key) => Path.Combine(_folder, key + ".bin");
}
