using System.Runtime.InteropServices;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>Brings the weights of a checked file into a model's parameters as they are read.</summary>
internal sealed class ModelWeights(Sequential model, SafetensorsSource source, string? path)
{
    private readonly Dictionary<string, Parameter> _parameters = model.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);

    /// <exception cref="ModelFormatException">A weight is not finite, or the checksum does not match.</exception>
    public void Read(CancellationToken cancellation)
    {
        using var ahead = new PackAhead(model);
        source.Read(entry => _parameters.TryGetValue(entry.Name, out Parameter? parameter) ? new Weights(this, entry, parameter, ahead) : new Others(this, entry), cancellation);
        ahead.Finish();
    }

    private void RefuseNonFinite(SafetensorsEntry entry, long first, ReadOnlySpan<byte> bytes)
    {
        if (entry.Type != TensorType.F32 || ModelFile.FirstNonFinite(MemoryMarshal.Cast<byte, float>(bytes)) is not (>= 0 and var bad))
            return;
        throw new ModelFormatException(
            $"tensor {ModelFormatException.Quote(entry.Name)} is not finite at element {first + bad}", source.OffsetOf(entry) + (sizeof(float) * (first + bad)), path);
    }

    private void Take(SafetensorsEntry entry, ReadOnlySpan<byte> bytes)
    {
        if (entry.Name == ModelFile.InitialStateName)
            model.SetInitialState(MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    private sealed class Weights(ModelWeights owner, SafetensorsEntry entry, Parameter parameter, PackAhead ahead) : TensorRows
    {
        public override long RowBytes => sizeof(float) * (long)parameter.Value.Columns;

        public override Span<byte> Memory => MemoryMarshal.AsBytes(parameter.HostMemory);

        public override void Check(int row, ReadOnlySpan<byte> bytes) => owner.RefuseNonFinite(entry, (long)row * parameter.Value.Columns, bytes);

        public override void Copy(int row, ReadOnlySpan<byte> bytes) => parameter.WriteRows(row, MemoryMarshal.Cast<byte, float>(bytes));

        public override void End()
        {
            parameter.Value.Touch();
            ahead.Add(parameter.Value);
        }
    }

    /// <summary>Where streams start from, and of a checkpoint what only training reads.</summary>
    private sealed class Others(ModelWeights owner, SafetensorsEntry entry) : TensorRows
    {
        public override long RowBytes => (long)(entry.End - entry.Begin);

        public override void Check(int row, ReadOnlySpan<byte> bytes) => owner.RefuseNonFinite(entry, 0, bytes);

        public override void Copy(int row, ReadOnlySpan<byte> bytes) => owner.Take(entry, bytes);
    }
}
