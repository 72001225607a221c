using System.Globalization;

namespace FastRnn.Training;

/// <summary>What a trainer has been told, in words: two that say the same do the same to the same model.</summary>
public sealed partial class Trainer
{
    /// <summary>
    /// Everything that decides about updates and is set from outside, by name; parameters that are treated as all others are left out. What
    /// training itself changes is no setting.
    /// </summary>
    internal SortedDictionary<string, string> Settings()
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["loss"] = _loss.ToString(),
            ["optimizer"] = Optimizer.ToString(),
            ["schedule"] = Schedule?.ToString() ?? "none",
            ["clip value"] = Text(ClipValue),
            ["clip tensor norm"] = Text(ClipTensorNorm),
            ["clip norm"] = Text(ClipNorm),
            ["clip recurrent"] = Text(ClipRecurrent),
            ["backward steps"] = Text(BackwardSteps),
            ["accumulated windows"] = Text(AccumulatedWindows),
            ["average decay"] = Text(AverageDecay),
            ["carry state"] = CarryState ? "yes" : "no",
        };
        for (int i = 0; i < _plans.Length; i++)
        {
            if (_plans[i].ToString() is { Length: > 0 } plan)
                settings[$"parameter {_model.ParameterArray[i].Name}"] = plan;
        }
        return settings;
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
