namespace FastRnn.Tests.Formats.Onnx;

/// <summary>A file that must be refused, with what is said of it and the byte that is named; −1 for none.</summary>
internal sealed record BadOnnxFile(string Name, byte[] Bytes, string Message, long Offset);

/// <summary>Damaged and hostile files, each made by hand.</summary>
internal static class BadOnnxFiles
{
    private const int F = OnnxBytes.Float;

    public static IReadOnlyList<BadOnnxFile> All { get; } = [.. Wire(), .. Head(), .. Nodes(), .. Tensors(), .. Values(), .. Graphs(), .. Shapes()];

    private static ProtoBytes Start => new ProtoBytes().Integer(1, 8);

    private static IEnumerable<BadOnnxFile> Wire()
    {
        yield return new("empty", [], "ir_version is missing", 0);
        yield return new("cut number", [0x08], "a number is cut off", 0);
        yield return new("cut tag", [0x08, 0x08, 0x80], "a number is cut off", 2);
        yield return new("number of eleven bytes", [0x08, .. Enumerable.Repeat((byte)0x80, 10), 0x01], "a number has more than 64 bits", 0);
        yield return new("number of 65 bits", [0x08, .. Enumerable.Repeat((byte)0xFF, 9), 0x02], "a number has more than 64 bits", 0);
        yield return new("field 0", Start.Tag(0, 0).Varint(1).ToArray(), "a field has a number that protocol buffers do not have", 2);
        yield return new("field beyond 2^29", Start.Varint(1ul << 40).Varint(1).ToArray(), "a field has a number that protocol buffers do not have", 2);
        yield return new("group begins", Start.Tag(7, 3).ToArray(), "field 7 has wire type 3, which is not known", 2);
        yield return new("group ends", Start.Tag(7, 4).ToArray(), "field 7 has wire type 4, which is not known", 2);
        yield return new("wire type 6", Start.Tag(7, 6).ToArray(), "field 7 has wire type 6, which is not known", 2);
        yield return new("wire type 7", Start.Tag(7, 7).ToArray(), "field 7 has wire type 7, which is not known", 2);
        yield return new("bytes beyond the end", Start.Tag(7, 2).Varint(5).Raw(1, 2).ToArray(), "field 7 has 5 bytes, 2 are left", 2);
        yield return new("2^63 bytes", Start.Tag(7, 2).Varint(1ul << 63).ToArray(), "field 7 has 9223372036854775808 bytes, 0 are left", 2);
        yield return new("2^64 - 1 bytes", Start.Tag(7, 2).Varint(ulong.MaxValue).ToArray(), "field 7 has 18446744073709551615 bytes, 0 are left", 2);
        yield return new("cut fixed32", Start.Tag(99, 5).Raw(1, 2, 3).ToArray(), "field 99 is cut off", 2);
        yield return new("cut fixed64", Start.Tag(99, 1).Raw(1, 2, 3, 4, 5, 6, 7).ToArray(), "field 99 is cut off", 2);
        yield return new("inner message beyond the outer", Start.Message(7, graph => graph.Tag(1, 2).Varint(50)).Raw(new byte[60]).ToArray(), "field 1 has 50 bytes, 0 are left", 4);
    }

    private static IEnumerable<BadOnnxFile> Head()
    {
        ProtoBytes good = new ProtoBytes().Message(12, value => value.Text(1, "y"));
        yield return new("ir_version as text", new ProtoBytes().Text(1, "8").ToArray(), "field 1 is written as Bytes, not as Varint", 0);
        yield return new("ir_version 2", new ProtoBytes().Integer(1, 2).ToArray(), "ir_version is 2, not in 3 to 13", 0);
        yield return new("ir_version 14", new ProtoBytes().Integer(1, 14).ToArray(), "ir_version is 14, not in 3 to 13", 0);
        yield return new("ir_version twice", Start.Integer(1, 8).ToArray(), "ir_version comes twice", 2);
        yield return new("ir_version missing", new ProtoBytes().Message(7, good).ToArray(), "ir_version is missing", 0);
        yield return new("graph missing", Start.Message(8, set => set.Integer(2, 17)).ToArray(), "the graph is missing", 6);
        yield return new("graph twice", Start.Message(7, good).Message(7, good).ToArray(), "the graph comes twice", 9);
        yield return new("graph as number", Start.Integer(7, 1).ToArray(), "field 7 is written as Varint, not as Bytes", 2);
        yield return new("opset missing", Start.Message(7, good).ToArray(), "no version of the operators is named", 9);
        yield return new("opset of another domain only", Start.Message(7, good).Message(8, set => set.Text(1, "com.example").Integer(2, 1)).ToArray(), "no version of the operators is named", 26);
        yield return new("opset 6", Start.Message(8, set => set.Integer(2, 6)).ToArray(), "opset 6 is not one of 7 to 22", 2);
        yield return new("opset 23", Start.Message(8, set => set.Integer(2, 23)).ToArray(), "opset 23 is not one of 7 to 22", 2);
        yield return new("opset -1", Start.Message(8, set => set.Integer(2, -1)).ToArray(), "opset -1 is not one of 7 to 22", 2);
        yield return new("opset twice", Start.Message(8, set => set.Integer(2, 17)).Message(8, set => set.Text(1, "ai.onnx").Integer(2, 17)).ToArray(), "the version of the operators comes twice", 6);
        yield return new("metadata twice", Start.Message(14, entry => entry.Text(1, "k")).Message(14, entry => entry.Text(1, "k")).ToArray(), "metadata 'k' comes twice", 7);
        yield return new("metadata with a long key", Start.Message(14, entry => entry.Text(1, new string('k', 2000))).ToArray(), "a key has 2000 bytes, more than the limit of 1024", 5);
        yield return new("metadata not UTF-8", Start.Message(14, entry => entry.Bytes(2, [0xC3, 0x28])).ToArray(), "a value is not UTF-8", 4);
        yield return new("a producer's name of 2000 bytes", Start.Text(2, new string('p', 2000)).ToArray(), "producer_name has 2000 bytes, more than the limit of 1024", 2);
    }

    private static IEnumerable<BadOnnxFile> Nodes()
    {
        static byte[] Node(Action<ProtoBytes> fill)
        {
            var file = new OnnxBytes().Input("x", F, 2).Output("y", F, 2);
            file.Graph.Message(1, fill);
            return file.Build();
        }

        static byte[] Attribute(Action<ProtoBytes> fill) => Node(node => node.Text(1, "x").Text(2, "y").Text(4, "Elu").Message(5, fill));

        yield return new("node without operator", Node(node => node.Text(1, "x").Text(2, "y")), "a node names no operator", 46);
        yield return new("op_type twice", Node(node => node.Text(4, "Elu").Text(4, "Elu")), "op_type comes twice", 51);
        yield return new("node name twice", Node(node => node.Text(3, "a").Text(3, "a")), "the node's name comes twice", 49);
        yield return new("domain twice", Node(node => node.Text(7, "a").Text(7, "a")), "the node's domain comes twice", 49);
        yield return new("input name not UTF-8", Node(node => node.Bytes(1, [0xFF])), "the name of an input is not UTF-8", 46);
        yield return new("op_type of 2000 bytes", Node(node => node.Text(4, new string('O', 2000))), "op_type has 2000 bytes, more than the limit of 1024", 48);
        yield return new("attribute without name", Attribute(attribute => attribute.Float(2, 1).Integer(20, 1)), "an attribute has no name", 59);
        yield return new("attribute of two values", Attribute(attribute => attribute.Text(1, "alpha").Float(2, 1).Float(2, 2)), "the attribute's value comes twice", 71);
        yield return new("attribute of type 99", Attribute(attribute => attribute.Text(1, "alpha").Integer(20, 99)), "the attribute's type is 99, not in 0 to 14", 66);
        yield return new("attribute that holds another type", Attribute(attribute => attribute.Text(1, "alpha").Float(2, 1).Integer(20, 2)), "attribute 'alpha' says it is of type Int but holds Float", 59);
        yield return new("attribute of a function", Attribute(attribute => attribute.Text(1, "alpha").Text(21, "outer")), "an attribute refers to a function's, and functions are not supported", 66);
        yield return new("float written as a number", Attribute(attribute => attribute.Text(1, "alpha").Integer(2, 1)), "field 2 is written as Varint, not as Fixed32", 66);
        yield return new("list of floats of 5 bytes", Attribute(attribute => attribute.Text(1, "alpha").Bytes(7, new byte[5])), "5 bytes are no list of floats", 66);
        yield return new("list of integers that is cut", Attribute(attribute => attribute.Text(1, "alpha").Bytes(8, [1, 0x80])), "a number is cut off", 69);
        yield return new("tensor attribute without tensor", Attribute(attribute => attribute.Text(1, "alpha").Integer(20, 4)), "attribute 'alpha' has no tensor", 59);
        yield return new("attribute twice", Node(node => node.Text(1, "x").Text(2, "y").Text(4, "Elu").Number("alpha", 1).Number("alpha", 2)), "attribute 'alpha' comes twice", 76);
    }

    private static IEnumerable<BadOnnxFile> Tensors()
    {
        static byte[] Tensor(Action<ProtoBytes> fill)
        {
            var file = new OnnxBytes().Input("x", F, 2).Output("y", F, 2);
            file.Graph.Message(5, fill);
            return file.Node("Add", ["x", "w"], ["y"]).Build();
        }

        yield return new("initializer without name", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 1).Bytes(9, new byte[4])), "an initializer has no name", 46);
        yield return new("initializer twice", new OnnxBytes().Input("x", F, 2).Output("y", F, 2).Constant<float>("w", [1], 1).Constant<float>("w", [1], 1).Node("Add", ["x", "w"], ["y"]).Build(), "initializer 'w' comes twice", 61);
        yield return new("negative size", Tensor(tensor => tensor.Integer(1, -2).Integer(2, 1).Text(8, "w")), "tensor 'w' has a size of -2", 46);
        yield return new("nine dimensions", Tensor(tensor => tensor.Bytes(1, [1, 1, 1, 1, 1, 1, 1, 1, 1]).Integer(2, 1).Text(8, "w")), "more than the limit of 8 dimensions", 46);
        yield return new("2^31 x 2^31 elements", Tensor(tensor => tensor.Integer(1, int.MaxValue).Integer(1, int.MaxValue).Integer(2, 1).Text(8, "w").Bytes(9, new byte[4])), "tensor 'w' [2147483647, 2147483647] passes the limit of 2147483648 bytes for all tensors", 46);
        yield return new("size of 2^40", Tensor(tensor => tensor.Integer(1, 1L << 40).Integer(2, 1).Text(8, "w")), "tensor 'w' has a size of 1099511627776", 46);
        yield return new("data too short", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Bytes(9, new byte[7])), "tensor 'w' has 7 bytes of data, [2] of float needs 8", 46);
        yield return new("data too long", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Bytes(9, new byte[12])), "tensor 'w' has 12 bytes of data, [2] of float needs 8", 46);
        yield return new("a billion elements of 4 bytes", Tensor(tensor => tensor.Integer(1, 500_000_000).Integer(2, 1).Text(8, "w").Bytes(9, new byte[4])), "tensor 'w' has 4 bytes of data, [500000000] of float needs 2000000000", 46);
        yield return new("no data", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w")), "tensor 'w' has 0 elements of data, [2] needs 2", 46);
        yield return new("float_data of another count", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Float(4, 1)), "tensor 'w' has 1 elements of data, [2] needs 2", 46);
        yield return new("packed float_data of 6 bytes", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Bytes(4, new byte[6])), "6 bytes are no list of elements of 4 bytes", 53);
        yield return new("int64_data of another count", Tensor(tensor => tensor.Integer(1, 3).Integer(2, 7).Text(8, "w").Bytes(7, [1, 0x80, 0x01])), "tensor 'w' has 2 elements of data, [3] needs 3", 46);
        yield return new("int64_data that is cut", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 7).Text(8, "w").Bytes(7, [1, 0x80])), "a number is cut off", 55);
        yield return new("data in the field of another type", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 1).Text(8, "w").Integer(5, 1)), "tensor 'w' has 0 elements of data, [1] needs 1", 46);
        yield return new("strings", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 8).Text(8, "w").Text(6, "s")), "tensor 'w' has elements of type string, which FastRnn does not compute with", 46);
        yield return new("undefined type", Tensor(tensor => tensor.Integer(1, 1).Text(8, "w").Bytes(9, new byte[4])), "tensor 'w' has elements of type undefined, which FastRnn does not compute with", 46);
        yield return new("complex numbers", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 14).Text(8, "w").Bytes(9, new byte[8])), "tensor 'w' has elements of type complex64, which FastRnn does not compute with", 46);
        yield return new("type 77", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 77).Text(8, "w").Bytes(9, new byte[8])), "tensor 'w' has elements of type number 77, which FastRnn does not compute with", 46);
        yield return new("raw_data twice", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 1).Text(8, "w").Bytes(9, new byte[4]).Bytes(9, new byte[4])), "raw_data comes twice", 59);
        yield return new("data_type twice", Tensor(tensor => tensor.Integer(2, 1).Integer(2, 1)), "data_type comes twice", 48);
        yield return new("segment", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 1).Text(8, "w").Message(3, segment => segment.Integer(1, 0))), "tensors in segments are not supported", 53);
        yield return new("bool of 2", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 9).Text(8, "w").Bytes(9, [2])), "tensor 'w' has a bool that is 2", 46);
        yield return new("NaN", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 1).Text(8, "w").Float(4, 1).Float(4, float.NaN)), "'w' is not finite at element 1", 46);
        yield return new("infinite float16", Tensor(tensor => tensor.Integer(1, 2).Integer(2, 10).Text(8, "w").Bytes(9, [0, 0, 0, 0x7C])), "'w' is not finite at element 1", 46);
        yield return new("NaN of float64", new OnnxBytes().Input("x", OnnxBytes.Double, 2).Output("y", OnnxBytes.Double, 2).Constant<double>("w", [1, double.NaN], 2).Node("Add", ["x", "w"], ["y"]).Build(), "'w' is not finite at element 1", 46);
        yield return new("infinite constant", new OnnxBytes().Output("y", F, 2).Node("Constant", [], ["y"], node => node.Tensor("value", OnnxBytes.Tensor<float>("", [1, float.PositiveInfinity], 2))).Build(), "'value' is not finite at element 1", 44);
        yield return new("infinite list", new OnnxBytes().Output("y", F, 2).Node("Constant", [], ["y"], node => node.Numbers("value_floats", float.NegativeInfinity, 1)).Build(), "'value_floats' is not finite at element 0", 44);
        yield return new("external without place", Tensor(tensor => tensor.Integer(1, 1).Integer(2, 1).Text(8, "w").Integer(14, 1)), "tensor 'w' has its data in another file, but names none", 46);
        yield return new("external at an absolute path", Tensor(External("/etc/hostname")), "tensor 'w' has its data at '/etc/hostname', which does not lie in the model's folder", 46);
        yield return new("external above the folder", Tensor(External("../secret")), "tensor 'w' has its data at '../secret', which does not lie in the model's folder", 46);
        yield return new("external by a detour", Tensor(External("a/../../secret")), "tensor 'w' has its data at 'a/../../secret', which does not lie in the model's folder", 46);
        yield return new("external by a drive", Tensor(External("C:secret")), "tensor 'w' has its data at 'C:secret', which does not lie in the model's folder", 46);
        yield return new("external by backslashes", Tensor(External("..\\secret")), "tensor 'w' has its data at '..\\secret', which does not lie in the model's folder", 46);
        yield return new("external at nothing", Tensor(External("a//b")), "tensor 'w' has its data at 'a//b', which does not lie in the model's folder", 46);
        yield return new("external offset that is no number", Tensor(External("data", ("offset", "-4"))), "tensor 'w' has an offset that is no number", 46);
        yield return new("external of another length", Tensor(External("data", ("length", "400"))), "tensor 'w' has 400 bytes of data elsewhere, its shape needs 4", 46);
        yield return new("external place twice", Tensor(External("data", ("location", "data"))), "external data 'location' comes twice", 73);
        yield return new("sparse initializer", new OnnxBytes().With(graph => graph.Message(15, sparse => sparse.Integer(1, 1))).Build(), "sparse initializers are not supported", 10);
    }

    private static Action<ProtoBytes> External(string location, params (string Key, string Value)[] more) => tensor =>
    {
        tensor.Integer(1, 1).Integer(2, 1).Text(8, "w").Integer(14, 1).Message(13, entry => entry.Text(1, "location").Text(2, location));
        foreach ((string key, string value) in more)
            tensor.Message(13, entry => entry.Text(1, key).Text(2, value));
    };

    private static IEnumerable<BadOnnxFile> Values()
    {
        static byte[] Input(Action<ProtoBytes> fill) => new OnnxBytes().With(graph => graph.Message(11, fill)).Output("y", F, 2).Node("Identity", ["x"], ["y"]).Build();

        static Action<ProtoBytes> Of(Action<ProtoBytes> tensor) => value => value.Text(1, "x").Message(2, type => type.Message(1, tensor));

        yield return new("input without name", Input(value => value.Message(2, type => type.Message(1, tensor => tensor.Integer(1, 1)))), "an input or output has no name", 12);
        yield return new("input without type", Input(value => value.Text(1, "x")), "'x' is no tensor of a known type", 12);
        yield return new("input that is a sequence", Input(value => value.Text(1, "x").Message(2, type => type.Message(4, _ => { }))), "'x' is no tensor of a known type", 12);
        yield return new("input of strings", Input(Of(tensor => tensor.Integer(1, 8))), "'x' has elements of type string, which FastRnn does not compute with", 12);
        yield return new("input of float16", Input(Of(tensor => tensor.Integer(1, 10))), "'x' has elements of type float16, which FastRnn does not compute with", 12);
        yield return new("input of nine dimensions", Input(Of(tensor => tensor.Integer(1, 1).Message(2, shape => Repeat(9, () => shape.Message(1, size => size.Integer(1, 1)))))), "more than the limit of 8 dimensions", 55);
        yield return new("input of size -5", Input(Of(tensor => tensor.Integer(1, 1).Message(2, shape => shape.Message(1, size => size.Integer(1, -5))))), "a size is -5, not in -1 to 2147483647", 25);
        yield return new("input of size 2^32", Input(Of(tensor => tensor.Integer(1, 1).Message(2, shape => shape.Message(1, size => size.Integer(1, 1L << 32))))), "a size is 4294967296, not in -1 to 2147483647", 25);
        yield return new("no outputs", new OnnxBytes().Input("x", F, 2).Node("Identity", ["x"], ["y"]).Build(), "the graph has no outputs", 10);
        yield return new("output that nothing makes", new OnnxBytes().Input("x", F, 2).Output("z", F, 2).Node("Identity", ["x"], ["y"]).Build(), "output 'z' is made by no node", -1);
        yield return new("output of another type", new OnnxBytes().Input("x", F, 2).Output("y", OnnxBytes.Int64, 2).Node("Identity", ["x"], ["y"]).Build(), "output 'y' is declared as int64 but computed as float32", -1);
        yield return new("two inputs of one name", new OnnxBytes().Input("x", F, 2).Input("x", F, 2).Output("y", F, 2).Node("Identity", ["x"], ["y"]).Build(), "input 'x' has a name that another value has", -1);
    }

    private static void Repeat(int times, Action action)
    {
        for (int i = 0; i < times; i++)
            action();
    }

    private static OnnxBytes Simple(int opset = 17) => new OnnxBytes(opset).Input("x", F, 2, 3).OutputOfAnyShape("y", F);

    private static IEnumerable<BadOnnxFile> Graphs()
    {
        yield return new("unknown operator", Simple().Node("Conv", ["x"], ["y"], name: "conv").Build(), "Conv 'conv': operator 'Conv' is not supported", 44);
        yield return new("operator that steers the terminal", Simple().Node("\u001b[2J", ["x"], ["y"]).Build(), "\\u001b[2J of 'y': operator '\\u001b[2J' is not supported", 44);
        yield return new("unknown domain", Simple().Node("Add", ["x", "x"], ["y"], domain: "com.microsoft").Build(), "Add of 'y': operator 'Add' of domain 'com.microsoft' is not supported", 44);
        yield return new("control flow", Simple().Node("If", ["x"], ["y"], node => node.Message(5, attribute => attribute.Text(1, "then_branch").Integer(20, 5).Message(6, _ => { }))).Build(), "If of 'y': operator 'If' is not supported", 44);
        yield return new("cycle of two", Simple().Node("Add", ["x", "b"], ["a"]).Node("Identity", ["a"], ["b"]).Node("Identity", ["a"], ["y"]).Build(), "Add of 'a': it waits for its own result: the graph has a cycle", 44);
        yield return new("cycle of one", Simple().Node("Add", ["x", "y"], ["y"]).Build(), "Add of 'y': it waits for its own result: the graph has a cycle", 44);
        yield return new("input that nothing makes", Simple().Node("Add", ["x", "w"], ["y"]).Build(), "Add of 'y': input 'w' is made by no node", 44);
        yield return new("value made twice", Simple().Node("Identity", ["x"], ["y"]).Node("Neg", ["x"], ["y"]).Build(), "Neg of 'y': output 'y' has a name that another value has", 62);
        yield return new("input made by a node", Simple().Node("Identity", ["x"], ["x"]).Node("Neg", ["x"], ["y"]).Build(), "Identity of 'x': output 'x' has a name that another value has", 44);
        yield return new("constant made by a node", Simple().Constant<float>("y", [1], 1).Node("Identity", ["x"], ["y"]).Build(), "Identity of 'y': output 'y' has a name that another value has", 59);
        yield return new("too many inputs", Simple().Node("Neg", ["x", "x"], ["y"]).Build(), "Neg of 'y': 2 inputs, not 1", 44);
        yield return new("too few inputs", Simple().Node("Add", ["x"], ["y"]).Build(), "Add of 'y': 1 inputs, not 2", 44);
        yield return new("needed input left out", Simple().Node("Add", ["x", ""], ["y"]).Build(), "Add of 'y': input 1 is left out", 44);
        yield return new("too many outputs", Simple().Node("Neg", ["x"], ["y", "z"]).Build(), "Neg of 'y': 2 outputs, not 1", 44);
        yield return new("unknown attribute", Simple().Node("Neg", ["x"], ["y"], node => node.Int("axis", 1)).Build(), "Neg of 'y': attribute 'axis' is not known for opset 17", 44);
        yield return new("attribute of another kind", Simple().Node("Elu", ["x"], ["y"], node => node.Int("alpha", 1)).Build(), "Elu of 'y': attribute alpha is Integer, not Float", 44);
        yield return new("attribute missing", Simple().Node("Concat", ["x"], ["y"]).Build(), "Concat of 'y': attribute axis is missing", 44);
        yield return new("flag of 2", Simple().Node("ReduceMax", ["x"], ["y"], node => node.Int("keepdims", 2)).Build(), "ReduceMax of 'y': attribute keepdims is 2, neither 0 nor 1", 44);
        yield return new("operator newer than the opset", Simple(16).Constant<float>("s", [1, 1, 1], 3).Node("LayerNormalization", ["x", "s"], ["y"]).Build(), "LayerNormalization of 'y': the operator exists from opset 17 on, the file has opset 16", 67);
        yield return new("axes as attribute too late", Simple(13).Node("Squeeze", ["x"], ["y"], node => node.Ints("axes", 0)).Build(), "Squeeze of 'y': attribute 'axes' is not known for opset 13", 44);
        yield return new("types that do not mix", Simple().Constant<long>("k", [1], 1).Node("Add", ["x", "k"], ["y"]).Build(), "Add of 'y': input 1 is int64, not float32", 63);
        yield return new("function of integers", new OnnxBytes().Input("x", OnnxBytes.Int64, 2).OutputOfAnyShape("y", F).Node("Exp", ["x"], ["y"]).Build(), "Exp of 'y': input 0 is int64, which FastRnn does not compute here", 40);
        yield return new("constant of two values", Simple().Node("Constant", [], ["y"], node => node.Int("value_int", 1).Number("value_float", 1)).Build(), "Constant of 'y': it has more than one attribute", 44);
        yield return new("constant of nothing", Simple().Node("Constant", [], ["y"]).Build(), "Constant of 'y': it has no value", 44);
        yield return new("cast to strings", Simple().Node("Cast", ["x"], ["y"], node => node.Int("to", 8)).Build(), "Cast of 'y': element type 8 is none that FastRnn computes with", 44);
        yield return new("dropout in training", Simple().Constant<float>("r", [0.5f]).Constant<bool>("t", [true]).Constant<float>("w", [1], 1).Node("Dropout", ["w", "r", "t"], ["y"]).Build(), "Dropout of 'y': it is in training mode, whose numbers are random", 82);
        yield return new("division of constants by 0", new OnnxBytes().OutputOfAnyShape("y", OnnxBytes.Int64).Constant<long>("a", [1, 2], 2).Constant<long>("b", [0], 1).Node("Div", ["a", "b"], ["y"]).Build(), "Div of 'y': an integer cannot be divided by 0", 69);
    }

    private static IEnumerable<BadOnnxFile> Shapes()
    {
        yield return new("product of misfits", Simple().Constant<float>("w", [1, 2, 3, 4], 2, 2).Node("MatMul", ["x", "w"], ["y"]).Build(), "MatMul of 'y': shapes [2, 3] and [2, 2] do not multiply", 73);
        yield return new("gemm of misfits", Simple().Constant<float>("w", [1, 2, 3, 4], 2, 2).Node("Gemm", ["x", "w"], ["y"]).Build(), "Gemm of 'y': shapes [2, 3] and [2, 2] do not multiply", 73);
        yield return new("gemm whose bias does not stretch", Simple().Constant<float>("w", [1, 2, 3], 3, 1).Constant<float>("c", [1, 2], 2).Node("Gemm", ["x", "w", "c"], ["y"]).Build(), "Gemm of 'y': shape [2] does not stretch to [2, 1]", 88);
        yield return new("sum of misfits", Simple().Constant<float>("w", [1, 2], 2).Node("Add", ["x", "w"], ["y"]).Build(), "Add of 'y': shapes [2, 3] and [2] do not match", 63);
        yield return new("reshape that does not fill", Simple().Constant<long>("s", [4], 1).Node("Reshape", ["x", "s"], ["y"]).Build(), "Reshape of 'y': [2, 3] does not become [4]", 63);
        yield return new("reshape of two unknowns", Simple().Constant<long>("s", [-1, -1], 2).Node("Reshape", ["x", "s"], ["y"]).Build(), "Reshape of 'y': two sizes are −1", 71);
        yield return new("reshape to 2^63 - 1", Simple().Constant<long>("s", [long.MaxValue], 1).Node("Reshape", ["x", "s"], ["y"]).Build(), "Reshape of 'y': size 9223372036854775807 cannot be", 63);
        yield return new("reshape by floats", Simple().Constant<float>("s", [6], 1).Node("Reshape", ["x", "s"], ["y"]).Build(), "Reshape of 'y': input 1 is float32, which FastRnn does not compute here", 59);
        yield return new("order of axes that is none", Simple().Node("Transpose", ["x"], ["y"], node => node.Ints("perm", 0, 0)).Build(), "Transpose of 'y': [0, 0] is no order of 2 axes", 44);
        yield return new("order of axes beyond", Simple().Node("Transpose", ["x"], ["y"], node => node.Ints("perm", 1L << 40, 0)).Build(), "Transpose of 'y': [1099511627776, 0] is no order of 2 axes", 44);
        yield return new("squeeze of 2", Simple(11).Node("Squeeze", ["x"], ["y"], node => node.Ints("axes", 0)).Build(), "Squeeze of 'y': axis 0 of [2, 3] is not 1", 44);
        yield return new("unsqueeze twice the same", Simple(11).Node("Unsqueeze", ["x"], ["y"], node => node.Ints("axes", 1, 1)).Build(), "Unsqueeze of 'y': axis 1 comes twice", 44);
        yield return new("axis beyond", Simple().Node("Softmax", ["x"], ["y"], node => node.Int("axis", 2)).Build(), "Softmax of 'y': axis 2 is none of a tensor of 2 dimensions", 44);
        yield return new("axis of -2^63", Simple().Node("Softmax", ["x"], ["y"], node => node.Int("axis", long.MinValue)).Build(), "Softmax of 'y': axis -9223372036854775808 is none of a tensor of 2 dimensions", 44);
        yield return new("step of 0", Simple().Constant<long>("a", [0], 1).Constant<long>("b", [2], 1).Constant<long>("s", [0], 1).Node("Slice", ["x", "a", "b", "a", "s"], ["y"]).Build(), "Slice of 'y': a step is 0", 101);
        yield return new("slice of uneven lists", Simple().Constant<long>("a", [0], 1).Constant<long>("b", [2, 3], 2).Node("Slice", ["x", "a", "b"], ["y"]).Build(), "Slice of 'y': starts, ends, axes and steps are not equally many", 90);
        yield return new("split that does not add up", Simple().Constant<long>("s", [1, 1], 2).Node("Split", ["x", "s"], ["y", "z"], node => node.Int("axis", 1)).Build(), "Split of 'y': parts [1, 1] do not make an axis of 3 in 2 outputs", 71);
        yield return new("split that overflows", Simple().Constant<long>("s", [long.MaxValue, 1], 2).Node("Split", ["x", "s"], ["y", "z"]).Build(), "Split of 'y': parts [9223372036854775807, 1] do not make an axis of 2 in 2 outputs", 71);
        yield return new("row beyond a table of constants", Simple().Constant<float>("t", [1, 2], 2).Constant<long>("k", [2], 1).Node("Gather", ["t", "k"], ["y"]).Build(), "Gather of 'y': index 2 is none of an axis of 2", 82);
        yield return new("joined misfits", Simple().Constant<float>("w", [1], 1, 1).Node("Concat", ["x", "w"], ["y"], node => node.Int("axis", 0)).Build(), "Concat of 'y': shapes [3, 3] and [1, 1] do not join along axis 0", 61);
        yield return new("2^31 x 2^31 zeros", Simple().Constant<long>("s", [int.MaxValue, int.MaxValue], 2).Node("ConstantOfShape", ["s"], ["y"]).Build(), "ConstantOfShape of 'y': its result [2147483647, 2147483647] of float32 passes the limit of 2147483648 bytes for all values", 71);
        yield return new("a size of -1", Simple().Constant<long>("s", [-1], 1).Node("ConstantOfShape", ["s"], ["y"]).Build(), "ConstantOfShape of 'y': size -1 cannot be", 63);
        yield return new("padding of 2^62", Simple().Constant<long>("p", [1L << 62, 0, 0, 0], 4).Node("Pad", ["x", "p"], ["y"]).Build(), "Pad of 'y': 4611686018427387904 before and 0 behind an axis of 2 cannot be", 87);
        yield return new("padding of -2^63 twice", Simple().Constant<long>("p", [long.MinValue, 0, long.MinValue, 0], 4).Node("Pad", ["x", "p"], ["y"]).Build(), "Pad of 'y': -9223372036854775808 before and -9223372036854775808 behind an axis of 2 cannot be", 87);
        yield return new("padding by no value", Simple().Constant<long>("p", [0, 0, 0, 0], 4).Constant<float>("v", [], 0).Node("Pad", ["x", "p", "v"], ["y"]).Build(), "Pad of 'y': the value is [0], not one element", 98);
        yield return new("dropout in no mode", Simple().Constant<float>("r", [0.5f], 1).Constant<bool>("m", [], 0).Node("Dropout", ["x", "r", "m"], ["y"]).Build(), "Dropout of 'y': training_mode is [0], not one element", 70);
        yield return new("flattened to 2^62", Simple().Constant<float>("w", [], int.MaxValue, int.MaxValue, 0).Node("Flatten", ["w"], ["y"], node => node.Int("axis", 2)).Build(), "Flatten of 'y': [2147483647, 2147483647] is too large", 67);
        yield return new("a list of 33 dimensions", Simple().Constant<long>("s", [.. Enumerable.Repeat(1L, 33)], 33).Node("Reshape", ["x", "s"], ["y"]).Build(), "Reshape of 'y': 33 dimensions are more than 32", 322);
        yield return new("mean of nothing", Simple().Constant<float>("w", [], 3, 0).Constant<float>("s", [], 0).Node("LayerNormalization", ["w", "s"], ["y", "mean"]).Build(), "LayerNormalization of 'y': nothing has no mean", 68);
        yield return new("padding that cuts more than there is", Simple().Constant<long>("p", [-3, 0, 0, 0], 4).Node("Pad", ["x", "p"], ["y"]).Build(), "Pad of 'y': -3 before and 0 behind an axis of 2 cannot be", 87);
        yield return new("padding of too few numbers", Simple().Constant<long>("p", [1, 1], 2).Node("Pad", ["x", "p"], ["y"]).Build(), "Pad of 'y': 2 numbers are not two for each of 2 axes", 71);
        yield return new("padding in an unknown mode", Simple().Constant<long>("p", [1, 1, 1, 1], 4).Node("Pad", ["x", "p"], ["y"], node => node.String("mode", "wrap")).Build(), "Pad of 'y': mode 'wrap' is not known for opset 17", 87);
        yield return new("scale that does not stretch", Simple().Constant<float>("s", [1, 1], 2).Node("LayerNormalization", ["x", "s"], ["y"]).Build(), "LayerNormalization of 'y': shapes [2, 3] and [2] do not match", 63);
        yield return new("stretched to 2^40", Simple().Constant<long>("s", [1L << 40, 1, 1], 3).Node("Expand", ["x", "s"], ["y"]).Build(), "Expand of 'y': size 1099511627776 cannot be", 79);
        yield return new("bounds that are lists", Simple().Constant<float>("b", [1, 2], 2).Node("Clip", ["x", "b"], ["y"]).Build(), "Clip of 'y': bound 1 is [2], not one number", 63);
    }
}
