using System.Buffers.Binary;
using System.Text;
using FastRnn.Formats;

namespace FastRnn.Tests.Formats;

/// <summary>Files made by hand and by seed for the safetensors tests.</summary>
internal static class SafetensorsSamples
{
    private static readonly TensorType[] _types = Enum.GetValues<TensorType>();

    /// <summary>Length, header text, then data: nothing is checked or padded.</summary>
    public static byte[] Build(string json, int dataLength = 0, long? headerLength = null) =>
        Build(Encoding.UTF8.GetBytes(json), dataLength, headerLength);

    public static byte[] Build(byte[] json, int dataLength = 0, long? headerLength = null)
    {
        byte[] file = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, headerLength ?? json.Length);
        json.CopyTo(file, 8);
        return file;
    }

    public static SafetensorsFile Read(byte[] bytes, SafetensorsLimits? limits = null) =>
        SafetensorsReader.Read(new MemoryStream(bytes), limits: limits);

    public static byte[] Bytes(SafetensorsFile file) => [.. SafetensorsWriter.Serialize(file).SelectMany(part => part.ToArray())];

    /// <summary>Every type, a scalar, an empty tensor, text beyond ASCII; about 700 bytes.</summary>
    public static SafetensorsFile Small()
    {
        var file = new SafetensorsFile();
        file.Metadata["format"] = "pt";
        file.Metadata["fastrnn.model"] = "{\"vocabulary\":[\"a\",\"é\",\"\\n\"]}";
        var weight = new SafetensorsTensor("0.weight", TensorType.F32, 2, 3);
        for (int i = 0; i < 6; i++)
            weight.Floats[i] = MathF.Sin(i + 1);
        var step = new SafetensorsTensor("step", TensorType.I64);
        step.Longs[0] = 1234567890123;
        file.Tensors.AddRange([weight, step, new("empty", TensorType.I32, 0, 7), new("flags", TensorType.U8, 3), new("d", TensorType.F64, 1)]);
        return file;
    }

    public static SafetensorsFile Random(Random random)
    {
        var file = new SafetensorsFile();
        for (int i = random.Next(4); i > 0; i--)
            file.Metadata[Text(random)] = Text(random) + Text(random);
        for (int i = random.Next(8); i > 0; i--)
        {
            int[] shape = new int[random.Next(5)];
            for (int d = 0; d < shape.Length; d++)
                shape[d] = random.Next(5);
            var tensor = new SafetensorsTensor($"{i}{Text(random)}", _types[random.Next(_types.Length)], shape);
            random.NextBytes(tensor.Bytes);
            file.Tensors.Add(tensor);
        }

        return file;
    }

    private static string Text(Random random)
    {
        var text = new StringBuilder();
        for (int i = random.Next(12); i >= 0; i--)
        {
            int value = random.Next(4) switch { 0 => random.Next(0x20), 1 => random.Next(0x110000), _ => random.Next(0x20, 0x7f) };
            text.Append(Rune.IsValid(value) ? new Rune(value).ToString() : "\\\"");
        }

        return text.ToString();
    }
}
