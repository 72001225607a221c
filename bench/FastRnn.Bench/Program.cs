using BenchmarkDotNet.Running;
using FastRnn.Bench;
using FastRnn.Numerics;

// layers [threads] [isa]   LSTM layers against the measured FMA peak; writes bench/results/<cpu>/layers-<isa>-<threads>.md
// anything else            BenchmarkDotNet's own command line for the kernels
if (args.Length == 0 || args[0] != "layers")
{
    BenchmarkSwitcher.FromAssembly(typeof(KernelBench).Assembly).Run(args);
    return;
}
int threads = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
IsaLevel isa = Isa.Parse(args.Length > 2 ? args[2] : null);
var bench = new LayerBench(isa, threads);
string table = bench.Markdown(bench.Run());
string folder = Path.Combine("bench", "results", Machine.Slug);
Directory.CreateDirectory(folder);
File.WriteAllText(Path.Combine(folder, $"layers-{Isa.Name(isa)}-{threads}.md"), table);
Console.Write(table);
