using System.CommandLine;
using FastRnn.Backends;
using FastRnn.Formats;

namespace FastRnn.Runner;

/// <summary>One set of test data of one model.</summary>
/// <param name="Test">Its folder.</param>
/// <param name="Problem">Why it failed; null where it passed.</param>
/// <param name="Output">The output that differs, where one does.</param>
/// <param name="Element">Its first element that differs.</param>
/// <param name="Expected">What that should be.</param>
/// <param name="Actual">What it is.</param>
internal sealed record VerifiedTest(string Test, string? Problem, string? Output = null, string? Element = null, string? Expected = null, string? Actual = null) : IJsonResult
{
    public bool Passed => Problem == null;

    public void Write(JsonFields fields) => fields.Add(Test).Add(Passed).AddKnown(Problem).AddKnown(Output).AddKnown(Element).AddKnown(Expected).AddKnown(Actual);
}

internal sealed record VerifyResult(int Passed, int Failed, double Rtol, double Atol, IReadOnlyList<VerifiedTest> Tests) : IJsonResult
{
    public void Write(JsonFields fields) => fields.Add(Passed).Add(Failed).Add(Rtol).Add(Atol).Add(Tests);
}

/// <summary>fastrnn verify</summary>
internal static class VerifyCommand
{
    public static Command Create(Output output, CancellationToken cancellation)
    {
        var folders = new Argument<string[]>("folder")
        {
            Description = "Folder with model.onnx and test_data_set_*/input_*.pb, output_*.pb, or a folder of such folders",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<double> rtol = CommonOptions.Real("--rtol", 1e-3, x => x >= 0, "0 or more", "Allowed difference as a share of what is expected");
        Option<double> atol = CommonOptions.Real("--atol", 1e-5, x => x >= 0, "0 or more", "Allowed difference besides");
        Option<int> threads = CommonOptions.Number("--threads", 1, 0, 1024, "Threads that compute; 0 takes all cores");
        Option<bool> json = CommonOptions.Json();
        var command = new Command(
            "verify", "Run ONNX models on the test data beside them and compare: |actual - expected| <= atol + rtol*|expected|. The last line is N passed, N failed; exit code 0 only if tests ran and none failed, else 2")
        {
            folders, rtol, atol, threads, json,
        };
        command.SetAction(parsed =>
        {
            output.Json = parsed.GetValue(json);
            using CpuBackend backend = CommonOptions.OpenBackend(parsed.GetValue(threads), null, output, infers: true);
            var comparison = new TensorComparison(parsed.GetValue(rtol), parsed.GetValue(atol));
            var tests = new List<VerifiedTest>();
            foreach (string folder in parsed.GetRequiredValue(folders))
            {
                foreach (string model in VerifyFolder.Models(folder))
                {
                    foreach (VerifiedTest test in new VerifyFolder(model, backend, comparison).Run(cancellation))
                    {
                        tests.Add(test);
                        if (!output.Json)
                            output.Result.WriteLine(Line(test));
                    }
                }
            }
            int failed = tests.Count(test => !test.Passed), passed = tests.Count - failed;
            if (output.Json)
                output.WriteJson(new VerifyResult(passed, failed, comparison.Relative, comparison.Absolute, tests));
            else
                output.Result.WriteLine($"{passed} passed, {failed} failed");
            return failed == 0 && passed > 0 ? ExitCodes.Ok : ExitCodes.BadInput;
        });
        return command;
    }

    private static string Line(VerifiedTest test) => test.Passed ? $"passed {test.Test}" : $"FAILED {test.Test}: {test.Problem}";
}
