using System.Globalization;
using System.Text;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Formats.Tensors;
using FastRnn.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Tensors;

/// <summary>Files of tensors: those of NumPy and ONNX are read, and ours by them; texts come back as they were.</summary>
public sealed class TensorFileTests() : FileTest("tensor.npy")
{
    private static string Script => Path.Combine(Repository.Root, "tests", "FastRnn.Tests", "Formats", "Tensors", "tensors.py");

    [PythonOnnxFact]
    public void Files_of_NumPy_and_ONNX_are_read()
    {
        (int code, string output) = PythonOnnx.Run(Script, "write", _folder);
        Assert.True(code == 0, output);
        string[] files = [.. Directory.GetFiles(_folder).Where(file => !file.EndsWith(".txt", StringComparison.Ordinal))];
        Assert.Equal(11 * 8 * (6 + 2), files.Length);
        foreach (string file in files)
        {
            NamedTensor read = TensorFile.Read(file);
            Assert.True(File.ReadAllText(file + ".txt").TrimEnd() == Text(read.Value), $"{file}: {Text(read.Value)}");
            if (file.EndsWith(".pb", StringComparison.Ordinal))
                Assert.StartsWith(read.Name + "-", Path.GetFileName(file), StringComparison.Ordinal);
        }
    }

    [PythonOnnxFact]
    public void NumPy_and_ONNX_read_what_is_written()
    {
        var expected = new List<string>();
        foreach (GraphTensor tensor in Tensors())
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{expected.Count / 2:d3}");
            TensorFile.Write(Path.Combine(_folder, name + ".npy"), new("x", tensor));
            TensorFile.Write(Path.Combine(_folder, name + ".pb"), new($"name {name}", tensor));
            expected.AddRange($"{name}.npy {Text(tensor)}", $"{name}.pb name {name} {Text(tensor)}");
        }
        (int code, string output) = PythonOnnx.Run(Script, "read", _folder);
        Assert.True(code == 0, output);
        Assert.Equal(expected, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
    }

    [Theory]
    [InlineData("npy", false)]
    [InlineData("pb", true)]
    [InlineData("json", true)]
    public void Tensors_come_back(string kind, bool named)
    {
        string path = Path.Combine(_folder, "x." + kind);
        foreach (GraphTensor tensor in Tensors())
        {
            TensorFile.Write(path, new("the \"name\"", tensor));
            NamedTensor read = TensorFile.Read(path);
            Assert.Equal(named ? "the \"name\"" : "", read.Name);
            Assert.Equal(tensor.Type, read.Value.Type);
            Assert.Equal(tensor.Shape.ToArray(), read.Value.Shape.ToArray());
            Assert.Equal(tensor.Bytes.ToArray(), read.Value.Bytes.ToArray());
        }
    }

    [Fact]
    public void Rows_come_back_from_CSV()
    {
        string path = Path.Combine(_folder, "x.csv");
        foreach (GraphTensor tensor in Tensors())
        {
            if (tensor.Length == 0)
                continue;
            TensorFile.Write(path, new("", tensor));
            GraphTensor read = TensorFile.Read(path, tensor.Type).Value;
            int columns = tensor.Shape.Length == 0 ? 1 : tensor.Shape[^1];
            Assert.Equal([tensor.Length / columns, columns], read.Shape.ToArray());
            Assert.Equal(tensor.Bytes.ToArray(), read.Bytes.ToArray());
        }
    }

    [Fact]
    public void Texts_made_by_hand_are_read()
    {
        Assert.Equal("float [2, 3] 1.0 -2.5 1000.0 0.25 inf nan", Text(Read("x.csv", "1, -2.5,1e3\r\n 0.25,inf,NaN\r\n\r\n")));
        Assert.Equal("int [3, 1] 1 -2 3", Text(Read("x.csv", "\ufeff1\n-2\n3", ElementType.Int64)));
        Assert.Equal("float [2, 2] 1.0 2.0 3.0 4.5", Text(Read("x.json", " [[1, 2], [3, 4.5]] ")));
        Assert.Equal("float [] 7.0", Text(Read("x.json", "7")));
        Assert.Equal("float [2, 0]", Text(Read("x.json", "[[],[]]")));
        Assert.Equal("bool [2] 1 0", Text(Read("x.json", "[true, false]", ElementType.Bool)));
        Assert.Equal("int [1, 3] 1 2 3", Text(Read("x.json", """{"type":"int64","shape":[1,3],"values":[1,2,3]}""")));
        Assert.Equal("float [3] nan inf -inf", Text(Read("x.json", """{"name":"y","values":["NaN","Infinity","-Infinity"]}""")));
    }

    [Fact]
    public void Elements_become_what_is_wanted_where_they_can()
    {
        TensorFile.Write(Target, new("", GraphTensor.Of<double>([1.5, -2], 2)));
        Assert.Equal([1.5f, -2f], TensorFile.Read(Target, ElementType.Float32).Value.Values<float>().ToArray());
        TensorFile.Write(Target, new("", GraphTensor.Of<float>([1.5f], 1)));
        Assert.Equal([1.5], TensorFile.Read(Target, ElementType.Float64).Value.Values<double>().ToArray());
        TensorFile.Write(Target, new("", GraphTensor.Of<int>([-7], 1)));
        Assert.Equal([-7L], TensorFile.Read(Target, ElementType.Int64).Value.Values<long>().ToArray());
        TensorFile.Write(Target, new("", GraphTensor.Of<long>([5, -1, 1L << 31], 3)));
        Assert.Contains("element 2 is 2147483648, which is no int32", Assert.Throws<ModelFormatException>(() => TensorFile.Read(Target, ElementType.Int32)).Message, StringComparison.Ordinal);
        Assert.Contains("the elements are int64, float32 are expected", Assert.Throws<ModelFormatException>(() => TensorFile.Read(Target, ElementType.Float32)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_none_are_refused()
    {
        Assert.Throws<ModelFormatException>(() => TensorFile.Read(Path.Combine(_folder, "x.txt")));
        Assert.Throws<ModelFormatException>(() => TensorFile.Write(Path.Combine(_folder, "x.txt"), new("", GraphTensor.Of<float>([1], 1))));
        Assert.ThrowsAny<IOException>(() => TensorFile.Read(Target));
        Directory.CreateDirectory(Target);
        Assert.Contains("is a folder", Assert.ThrowsAny<IOException>(() => TensorFile.Read(Target)).Message, StringComparison.Ordinal);
    }

    /// <summary>Every type, all different, of several shapes.</summary>
    private static IEnumerable<GraphTensor> Tensors()
    {
        foreach (int[] shape in (int[][])[[], [1], [5], [2, 3], [3, 1, 2], [2, 3, 4], [0, 3], [1, 1]])
        {
            int count = shape.Aggregate(1, (product, size) => product * size);
            double[] values = [.. Enumerable.Range(0, count).Select(i => i % 7 == 6 ? double.NaN : i % 7 == 5 ? double.NegativeInfinity : Math.Sin(i + 0.1) * 1e3)];
            yield return GraphTensor.Of<double>(values, shape);
            yield return GraphTensor.Of<float>(Array.ConvertAll(values, value => (float)value), shape);
            yield return GraphTensor.Of<long>([.. Enumerable.Range(0, count).Select(i => (i * 0x123456789ABL) - 77)], shape);
            yield return GraphTensor.Of<int>([.. Enumerable.Range(0, count).Select(i => (i * 12345) - 77)], shape);
            yield return GraphTensor.Of<bool>([.. Enumerable.Range(0, count).Select(i => i % 3 == 0)], shape);
        }
    }

    private static GraphTensor Read(string name, string text, ElementType? wanted = null) =>
        TensorFile.Read(Encoding.UTF8.GetBytes(text), name, wanted, ImportLimits.Default).Value;

    /// <summary>As the script writes it: Python's repr of a double.</summary>
    private static string Text(GraphTensor tensor)
    {
        string kind = tensor.Type.IsFloat() ? "float" : tensor.Type == ElementType.Bool ? "bool" : "int";
        var text = new StringBuilder($"{kind} [{string.Join(", ", tensor.Shape.ToArray())}] ");
        for (int i = 0; i < tensor.Length; i++)
        {
            text.Append(i == 0 ? "" : " ").Append(tensor.Type switch
            {
                ElementType.Float32 => Repr(tensor.Values<float>()[i]),
                ElementType.Float64 => Repr(tensor.Values<double>()[i]),
                ElementType.Bool => tensor.Values<bool>()[i] ? "1" : "0",
                _ => tensor.Integer(i).ToString(CultureInfo.InvariantCulture),
            });
        }
        return text.ToString().TrimEnd();
    }

    private static string Repr(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
    }
}
