using System.Globalization;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Dialects.Onnx;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;

namespace FastRnn.Runner;

/// <summary>A folder in the layout of ONNX's own tests: <c>model.onnx</c>, and in each <c>test_data_set_*</c> the inputs and outputs in the order of the graph's.</summary>
internal sealed class VerifyFolder(string folder, Backend backend, TensorComparison comparison)
{
    private const string ModelName = "model.onnx", SetPattern = "test_data_set_*";
    private const int DeepestFolder = 32;

    /// <summary>The folder itself where it has a model, otherwise all below that have one, by name. Links to folders are not followed: they may lead back.</summary>
    /// <exception cref="CliException">There is no such folder, or none has a model.</exception>
    public static List<string> Models(string folder)
    {
        if (!Directory.Exists(folder))
            throw new CliException(ExitCodes.BadInput, $"{folder}: {(File.Exists(folder) ? "is a file, expected a folder" : "no such folder")}");
        var found = new List<string>();
        var waiting = new Stack<(string Folder, int Depth)>([(folder, 0)]);
        while (waiting.TryPop(out (string Folder, int Depth) next))
        {
            if (File.Exists(Path.Combine(next.Folder, ModelName)))
            {
                found.Add(next.Folder);
                continue;
            }
            string[] inner = next.Depth == DeepestFolder ? [] : Directory.GetDirectories(next.Folder);
            Array.Sort(inner, (a, b) => string.CompareOrdinal(b, a)); // the stack turns them round
            foreach (string one in inner)
            {
                if (new DirectoryInfo(one).LinkTarget == null)
                    waiting.Push((one, next.Depth + 1));
            }
        }
        return found.Count > 0 ? found : throw new CliException(ExitCodes.BadInput, $"{folder}: no {ModelName} in it or below");
    }

    /// <summary>A result for each set of test data; one failure where the model cannot be read or there is no such set.</summary>
    public IEnumerable<VerifiedTest> Run(CancellationToken cancellation)
    {
        string[] sets = Directory.GetDirectories(folder, SetPattern);
        Array.Sort(sets, (a, b) => (Number(a), a).CompareTo((Number(b), b)));
        if (sets.Length == 0)
        {
            yield return new VerifiedTest(folder, $"there is no {SetPattern}");
            yield break;
        }
        string? problem = null;
        GraphModel? model = null;
        try
        {
            model = OnnxReader.ReadGraph(Path.Combine(folder, ModelName), backend, new ImportOptions { AllowNonFinite = true }, cancellation);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            problem = e.Message.ReplaceLineEndings(" ");
        }
        using (model)
        {
            foreach (string set in sets)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return model == null ? new VerifiedTest(set, problem) : Verify(new RunnableModel(model), set);
            }
        }
    }

    private static bool IsOfFile(Exception e) =>
        e is ModelFormatException or GraphException or ArgumentException or IOException or UnauthorizedAccessException or NotSupportedException or CliException;

    private static int Number(string set) =>
        int.TryParse(set.AsSpan(set.LastIndexOf('_') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;

    private VerifiedTest Verify(RunnableModel model, string set)
    {
        try
        {
            GraphTensor[] inputs = Read(set, "input", model.Inputs, typed: true), expected = Read(set, "output", model.Outputs, typed: false);
            GraphTensor[] actual = model.Run(inputs);
            for (int i = 0; i < expected.Length; i++)
            {
                string name = GraphText.Plain(model.Outputs[i].Name);
                if (TensorComparison.Misfit(expected[i], actual[i]) is { } misfit)
                    return new VerifiedTest(set, $"output {name}: {misfit}", model.Outputs[i].Name);
                if (comparison.Find(expected[i], actual[i]) is { } found)
                {
                    string count = found.Count == 1 ? "it alone" : $"{found.Count}";
                    return new VerifiedTest(
                        set, $"output {name}, element {found.Element}: expected {found.Expected}, actual {found.Actual}; {count} of {found.Of} elements differ",
                        model.Outputs[i].Name, found.Element, found.Expected, found.Actual);
                }
            }
            return new VerifiedTest(set, null);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            return new VerifiedTest(set, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>One tensor for each value; files are numbered in the order of the graph's.</summary>
    private static GraphTensor[] Read(string set, string what, IReadOnlyList<GraphValue> values, bool typed)
    {
        var tensors = new GraphTensor[values.Count];
        for (int i = 0; i <= tensors.Length; i++)
        {
            string name = FormattableString.Invariant($"{what}_{i}");
            string? file = Directory.GetFiles(set, name + ".*").Order(StringComparer.Ordinal).FirstOrDefault(TensorFile.IsKnown);
            if (i == tensors.Length && file != null)
                throw new CliException(ExitCodes.BadInput, $"there is {Path.GetFileName(file)}, the model has {tensors.Length} {what}s");
            if (i == tensors.Length)
                break;
            if (file == null)
                throw new CliException(ExitCodes.BadInput, $"there is no {name}.pb for the {what} {GraphText.Plain(values[i].Name)}");
            bool wanted = typed || !file.EndsWith(".pb", StringComparison.OrdinalIgnoreCase);
            tensors[i] = TensorFile.Read(file, wanted ? values[i].Type : null).Value;
        }
        return tensors;
    }
}
