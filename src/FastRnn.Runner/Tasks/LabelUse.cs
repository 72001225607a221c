using FastRnn.Data;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>What the tasks of labels have in common.</summary>
internal static class LabelUse
{
    /// <summary>The classes among labels.</summary>
    /// <exception cref="DataFormatException">There is only one.</exception>
    public static ClassNames Classes(string data, IEnumerable<string> labels)
    {
        string[] names = [.. labels.Distinct(StringComparer.Ordinal)];
        return names.Length > 1
            ? ClassNames.FromLabels(names)
            : throw new DataFormatException(data, $"all samples for training are of one class, '{names[0]}': there is nothing to tell apart");
    }

    /// <exception cref="CliException">The model has no classes.</exception>
    public static SequenceEncoder Encoder(ModelUse use)
    {
        bool known = use.Info.Classes != null && use.Model.TakesTokens == (use.Info.Words != null || use.Info.Vocabulary != null);
        return known && (use.Info.Task != "tag" || use.Info.Words != null)
            ? SequenceEncoder.FromModel(use.Info, use.Model.TakesTokens ? 0 : use.Model.InputSize)
            : throw new CliException(ExitCodes.BadInput, $"{use.Path}: task '{use.Info.Task}' without classes, or without a vocabulary for its tokens");
    }

    public static void Write(ModelUse use, LabelReport report, string unit, int k)
    {
        if (use.Output.Json)
            use.Output.WriteJson(report.Result(k) with { Device = use.Device });
        else
            report.Write(use.Output.Result, unit, k);
    }
}
