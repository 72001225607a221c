using System.Globalization;

namespace FastRnn.Formats.Dialects.Audio;

/// <summary>
/// LSTM models of Neural Amp Modeler (https://github.com/sdatkinson/NeuralAmpModelerCore): one list of weights – layer by layer [W_ih W_hh] row by row with gates i f g o,
/// one bias, the initial h and the initial c; then the head's weights and biases.
/// </summary>
internal static class NamFile
{
    /// <summary>Versions whose layout this is.</summary>
    private const int FirstMinor = 5, LastMinor = 7;

    public static void Read(JsonTree root, ModelDraft draft)
    {
        CheckVersion(root.Required("version"));
        JsonTree architecture = root.Required("architecture");
        if (architecture.Text() != "LSTM")
            throw architecture.Fail($"the architecture {ModelFormatException.Quote(architecture.Text())} is not supported; LSTM is");
        JsonTree config = root.Required("config");
        int input = config.Required("input_size").Integer(1, Architecture.MaxHidden);
        int hidden = config.Required("hidden_size").Integer(1, Architecture.MaxHidden);
        int count = config.Required("num_layers").Integer(1, Architecture.MaxLayers - 1);
        int output = Channels(config, input);
        var weights = new WeightList(root.Required("weights"));
        weights.CheckLength(Length(input, hidden, count, output));
        var initial = new List<float>();
        var layers = new List<DraftLayer>();
        for (int i = 0; i < count; i++)
            layers.Add(Layer(weights, i == 0 ? input : hidden, hidden, initial));
        layers.Add(new(new LayerInfo { Type = "linear", Input = hidden, Output = output })
        {
            Weights = [weights.Take("weight", "head weights", output, hidden), weights.Take("bias", "head bias", output, 1)],
        });
        DraftLayer.AddTo(draft, layers);
        (draft.InitialState, draft.InitialStateOffset) = ([.. initial], weights.Offset);
        foreach ((string name, JsonTree value) in root.Fields)
        {
            if (name is not ("weights" or "config" or "architecture"))
                value.Describe(name, draft.Metadata);
        }
    }

    private static void CheckVersion(JsonTree version)
    {
        string[] parts = version.Text().Split('.');
        bool known = parts.Length == 3 && parts[0] == "0" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int minor)
            && minor is >= FirstMinor and <= LastMinor && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        if (!known)
            throw version.Fail($"version {ModelFormatException.Quote(version.Text())} is not known; 0.{FirstMinor} to 0.{LastMinor} are");
    }

    /// <summary>Newer files name the channels.</summary>
    private static int Channels(JsonTree config, int input)
    {
        if (config.Field("in_channels") is { } read && read.Integer(1, Architecture.MaxHidden) != input)
            throw read.Fail($"{read.Raw()} channels into layers of input_size {input}");
        return config.Field("out_channels")?.Integer(1, Architecture.MaxHidden) ?? 1;
    }

    private static UInt128 Length(int input, int hidden, int count, int output)
    {
        UInt128 length = (UInt128)output * ((UInt128)hidden + 1);
        for (int i = 0; i < count; i++)
            length += (UInt128)(4L * hidden) * (UInt128)((i == 0 ? input : hidden) + (long)hidden + 1) + (UInt128)(2L * hidden);
        return length;
    }

    private static DraftLayer Layer(WeightList weights, int input, int hidden, List<float> initial)
    {
        int gates = 4 * hidden, columns = input + hidden;
        (float[] both, long offset) = (weights.Next("gates", gates * columns), weights.Offset);
        DraftWeights bias = weights.Take("bias_ih_l0", "bias", gates, 1);
        initial.AddRange(weights.Next("initial h", hidden));
        initial.AddRange(weights.Next("initial c", hidden));
        return new(new LayerInfo { Type = "lstm", Input = input, Hidden = hidden })
        {
            Weights =
            [
                new("weight_ih_l0", gates, input, () => Columns(both, gates, columns, 0, input), "weights", offset),
                new("weight_hh_l0", gates, hidden, () => Columns(both, gates, columns, input, hidden), "weights", offset),
                bias,
                DraftWeights.Zeros("bias_hh_l0", gates),
            ],
        };
    }

    private static float[] Columns(float[] values, int rows, int columns, int first, int count)
    {
        var part = new float[rows * count];
        for (int row = 0; row < rows; row++)
            values.AsSpan((row * columns) + first, count).CopyTo(part.AsSpan(row * count));
        return part;
    }

    /// <summary>The list, read from its begin to its end.</summary>
    private sealed class WeightList(JsonTree node)
    {
        private int _next;

        public long Offset => node.Offset;

        public void CheckLength(UInt128 needed)
        {
            if (node.Kind != JsonTreeKind.Tensor || node.Shape.Length != 1)
                throw node.Fail("weights must be a list of numbers");
            if ((UInt128)node.Values.Length != needed)
                throw node.Fail($"{node.Values.Length} weights, the layers need {needed}");
        }

        public float[] Next(string what, int count)
        {
            if (count > node.Values.Length - _next)
                throw node.Fail($"the weights end within {what}");
            _next += count;
            return node.Values.AsSpan(_next - count, count).ToArray();
        }

        public DraftWeights Take(string name, string source, int rows, int columns)
        {
            float[] values = Next(source, rows * columns);
            return new(name, rows, columns, () => values, source, node.Offset);
        }
    }
}
