using System.Runtime.InteropServices;
using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>Brings the weights of a checked file into a model's parameters as they are read.</summary>
internal sealed class ModelWeights(Sequential model, SafetensorsSource source, string? path)
{
    /// <summary>So many floats are worth another thread's attention.</summary>
    private const int PackedAhead = 1 << 18;

    private readonly Dictionary<string, Parameter> _parameters = model.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
    private readonly List<Task> _packing = [];

    /// <exception cref="ModelFormatException">A weight is not finite, or the checksum does not match.</exception>
    public void Read(CancellationToken cancellation)
    {
        try
        {
            source.Read(entry => new Rows(this, entry), cancellation);
        }
        finally
        {
            foreach (Task task in _packing) // before anybody lets go of the weights; what fails here fails in the first pass again
                task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
        }
    }

    /// <summary>
    /// Packs what is whole while the file is read on: the model is run next, and reading keeps one core busy. Of 100 MB, loading takes a quarter less.
    /// </summary>
    private void PackAhead(Parameter parameter)
    {
        if (parameter.Length < PackedAhead || Environment.ProcessorCount == 1)
            return;
        _packing.Add(Task.Run(() =>
        {
            foreach (ProductWeights weights in model.LayerArray.SelectMany(layer => layer.Products))
                weights.PrepareFrom(parameter.Value);
        }));
    }

    private sealed class Rows(ModelWeights owner, SafetensorsEntry entry) : TensorRows
    {
        private readonly Parameter? _parameter = owner._parameters.GetValueOrDefault(entry.Name);

        public override long RowBytes => _parameter != null ? sizeof(float) * (long)_parameter.Value.Columns : (long)(entry.End - entry.Begin);

        public override Span<byte> Memory => _parameter == null ? default : MemoryMarshal.AsBytes(_parameter.HostMemory);

        public override void Take(int row, ReadOnlySpan<byte> bytes)
        {
            if (entry.Type != TensorType.F32)
                return;
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(bytes);
            long first = _parameter == null ? 0 : (long)row * _parameter.Value.Columns;
            if (ModelFile.FirstNonFinite(values) is >= 0 and var bad)
            {
                throw new ModelFormatException(
                    $"tensor {ModelFormatException.Quote(entry.Name)} is not finite at element {first + bad}", owner.OffsetOf(entry) + (4 * (first + bad)), owner.Path);
            }
            if (_parameter != null && Memory.IsEmpty)
                _parameter.WriteRows(row, values);
            else if (entry.Name == ModelFile.InitialStateName)
                owner.SetInitialState(values);
        }

        public override void End()
        {
            if (_parameter == null)
                return;
            _parameter.Value.Touch();
            owner.PackAhead(_parameter);
        }
    }

    private string? Path => path;

    private long OffsetOf(SafetensorsEntry entry) => source.OffsetOf(entry);

    private void SetInitialState(ReadOnlySpan<float> values) => model.SetInitialState(values.ToArray());
}
