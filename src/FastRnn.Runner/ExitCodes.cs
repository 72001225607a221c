using FastRnn.OpenCL;

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

    /// <summary>CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_HOST_MEMORY, CL_INVALID_BUFFER_SIZE.</summary>
    private static readonly int[] _memoryCodes = [-4, -6, -61];

    /// <summary>A device whose memory is full is no broken one: a smaller batch may fit.</summary>
    public static int Of(OpenClException failure) => _memoryCodes.Contains(failure.Code) ? OutOfMemory : Device;
}

/// <summary>Ends a verb with one line and an exit code.</summary>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
