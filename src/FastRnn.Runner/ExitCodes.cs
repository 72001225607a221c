namespace FastRnn.Runner;

/// <summary>The documented exit codes.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Usage = 1;
    public const int BadInput = 2;
    public const int Diverged = 3;
    public const int OutOfMemory = 4;
    public const int Device = 5;
    public const int Interrupted = 130;
}

/// <summary>Ends a verb with one line and an exit code.</summary>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
