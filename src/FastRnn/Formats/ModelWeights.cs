using System.Runtime.InteropServices;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>Brings the weights of a checked file into a model's parameters, row by row as they are read.</summary>
internal sealed class ModelWeights(Sequential model, SafetensorsSource source, string? path)
{
    private readonly Dictionary<string, Parameter> _parameters = model.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);

    /// <exception cref="ModelFormatException">A weight is not finite, or the checksum does not match.</exception>
    public void Read(CancellationToken cancellation) => source.Read(RowBytes, Rows, cancellation);

    private long RowBytes(SafetensorsEntry entry) =>
        _parameters.TryGetValue(entry.Name, out Parameter? parameter) ? sizeof(float) * (long)parameter.Value.Columns : (long)(entry.End - entry.Begin);

    private TensorRows Rows(SafetensorsEntry entry)
    {
        long offset = source.OffsetOf(entry);
        _parameters.TryGetValue(entry.Name, out Parameter? parameter);
        return (row, bytes) =>
        {
            if (entry.Type != TensorType.F32)
                return;
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(bytes);
            long first = parameter == null ? 0 : (long)row * parameter.Value.Columns;
            if (ModelFile.FirstNonFinite(values) is >= 0 and var bad)
                throw new ModelFormatException($"tensor {ModelFormatException.Quote(entry.Name)} is not finite at element {first + bad}", offset + (4 * (first + bad)), path);
            if (parameter != null)
                parameter.WriteRows(row, values);
            else if (entry.Name == ModelFile.InitialStateName)
                model.SetInitialState(values.ToArray());
        };
    }
}
