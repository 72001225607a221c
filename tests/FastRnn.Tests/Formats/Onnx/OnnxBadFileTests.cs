using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Mutations.Runs;
using FastRnn.Tests.Graphs;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Formats.Onnx;

/// <summary>What a file of anybody may do to the reader: nothing but be refused, with a reason and a place.</summary>
public class OnnxBadFileTests
{
    /// <summary>Every file is read as a graph on demand, and as whatever it is.</summary>
    private static readonly bool[] _ways = [true, false];

    public static TheoryData<int, string> Files
    {
        get
        {
            var files = new TheoryData<int, string>();
            for (int i = 0; i < BadOnnxFiles.All.Count; i++)
                files.Add(i, BadOnnxFiles.All[i].Name);
            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void IsRefusedWithReasonAndPlace(int index, string name)
    {
        BadOnnxFile file = BadOnnxFiles.All[index];
        foreach (bool asGraph in _ways)
        {
            var e = Assert.Throws<ModelFormatException>(() => GraphModelTests.Load(file.Bytes, asGraph: asGraph));
            string place = e.Offset < 0 ? "" : $" (at byte {e.Offset})";
            Assert.Equal((name, $"model.onnx: {file.Message}{place}", file.Offset), (file.Name, e.Message, e.Offset));
        }
    }

    [Fact]
    public void EveryPrefixIsRefused()
    {
        byte[] file = Sample();
        using (ImportedModel whole = GraphModelTests.Load(file))
            Assert.Equal(2, whole.Graph!.Outputs.Count);
        foreach (bool asGraph in _ways)
        {
            for (int length = 0; length < file.Length; length++)
                Assert.Throws<ModelFormatException>(() => GraphModelTests.Load(file[..length], asGraph: asGraph));
        }
    }

    /// <summary>Whatever a single byte is made, the reader refuses the file or runs it; nothing else leaves it.</summary>
    [Fact]
    public void NoByteDoesHarm()
    {
        byte[] file = Sample();
        for (int place = 0; place < file.Length; place++)
        {
            foreach (byte value in new byte[] { 0, 1, 0x7F, 0x80, 0xFF, (byte)(file[place] ^ 1), (byte)(file[place] + 8) })
            {
                byte[] changed = [.. file];
                changed[place] = value;
                try
                {
                    using ImportedModel model = GraphModelTests.Load(changed, new ImportOptions { Limits = new ImportLimits { TensorBytes = 1 << 20 } }, asGraph: place % 2 == 0);
                    if (model.Graph!.Inputs is [{ Type: ElementType.Float32, Shape: { } shape }] && shape.All(dimension => dimension.Size is >= -1 and < 100))
                        model.Graph.Run(new GraphTensor(ElementType.Float32, [.. shape.Select(dimension => Math.Max(1, dimension.Size))]));
                }
                catch (Exception e) when (e is ModelFormatException or GraphException)
                {
                }
            }
        }
    }

    [Theory]
    [InlineData("tensors")]
    [InlineData("nodes")]
    [InlineData("sizes")]
    [InlineData("zeros")]
    [InlineData("doubling")]
    [InlineData("work")]
    [InlineData("ones")]
    [InlineData("ranks")]
    public void BombsAreRefusedAtOnce(string kind)
    {
        const int tries = 3;
        byte[] file = Bomb(kind);
        foreach (bool asGraph in _ways)
        {
            double best = double.MaxValue;
            for (int i = 0; i < tries; i++) // the first runs code that is not compiled yet
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                TimeSpan start = ThreadClock.Now;
                Assert.Throws<ModelFormatException>(() => GraphModelTests.Load(file, asGraph: asGraph));
                best = Math.Min(best, (ThreadClock.Now - start).TotalMilliseconds);
                Assert.True(GC.GetAllocatedBytesForCurrentThread() - before - file.Length <= 64 << 20, kind);
            }
            Assert.True(best <= (kind == "work" ? 1000 : 300), $"{kind}: {best} ms");
        }
    }

    /// <summary>A chain as long as a graph may be neither recurses nor takes long.</summary>
    [Fact]
    public void LongChainRuns()
    {
        var file = new OnnxBytes().Input("v0", OnnxBytes.Float, 1).Output("v65000", OnnxBytes.Float, 1);
        for (int i = 0; i < 65000; i++)
            file.Node("Neg", [$"v{i}"], [$"v{i + 1}"]);
        using ImportedModel model = GraphModelTests.Load(file.Build());
        Assert.Equal(3, model.Graph!.Run(GraphTensor.Of<float>([3], 1))[0].Values<float>()[0]);
    }

    [Fact]
    public void ValuesOfARunAreBounded()
    {
        var file = new OnnxBytes().Input("x", OnnxBytes.Float, "n").Output("y", OnnxBytes.Float, "m").Constant<long>("s", [1 << 28, 1], 2).Node("Expand", ["x", "s"], ["z"]).Node("Neg", ["z"], ["y"]);
        using ImportedModel model = GraphModelTests.Load(file.Build());
        var e = Assert.Throws<GraphException>(() => model.Graph!.Run(new GraphTensor(ElementType.Float32, 1000)));
        Assert.Contains("passes the limit of 2147483648 bytes for all values", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A matrix that is no part of the file, and takes many times its size when it is packed.</summary>
    [Theory]
    [InlineData("MatMul")]
    [InlineData("Gemm")]
    public void PackedWeightsAreBounded(string name)
    {
        var file = new OnnxBytes().Input("x", OnnxBytes.Float, 1, 1).OutputOfAnyShape("y", OnnxBytes.Float).Constant<long>("s", [1, 1 << 13], 2).Node("ConstantOfShape", ["s"], ["w"]).Node(name, ["x", "w"], ["y"]);
        var limited = new ImportOptions { Limits = new ImportLimits { TensorBytes = 1 << 20 } };
        var e = Assert.Throws<ModelFormatException>(() => GraphModelTests.Load(file.Build(), limited));
        Assert.Contains("what it works with takes 1572864 bytes, which passes the limit", e.Message, StringComparison.Ordinal);
    }

    /// <summary>What nodes work with counts as what they give: rows that are padded, states of all steps, sums in double.</summary>
    [Theory]
    [InlineData("MatMul", 1)]
    [InlineData("LSTM", 5)]
    [InlineData("ReduceSum", 30)]
    public void BuffersOfARunAreBounded(string name, int kilobytes)
    {
        var file = new OnnxBytes(18).Input("x", OnnxBytes.Float, "t", "n", 1).OutputOfAnyShape("y", OnnxBytes.Float).Constant<long>("first", [0], 1);
        _ = name == "LSTM" ? file.Constant<float>("w", new float[4], 1, 4, 1).Node(name, ["x", "w", "w"], ["y"], node => node.Int("hidden_size", 1))
            : name == "MatMul" ? file.Constant<float>("w", [1], 1, 1).Node(name, ["x", "w"], ["y"])
            : file.Node(name, ["x", "first"], ["y"]);
        using ImportedModel model = GraphModelTests.Load(file.Build(), new ImportOptions { Limits = new ImportLimits { TensorBytes = 1 << 18 } });
        model.Graph!.Run(new GraphTensor(ElementType.Float32, 1, 10, 1));
        int length = (kilobytes << 10) + (name == "ReduceSum" ? -1024 : 1024);
        var e = Assert.Throws<GraphException>(() => model.Graph.Run(new GraphTensor(ElementType.Float32, 1, length, 1)));
        Assert.Contains(" 262144 bytes for all values", e.Message, StringComparison.Ordinal);
    }

    [UnixFact]
    public void ExternalDataIsReadInsideTheFolderOnly()
    {
        string folder = Directory.CreateTempSubdirectory("fastrnn-onnx").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "model", "deep"));
            File.WriteAllBytes(Path.Combine(folder, "model", "deep", "data"), [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 9]);
            File.WriteAllBytes(Path.Combine(folder, "secret"), new byte[100]);
            File.CreateSymbolicLink(Path.Combine(folder, "model", "link"), Path.Combine(folder, "secret"));
            Directory.CreateSymbolicLink(Path.Combine(folder, "model", "way"), folder);
            string path = Path.Combine(folder, "model", "m.onnx");
            Assert.Equal([1f, 2f], Read(path, "deep/data", "4"));
            Assert.Contains("which does not lie in the model's folder", Refusal(path, "link", "0"), StringComparison.Ordinal);
            Assert.Contains("which does not lie in the model's folder", Refusal(path, "way/secret", "0"), StringComparison.Ordinal);
            Assert.Contains("has its data at 6 of 'deep/data', which has 13 bytes and not 8 more", Refusal(path, "deep/data", "6"), StringComparison.Ordinal);
            Assert.ThrowsAny<IOException>(() => Read(path, "nowhere", "0"));
            Assert.ThrowsAny<IOException>(() => Read(path, "deep", "0"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Refusal(string path, string location, string offset) => Assert.Throws<ModelFormatException>(() => Read(path, location, offset)).Message;

    private static float[] Read(string path, string location, string offset)
    {
        var file = new OnnxBytes().OutputOfAnyShape("y", OnnxBytes.Float).Node("Identity", ["w"], ["y"]);
        file.Graph.Message(5, tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Integer(14, 1)
            .Message(13, entry => entry.Text(1, "location").Text(2, location)).Message(13, entry => entry.Text(1, "offset").Text(2, offset)));
        File.WriteAllBytes(path, file.Build());
        using var backend = new CpuBackend(1);
        using ImportedModel model = ModelImport.Load(path, backend);
        return model.Graph!.Run()[0].Values<float>().ToArray();
    }

    private static byte[] Bomb(string kind)
    {
        var file = new OnnxBytes().Input("x", OnnxBytes.Float, 1).OutputOfAnyShape("y", OnnxBytes.Float);
        switch (kind)
        {
            case "tensors":
                for (int i = 0; i < 100_000; i++)
                    file.Constant<float>($"t{i}", [1], 1);
                break;
            case "nodes":
                for (int i = 0; i < 100_000; i++)
                    file.Node("Neg", ["x"], [$"v{i}"]);
                break;
            case "sizes":
                file.Graph.Message(5, tensor => tensor.Integer(1, int.MaxValue).Integer(1, int.MaxValue).Integer(2, 1).Text(8, "w"));
                break;
            case "zeros":
                file.Constant<long>("s", [1 << 30, 1 << 30], 2).Node("ConstantOfShape", ["s"], ["w"]).Node("Add", ["x", "w"], ["y"]);
                break;
            case "ones": // as many dimensions as no stack has room for
                file.Constant<long>("s", [.. Enumerable.Repeat(1L, 2_000_000)], 2_000_000).Node("Reshape", ["x", "s"], ["r"]).Node("Transpose", ["r"], ["y"]);
                break;
            case "ranks":
                file.Constant<long>("v0", [0], 1, 1).Node("Cast", ["v60"], ["y"], node => node.Int("to", 1));
                for (int i = 0; i < 60; i++)
                    file.Node("Gather", [$"v{i}", $"v{i}"], [$"v{i + 1}"]);
                break;
            case "doubling":
                file.Constant<float>("v0", [1], 1).Node("Concat", ["v60", "x"], ["y"], node => node.Int("axis", 0));
                for (int i = 0; i < 60; i++)
                    file.Node("Concat", [$"v{i}", $"v{i}"], [$"v{i + 1}"], node => node.Int("axis", 0));
                break;
            default:
                file.Constant<long>("s", [1 << 20], 1).Node("ConstantOfShape", ["s"], ["v0"]).Node("NoSuchOperator", ["v5000"], ["y"]);
                for (int i = 0; i < 5000; i++)
                    file.Node("Exp", [$"v{i}"], [$"v{i + 1}"]);
                break;
        }
        return file.Build();
    }

    /// <summary>A file with every form of tensor, attributes of every kind, and both borders.</summary>
    private static byte[] Sample()
    {
        var file = new OnnxBytes(13).Input("x", OnnxBytes.Float, "n", 3).Output("y", OnnxBytes.Float, "n", 2).Output("best", OnnxBytes.Int64, "n", 1)
            .Constant<float>("w", [1, 2, 3, 4, 5, 6], 3, 2).Constant<Half>("half", [(Half)0.5f, (Half)2f], 2).Constant<long>("axes", [0], 1);
        file.Graph.Message(5, tensor => tensor.Bytes(1, [2]).Integer(2, 1).Text(8, "b").Float(4, 1).Float(4, 2));
        file.Graph.Message(5, tensor => tensor.Integer(1, 1).Integer(1, 2).Integer(2, 7).Text(8, "shape").Bytes(7, [0x80, 0x01, 2]));
        return file.Node("MatMul", ["x", "w"], ["xw"], name: "product")
            .Node("Constant", [], ["c"], node => node.Numbers("value_floats", 1.5f, -1))
            .Node("Unsqueeze", ["c", "axes"], ["row"])
            .Node("Add", ["xw", "row"], ["sum"])
            .Node("Mul", ["sum", "half"], ["scaled"])
            .Node("Transpose", ["scaled"], ["turned"], node => node.Ints("perm", 1, 0))
            .Node("Transpose", ["turned"], ["back"])
            .Node("HardSigmoid", ["back"], ["gate"], node => node.Number("alpha", 0.3f))
            .Node("Add", ["gate", "b"], ["y"])
            .Node("ArgMax", ["y"], ["best"], node => node.Int("axis", 1)).Build();
    }
}
