using System.Globalization;
using System.Text.RegularExpressions;
using BenchmarkDotNet.Running;
using FastRnn.Bench;
using FastRnn.Numerics;
using FastRnn.Runner;
using FastRnn.Suites;

// suite [options]               as fastrnn bench, whose options it takes; results go to bench/results/<cpu>
// cells [threads = 1] [isa]     every option of the cells against the plain LSTM
// recompute [threads = 1] [isa] gates computed again for the backward pass against gates kept
//                               these write bench/results/<cpu>/<what>-<isa>-<threads>.md
// native [suites]               sizes, starts and the C border of what src/Native.proj has made: bench/results/<cpu>/native.md;
//                               with suites instead the code of both compilers, processes in turn: native-suites.md
// contract [part] [steps]       what sessions promise, in long: warmup, batch, silence, swaps, allocations, or all; 1 if something is not met
// load                          time and memory of loading a file of 100 MB: bench/results/<cpu>/load.md; load first|memory FILE are its children
// spills                        looks for vectors on the stack in the loops of the register tiles; 1 if there are any
// readme                        writes the tables of bench/results from their JSON, and puts those that README shows into it again
// anything else                 BenchmarkDotNet's own command line for the kernels
string what = args.Length == 0 ? "" : args[0];
if (what == "suite")
{
    using var interruption = new Interruption();
    string[] place = args.Any(word => word.StartsWith("--out", StringComparison.Ordinal)) ? [] : ["--out", Path.Combine("bench", "results")];
    return Cli.Run(["bench", .. args[1..], .. place], Output.Console(), interruption.Token);
}
if (what == "contract")
    return ContractBench.Run(args.AsSpan(1));
if (what == "load")
    return LoadBench.Run(args.AsSpan(1));
if (what == "spills")
    return SpillCheck.Run();
if (what == "tiles") // the process that "spills" looks at
    return SpillCheck.RunTiles();
if (what == "readme")
{
    foreach (string machine in Directory.GetDirectories(Path.Combine("bench", "results")))
        ResultFiles.Refresh(machine);
    string readme = Regex.Replace(
        File.ReadAllText("README.md"), "(?s)(<!-- table: (.+?) -->\n).*?(<!-- /table -->)",
        match => match.Groups[1].Value + File.ReadAllText(match.Groups[2].Value).Trim() + "\n" + match.Groups[3].Value);
    File.WriteAllText("README.md", readme);
    return 0;
}
if (what is not ("cells" or "recompute" or "native"))
{
    BenchmarkSwitcher.FromAssembly(typeof(KernelBench).Assembly).Run(args);
    return 0;
}
string folder = Path.Combine("bench", "results", Machine.Slug);
Directory.CreateDirectory(folder);
if (what == "native")
{
    bool suites = args.Contains("suites");
    string native = NativeBench.Run(suites);
    File.WriteAllText(Path.Combine(folder, suites ? "native-suites.md" : "native.md"), native);
    Console.Write(native);
    return 0;
}
IsaLevel isa = Isa.Parse(args.Length > 2 ? args[2] : null);
int threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
string table = what == "cells" ? new CellBench(isa, threads).Run() : new RecomputeBench(isa, threads).Run();
File.WriteAllText(Path.Combine(folder, $"{what}-{Isa.Name(isa)}-{threads}.md"), table);
Console.Write(table);
return 0;
