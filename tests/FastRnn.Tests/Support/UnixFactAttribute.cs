using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A test of what only Unix has: signals, limits of a process, a shell. Elsewhere it is reported as skipped.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "needs Unix: signals, process limits or a POSIX shell";
    }
}

/// <summary>The same for a test with cases.</summary>
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute()
    {
        if (OperatingSystem.IsWindows())
            Skip = "needs Unix: signals, process limits or a POSIX shell";
    }
}

/// <summary>A test of file permissions, which root does not have to obey.</summary>
internal sealed class PermissionFactAttribute : FactAttribute
{
    public PermissionFactAttribute()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            Skip = "needs Unix and a user other than root: root may write everywhere";
    }
}

/// <summary>A test with cases that needs the shell zsh.</summary>
internal sealed class ZshTheoryAttribute : TheoryAttribute
{
    public ZshTheoryAttribute()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "zsh"))))
            Skip = "needs the shell zsh";
    }
}
