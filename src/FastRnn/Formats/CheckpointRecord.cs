using System.Globalization;

namespace FastRnn.Formats;

/// <summary>Metadata value <c>fastrnn.checkpoint</c>, and the tensors that a checkpoint has beside the weights.</summary>
internal sealed record CheckpointRecord
{
    public const string Key = "fastrnn.checkpoint";

    public required RunState Run { get; init; }

    /// <summary>Updates made.</summary>
    public required long Steps { get; init; }

    /// <summary>Time steps trained on: the counter of the dropout masks.</summary>
    public required long Time { get; init; }

    /// <summary>Names of the arrays that the optimiser keeps for every parameter: m and v for Adam.</summary>
    public required IReadOnlyList<string> Moments { get; init; }

    /// <summary>Streams of the carried state; 0 when nothing is carried.</summary>
    public required int Batch { get; init; }

    public static string MomentName(string moment, string parameter) => $"optimizer.{moment}.{parameter}";

    public static string HiddenName(int layer) => string.Create(CultureInfo.InvariantCulture, $"state.h.{layer}");

    public static string CellName(int layer) => string.Create(CultureInfo.InvariantCulture, $"state.c.{layer}");

    /// <summary>Every tensor that this record promises, for checked layers with these parameters.</summary>
    /// <exception cref="InvalidDataException">A counter or name makes no sense.</exception>
    public List<ParameterShape> Tensors(IReadOnlyList<LayerInfo> layers, IReadOnlyList<ParameterShape> parameters)
    {
        if (Steps < 0 || Time < 0 || Batch < 0 || Run.Epoch < 0 || Run.Chunk < 0 || Run.LossCount < 0)
            throw new InvalidDataException("a counter of the checkpoint is negative");
        if (Moments.Count > 8 || Moments.Any(string.IsNullOrEmpty) || Moments.Distinct().Count() != Moments.Count)
            throw new InvalidDataException("the names of the optimizer's moments are not valid");
        if (Run.Epochs.Any(epoch => epoch is null))
            throw new InvalidDataException("an epoch of the checkpoint is null");
        var tensors = new List<ParameterShape>();
        foreach (string moment in Moments)
            tensors.AddRange(parameters.Select(parameter => new ParameterShape(MomentName(moment, parameter.Name), parameter.Shape)));
        for (int i = 0; i < layers.Count && Batch > 0; i++)
        {
            if (layers[i].Hidden is { } hidden)
                tensors.AddRange([new(HiddenName(i), [Batch, hidden]), new(CellName(i), [Batch, hidden])]);
        }

        return tensors;
    }
}
