using BenchmarkDotNet.Attributes;
using FastRnn.Numerics;
using FastRnn.Suites;

namespace FastRnn.Bench;

/// <summary>The rows of the suite of kernels under BenchmarkDotNet, which can show their machine code.</summary>
[MemoryDiagnoser]
public class KernelBench
{
    private Work _work = new EmptyWork();

    public static IEnumerable<string> Levels => Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name);

    public static IEnumerable<string> Kernels => Catalog.Rows(Isa.Widest).Where(row => row.Suite == Suite.Kernels).Select(row => row.Id);

    [ParamsSource(nameof(Levels))]
    public string Level { get; set; } = "scalar";

    [ParamsSource(nameof(Kernels))]
    public string Kernel { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        IsaLevel isa = Isa.Parse(Level);
        _work = Catalog.Rows(isa).Single(row => row.Id == Kernel).Open(isa, 1);
    }

    [GlobalCleanup]
    public void Cleanup() => _work.Dispose();

    [Benchmark]
    public void Unit() => _work.Run(1);
}
