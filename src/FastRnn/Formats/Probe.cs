using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>
/// A fixed input stored with the outputs it had when the file was written. Running it again after loading finds a wrong permutation of
/// gates or a transposed matrix, which no shape check can; the tolerance lets a better kernel pass.
/// </summary>
internal static class Probe
{
    public const int Steps = 8;
    public const double Tolerance = 1e-4;

    /// <summary>Keeps the text small for wide models: at most about this many inputs in all, but one whole step, and outputs a step.</summary>
    private const int MostValues = 4096, MostOutputs = 512;

    /// <summary>
    /// Inputs up to this width have two steps where a layer is recurrent, as the first meets no recurrent weight; two wider ones could be more text than a file may have. From
    /// the smaller width on, values have one digit for the same reason.
    /// </summary>
    private const int WidestOfTwo = 100_000, WidestOfFourDigits = 32_768;

    /// <summary>
    /// Keeps loading of large models short: about so many weights times steps, at three steps or more. Every step reads the recurrent weights from memory again: of 100 MB,
    /// three steps take some 13 ms of 75. At three the state has come from inputs through all weights twice.
    /// </summary>
    private const long MostWork = 1 << 24;

    private const int FewestSteps = 3;

    /// <exception cref="Training.NonFiniteException">An output is not finite.</exception>
    public static ProbeRecord Record(Sequential model, IReadOnlyList<LayerInfo> layers) => Record(model, layers, StepsFor(model));

    /// <summary>The same of at most so many steps.</summary>
    internal static ProbeRecord Record(Sequential model, IReadOnlyList<LayerInfo> layers, int steps)
    {
        var record = new ProbeRecord
        {
            Tokens = layers[0].Vocabulary is { } vocabulary ? Tokens(vocabulary, steps) : null,
            Values = layers[0].Vocabulary is null ? Values(InputWidth(layers), steps, layers.Any(IsRecurrent)) : null,
            Stride = (Architecture.OutputWidth(layers) + MostOutputs - 1) / MostOutputs,
            Outputs = [],
            Tolerance = Tolerance,
        };
        float[] outputs = Run(model, layers, record);
        if (!Array.TrueForAll(outputs, float.IsFinite))
            throw new Training.NonFiniteException("probe output");
        return record with { Outputs = outputs };
    }

    /// <summary>
    /// Runs the stored probe and says where it differs, and what in the weights would explain it where <see cref="ProbeDiagnosis"/> finds that, or null. A model that
    /// differs has other weights afterwards: it is of no use.
    /// </summary>
    public static string? Compare(Sequential model, IReadOnlyList<LayerInfo> layers, ProbeRecord record) =>
        Difference(model, layers, record) is { } difference ? difference + ProbeDiagnosis.Explain(model, layers, record) : null;

    /// <summary>Inputs of the stored probe, in steps.</summary>
    public static int StepsOf(IReadOnlyList<LayerInfo> layers, ProbeRecord record) => StepsOf(record, InputWidth(layers));

    /// <summary>Runs the stored probe and says where it differs, or null.</summary>
    public static string? Difference(Sequential model, IReadOnlyList<LayerInfo> layers, ProbeRecord record)
    {
        float[] actual = Run(model, layers, record);
        for (int i = 0; i < actual.Length; i++)
        {
            double expected = record.Outputs[i], bound = record.Tolerance * Math.Max(1, Math.Abs(expected));
            if (!(Math.Abs(actual[i] - expected) <= bound))
            {
                return FormattableString.Invariant(
                    $"the model does not compute what it did when it was saved: probe output {i} is {actual[i]}, stored is {expected}, ")
                    + FormattableString.Invariant($"allowed difference {bound}");
            }
        }

        return null;
    }

    /// <summary>Says what is wrong with a stored probe before it is run, or null.</summary>
    public static string? Check(IReadOnlyList<LayerInfo> layers, ProbeRecord record)
    {
        int width = InputWidth(layers);
        bool embedded = layers[0].Vocabulary is not null;
        if (embedded != record.Tokens is not null || embedded == record.Values is not null)
            return "its inputs are not of the kind the model takes";
        if (record.Tokens is { } tokens && !Array.TrueForAll(tokens, token => token >= 0 && token < layers[0].Vocabulary))
            return "a token lies outside the vocabulary";
        if (record.Values is { } values && (values.Length % width != 0 || !Array.TrueForAll(values, float.IsFinite)))
            return "its values do not fill whole steps, or are not finite";
        if (record.Stride < 1)
            return "its stride is below 1";
        long steps = StepsOf(record, width), each = (Architecture.OutputWidth(layers) + (long)record.Stride - 1) / record.Stride;
        if (steps > Steps)
            return $"it has {steps} steps; {Steps} are the most";
        if (steps == 0 || record.Outputs.Length != steps * each)
            return $"it has {record.Outputs.Length} outputs where {steps} steps give {steps * each}";
        if (!Array.TrueForAll(record.Outputs, float.IsFinite))
            return "an output is not finite"; // JSON's 1e999 reads as infinity, against which any difference would be small.
        return record.Tolerance is >= 0 and <= 0.01 ? null : "its tolerance does not lie from 0 to 0.01";
    }

    private static float[] Run(Sequential model, IReadOnlyList<LayerInfo> layers, ProbeRecord record)
    {
        int width = InputWidth(layers), steps = StepsOf(record, width);
        LayerInput input;
        if (record.Tokens is { } tokens)
        {
            input = new LayerInput(tokens);
        }
        else
        {
            var values = model.Backend.Allocate(steps, width);
            model.Backend.Write(values, record.Values);
            input = new LayerInput(values);
        }

        // The whole window at once: not every model can go step by step, and the bits are those of one that does.
        var y = model.Forward(model.CreateWorkspace(steps, 1, Keep.Nothing), input, null, new PassContext(null, false, model.Seed, 0, false));
        float[] all = new float[y.Length];
        model.Backend.Read(y, all);
        var outputs = new List<float>();
        for (int first = 0; first < all.Length; first += y.Columns)
        {
            for (int i = 0; i < y.Columns; i += record.Stride)
                outputs.Add(all[first + i]);
        }

        return [.. outputs];
    }

    private static int StepsOf(ProbeRecord record, int width) => record.Tokens?.Length ?? record.Values!.Length / width;

    /// <summary>Features of one step; 1 for tokens.</summary>
    private static int InputWidth(IReadOnlyList<LayerInfo> layers) => Architecture.InputWidth(layers[0]) ?? 1;

    /// <summary>Spread over the vocabulary by a prime larger than common sizes.</summary>
    private static int[] Tokens(int vocabulary, int steps)
    {
        int[] tokens = new int[steps];
        for (int t = 0; t < steps; t++)
            tokens[t] = (int)(((t * 7919L) + 1) % vocabulary);
        return tokens;
    }

    private static int StepsFor(Sequential model) => (int)Math.Clamp(MostWork / WeightsOf(model), FewestSteps, Steps);

    /// <summary>Weights that a step reads, at least 1: rows of an embedding's table that no token names cost nothing.</summary>
    public static long WeightsOf(Sequential model) =>
        Math.Max(1, model.LayerArray.Where(layer => layer.Products.Any()).Sum(layer => layer.ParameterArray.Sum(parameter => (long)parameter.Length)));

    private static bool IsRecurrent(LayerInfo layer) => RecurrentInfo.IsRecurrent(layer) || (layer.Inner is { } inner && IsRecurrent(inner));

    /// <summary>Within ±1, and all different unless they are very many; fewer steps for wide inputs.</summary>
    private static float[] Values(int width, int steps, bool recurrent)
    {
        int fewest = recurrent && width <= WidestOfTwo ? 2 : 1, digits = width <= WidestOfFourDigits ? 4 : 1;
        float[] values = new float[width * Math.Clamp(MostValues / width, fewest, steps)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)Math.Round(Math.Sin(0.37 * (i + 1)), digits);
        return values;
    }
}
