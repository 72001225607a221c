using System.CommandLine;
using FastRnn.Formats;
using FastRnn.Metrics;
using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// What reduced weights change on data: each figure of the task with them and with float32 weights, and the largest difference of an output.
/// </summary>
/// <param name="Weights">The reduced ones.</param>
/// <param name="Figures">By name: as JSON spells it, and the two values.</param>
/// <param name="Outputs">Their difference.</param>
/// <param name="Unit">Of the outputs, for people.</param>
internal sealed record WeightReport(
    WeightPrecision Weights, IReadOnlyList<(string Name, double Reduced, double Float32)> Figures, OutputDifference Outputs, string Unit)
{
    public WeightResult Result => new(
        Weights.Name(), Figures.ToDictionary(figure => figure.Name, figure => figure.Float32), Outputs.Largest, Outputs.LargestOutput);

    public static Option<string> Option() => CommonOptions.Choice(
        "--weights", WeightPrecision.Float32.Name(), "How inference stores the weights; model files keep float32",
        [.. Enum.GetValues<WeightPrecision>().Select(precision => precision.Name())]);

    public static WeightPrecision Parse(string name) => Enum.GetValues<WeightPrecision>().Single(precision => precision.Name() == name);

    /// <summary>Only the CPU stores them in fewer bits.</summary>
    public static CpuReason? OnCpu(WeightPrecision weights) =>
        weights == WeightPrecision.Float32 ? null : new CpuReason($"--weights {weights.Name()} is the CPU's alone", Must: true);

    /// <summary>Says that a verb which measures nothing uses reduced weights, and what measures them.</summary>
    public static void Announce(WeightPrecision weights, string model, Output output)
    {
        if (weights != WeightPrecision.Float32)
            output.Log.WriteLine($"fastrnn: {weights.Name()} weights; what they change: fastrnn eval --model {model} --data FILE --weights {weights.Name()}");
    }

    public void Write(TextWriter writer)
    {
        writer.WriteLine();
        writer.WriteLine($"{"weights",-20} {Weights.Name(),12} {"f32",12} {"change",12}");
        foreach ((string name, double reduced, double full) in Figures)
            writer.WriteLine(FormattableString.Invariant($"{name.Replace('_', ' '),-20} {reduced,12:G6} {full,12:G6} {reduced - full,12:+0.0000E+0;-0.0000E+0;0}"));
        writer.WriteLine(FormattableString.Invariant(
            $"largest difference of an output {Outputs.Largest:G4}{Unit}, of {Outputs.Count} outputs up to {Outputs.LargestOutput:G4}"));
    }
}

/// <summary>The key <c>weights</c> of what <c>eval --json</c> prints: the figures beside it are those of these weights.</summary>
internal sealed record WeightResult(
    string Precision, IReadOnlyDictionary<string, double> Float32,
    double LargestOutputDifference, double LargestOutput) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Precision).Add(Float32, "float32").Add(LargestOutputDifference).Add(LargestOutput);
}
