using System.Globalization;
using System.Text.RegularExpressions;
using BenchmarkDotNet.Running;
using FastRnn.Bench;
using FastRnn.Numerics;

// layers [threads = 1] [isa]    LSTM layers against the measured FMA peak
// scaling [threads = 2] [isa]   a training step on several threads against one
// lengths [threads = 1] [isa]   sequences of many lengths against a padded batch
// cells [threads = 1] [isa]     every option of the cells against the plain LSTM
// recompute [threads = 1] [isa] gates computed again for the backward pass against gates kept
//                               all write bench/results/<cpu>/<what>-<isa>-<threads>.md
// readme                        puts the tables of bench/results that README shows into it again
// anything else                 BenchmarkDotNet's own command line for the kernels
string what = args.Length == 0 ? "" : args[0];
if (what == "readme")
{
    string readme = Regex.Replace(
        File.ReadAllText("README.md"), "(?s)(<!-- table: (.+?) -->\n).*?(<!-- /table -->)",
        match => match.Groups[1].Value + File.ReadAllText(match.Groups[2].Value).Trim() + "\n" + match.Groups[3].Value);
    File.WriteAllText("README.md", readme);
    return;
}
if (what is not ("layers" or "scaling" or "lengths" or "cells" or "recompute"))
{
    BenchmarkSwitcher.FromAssembly(typeof(KernelBench).Assembly).Run(args);
    return;
}
IsaLevel isa = Isa.Parse(args.Length > 2 ? args[2] : null);
int threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : what == "scaling" ? 2 : 1;
string table = what switch
{
    "layers" => Layers(),
    "lengths" => new LengthBench(isa, threads).Run(),
    "cells" => new CellBench(isa, threads).Run(),
    "recompute" => new RecomputeBench(isa, threads).Run(),
    _ => new ScalingBench(isa, threads).Run(),
};
string folder = Path.Combine("bench", "results", Machine.Slug);
Directory.CreateDirectory(folder);
File.WriteAllText(Path.Combine(folder, $"{what}-{Isa.Name(isa)}-{threads}.md"), table);
Console.Write(table);

string Layers()
{
    var bench = new LayerBench(isa, threads);
    return bench.Markdown(bench.Run());
}
