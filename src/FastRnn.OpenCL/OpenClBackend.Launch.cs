namespace FastRnn.OpenCL;

// How kernels that work in lines of sixteen are started: on a CPU device one work-item has a line, on a GPU sixteen have it.
public sealed partial class OpenClBackend
{
    private const int Line = 16;

    /// <summary>The kernel of a file that includes lines.cl.</summary>
    private Kernel LineKernel(string file, string kernel) => _programs.Get(file, kernel, IsWide ? "-DLANES=16" : "");

    /// <summary>Every line of so many rows.</summary>
    private void RunLines(Kernel kernel, long columns, long rows)
    {
        if (columns == 0 || rows == 0)
            return;
        long lines = (columns + Line - 1) / Line;
        if (IsWide)
            kernel.Run(lines, rows, 1, rows == 1 ? 64 : 4, 1, 1);
        else
            kernel.Run(lines * Line, rows, 1, 64, 1, 1);
    }

    /// <summary>Every row as a whole.</summary>
    private void RunRows(Kernel kernel, long rows)
    {
        if (rows == 0)
            return;
        if (IsWide)
            kernel.Run(1, rows, 1, 1, 8, 1);
        else
            kernel.Run(Line, rows, 1, Line, Math.Min(Line, _context.Device.LargestGroup / Line), 1);
    }
}
