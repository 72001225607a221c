using FastRnn.OpenClChecks;

// faults [--every N] [KIND…]   fails calls of OpenCL in a short training, one at a time: all of them, or every N-th and the first and last of each function;
//                          in every way, or in those that are named
// faults-of KIND FOLDER    the process that "faults" starts: reads numbers of calls, writes what came of each
// drops                    forgets back ends, with and without Dispose, and counts what of them is released
// kernels [FAMILY…]        runs every operation and every option of the cells; for tools that watch OpenCL; on all families of products, or on those that are named
// Ends with 1 where something is not as it must be.
return args switch
{
    ["faults", "--every", var every, .. var kinds] when int.TryParse(every, out int n) && n > 0 && Known(kinds) => FaultSweep.Run(n, kinds),
    ["faults", .. var kinds] when Known(kinds) => FaultSweep.Run(every: 1, kinds),
    ["faults-of", var kind, var folder] => FaultChild.Run(kind, folder),
    ["drops"] => DropCheck.Run(),
    ["kernels", .. var families] => KernelSweep.Run(families),
    _ => Usage(),
};

static bool Known(string[] kinds) => Array.TrueForAll(kinds, FaultSweep.Kinds.Contains);

static int Usage()
{
    Console.Error.WriteLine($"faults [--every N] [KIND…] | drops | kernels [FAMILY…]; kinds: {string.Join(' ', FaultSweep.Kinds)}");
    return 2;
}
