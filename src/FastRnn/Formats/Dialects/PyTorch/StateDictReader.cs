using System.Buffers.Binary;
using System.Runtime.InteropServices;
using FastRnn.Backends;

namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>A safetensors file with the state_dict of a PyTorch module.</summary>
internal static class StateDictReader
{
    public const string Name = "PyTorch safetensors";

    public static ImportedModel Read(SafetensorsSource source, string? path, Backend backend, ImportOptions options, CancellationToken cancellation)
    {
        var draft = new ModelDraft(Name, path);
        if (source.IsOwn)
            source.RefuseDamaged(cancellation);
        var tensors = source.Entries.Select(entry => new StateTensor(entry.Name, entry.Shape, source.OffsetOf(entry), () => Floats(source, entry, cancellation)));
        foreach (SafetensorsEntry entry in source.Entries)
            CheckType(entry, source, path);
        var state = new StateDict(tensors, isOrdered: false, options, path);
        LayerNames? named = source.IsOwn ? PyTorchExport.Names(source.File, path) : LayerNames.Beside(path, options);
        List<DraftLayer> layers = named != null ? state.As(named) : state.Infer();
        if (source.IsOwn)
            draft.Probe = StrictJson.Read<ProbeRecord>(source.File, ProbeRecord.Key, path);
        if (options.OutputActivation is { } function)
            layers.Add(new(NamedFunctions.Output(function, path)));
        DraftLayer.AddTo(draft, layers);
        foreach ((string key, string value) in source.File.Metadata)
            draft.Metadata[key] = value;
        return draft.Build(backend, options);
    }

    private static void CheckType(SafetensorsEntry entry, SafetensorsSource source, string? path)
    {
        if (entry.Type is not (TensorType.F16 or TensorType.BF16 or TensorType.F32 or TensorType.F64))
            throw new ModelFormatException($"{ModelFormatException.Quote(entry.Name)} holds {entry.Type.Name()}, weights are F16, BF16, F32 or F64", source.OffsetOf(entry), path);
    }

    private static float[] Floats(SafetensorsSource source, SafetensorsEntry entry, CancellationToken cancellation)
    {
        var values = new float[(entry.End - entry.Begin) / (ulong)entry.Type.Size()];
        if (entry.Type == TensorType.F32)
        {
            source.ReadOne(entry, MemoryMarshal.AsBytes(values.AsSpan()), cancellation);
            return values;
        }
        var bytes = new byte[entry.End - entry.Begin];
        source.ReadOne(entry, bytes, cancellation);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = entry.Type switch
            {
                TensorType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes.AsSpan(2 * i)),
                TensorType.BF16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(2 * i)) << 16),
                _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 * i)),
            };
        }
        return values;
    }
}
