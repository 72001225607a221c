using System.Text.Json;

namespace FastRnn.Tests.Support;

/// <summary>What PyTorch computed; see Truth/make_truth.py, which writes these files.</summary>
internal sealed class TruthFile
{
    private readonly JsonElement _root;

    public TruthFile(string name)
    {
        string path = Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Truth", name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        _root = document.RootElement.Clone();
        Given = Tensors("given");
        Expected = Tensors("expected");
    }

    /// <summary>Inputs: every value is exactly a float.</summary>
    public IReadOnlyDictionary<string, double[]> Given { get; }

    /// <summary>Results, computed in double.</summary>
    public IReadOnlyDictionary<string, double[]> Expected { get; }

    public int Size(string name) => _root.GetProperty("sizes").GetProperty(name).GetInt32();

    public double Constant(string name) => _root.GetProperty("constants").GetProperty(name).GetDouble();

    public int[] Integers(string name) => [.. _root.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    public float[] Floats(string name) => Array.ConvertAll(Given[name], value =>
        (double)(float)value == value ? (float)value : throw new InvalidDataException($"{name}: {value:R} is not a float"));

    private Dictionary<string, double[]> Tensors(string group)
    {
        var tensors = new Dictionary<string, double[]>();
        foreach (JsonProperty tensor in _root.GetProperty(group).EnumerateObject())
        {
            double[] values = [.. tensor.Value.GetProperty("values").EnumerateArray().Select(value => value.GetDouble())];
            int length = tensor.Value.GetProperty("shape").EnumerateArray().Aggregate(1, (product, size) => product * size.GetInt32());
            tensors.Add(tensor.Name, values.Length == length
                ? values
                : throw new InvalidDataException($"{tensor.Name}: {values.Length} values, its shape holds {length}"));
        }
        return tensors;
    }
}
