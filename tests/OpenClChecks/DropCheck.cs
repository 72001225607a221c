using System.Runtime.CompilerServices;
using FastRnn.Backends;
using FastRnn.OpenCL;

namespace FastRnn.OpenClChecks;

/// <summary>Whether all that a back end has made is released: when it is disposed of, and when it is only forgotten.</summary>
internal static class DropCheck
{
    private static readonly (string Made, string Released)[] Pairs =
    [
        ("clCreateContext", "clReleaseContext"), ("clCreateCommandQueue", "clReleaseCommandQueue"), ("clCreateBuffer", "clReleaseMemObject"),
        ("clEnqueueMapBuffer", "clEnqueueUnmapMemObject"), ("clCreateKernel", "clReleaseKernel"), ("clCreateProgramWithSource", "clReleaseProgram"),
    ];

    public static int Run()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-drops-").FullName;
        try
        {
            Environment.SetEnvironmentVariable(FaultLibrary.Variable, FaultLibrary.Build(folder));
            bool isGood = Check("disposed", disposes: true) & Check("forgotten", disposes: false);
            return isGood ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Check(string what, bool disposes)
    {
        FaultLibrary.Arm(0, "-5", TimeSpan.Zero);
        Use(disposes);
        int Count(string name) => FaultLibrary.Calls().Count(call => call == name);
        // Who disposes of it has it released at once; finalizers hand the work on to another thread, which waits for the device.
        for (int round = 0; !disposes && round < 50 && (Count("clReleaseContext") == 0 || Count("clReleaseMemObject") < Count("clCreateBuffer")); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(20);
        }
        bool isGood = true;
        foreach ((string made, string released) in Pairs)
        {
            Console.WriteLine($"{what}: {made} {Count(made)}, {released} {Count(released)}");
            isGood &= Count(made) > 0 && Count(made) == Count(released);
        }
        return isGood;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(bool disposes)
    {
        var backend = new OpenClBackend(0, new OpenClOptions { CacheFolder = "" });
        DeviceBuffer x = backend.Allocate(300, 1000);
        backend.Write(x, new float[x.Length]);
        backend.Accumulate(x, x);
        backend.Read(x, new float[x.Length]);
        if (disposes)
            backend.Dispose();
    }
}
