using FastRnn.Formats;
using FastRnn.Layers;

namespace FastRnn.Mutations.Formats;

/// <summary>PyTorch's state_dict as safetensors: names and shapes tell the layers.</summary>
internal sealed class StateDictFormat : SafetensorsFormat
{
    public override string Name => "pytorch";

    public override IEnumerable<byte[]> Files => SampleFiles.All("pytorch_models.zip", Extension);

    protected override IReadOnlyList<byte[]> CreateSamples()
    {
        Sequential[] models =
        [
            new(Backend, 1, new Lstm(3, 4), new Linear(4, 2)), new(Backend, 2, new Gru(2, 3), new Linear(3, 1)), new(Backend, 3, new Embedding(5, 2), new Bidirectional(new Lstm(2, 3)), new Linear(6, 2)),
        ];
        var samples = new List<byte[]>();
        foreach (Sequential model in models)
        {
            using (model)
                samples.AddRange([Plain(model, TensorType.F32), Plain(model, TensorType.F64)]);
        }
        return samples;
    }

    /// <summary>The weights alone, under the names that they have in a module.</summary>
    private static byte[] Plain(Sequential model, TensorType type)
    {
        var file = new SafetensorsFile();
        foreach (Parameter parameter in model.Parameters)
        {
            var values = new float[parameter.Length];
            parameter.Read(values);
            var tensor = new SafetensorsTensor(parameter.Name, type, [.. parameter.Shape]);
            for (int i = 0; i < values.Length; i++)
            {
                if (type == TensorType.F32)
                    tensor.Floats[i] = values[i];
                else
                    tensor.Doubles[i] = values[i];
            }
            file.Tensors.Add(tensor);
        }
        return WithoutMetadata(Bytes(file));
    }

    /// <summary>FastRnn's own envelope is no part of what others write.</summary>
    private static byte[] WithoutMetadata(byte[] file)
    {
        string text = System.Text.Encoding.Latin1.GetString(file);
        int begin = text.IndexOf("\"__metadata__\"", StringComparison.Ordinal), end = text.IndexOf('}', begin) + 2; // and a comma
        byte[] plain = [.. file[..begin], .. file[end..], .. Array.Empty<byte>()];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(plain, System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(file) - (end - begin));
        return plain;
    }
}
