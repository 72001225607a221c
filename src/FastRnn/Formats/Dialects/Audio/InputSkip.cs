namespace FastRnn.Formats.Dialects.Audio;

/// <summary>
/// y = f(x) + x over a whole stack, as trainers of amplifier models build it. Layers put what they read beside what they make (see
/// <see cref="Layers.Residual"/>), later ones give it weights of 0, and the last, a linear one, adds it with weights of 1: the sums are those of f with one more
/// addition.
/// </summary>
internal static class InputSkip
{
    /// <summary>Wires the input's first features round the layers.</summary>
    /// <param name="layers">The last is linear; those before are recurrent, or linear, and read forwards.</param>
    /// <param name="features">So many, or 1, which every output gets.</param>
    /// <returns>What is wrong, or null with the layers changed.</returns>
    public static string? Wire(List<DraftLayer> layers, int features)
    {
        if (layers.FindIndex(layer => layer.Info.Type is not ("lstm" or "gru" or "rnn" or "linear")) is >= 0 and var other)
            return $"the input is added to the output round layer {other}, {layers[other].Info.Type}, which FastRnn cannot do";
        LayerInfo last = layers[^1].Info;
        if (last.Type != "linear")
            return $"the input is added to the output of {last.Type}, FastRnn adds it to that of a dense layer";
        int width = layers[0].Info.Input!.Value;
        if (features != 1 && features != last.Output || features > width)
            return $"{features} of {width} inputs are added to {last.Output} outputs";
        int beside = 0;
        for (int i = 0; i < layers.Count - 1; i++)
        {
            LayerInfo info = layers[i].Info;
            int input = info.Input!.Value, extra = beside;
            layers[i] = new(new LayerInfo { Type = "residual", Merge = "concat", Inner = info with { Input = checked(input + extra) } })
            {
                Weights = [.. layers[i].Weights.Select(weights => Widened(weights, extra, 0, 0) with { Name = "inner." + weights.Name })],
            };
            beside = checked(beside + input);
        }
        // A lone linear layer reads x itself.
        layers[^1] = new(last with { Input = checked(last.Input!.Value + beside) })
        {
            Weights = [.. layers[^1].Weights.Select(weights => Widened(weights, beside, width, features))],
        };
        return null;
    }

    /// <summary>Columns for what comes beside, the last of which are the input's.</summary>
    private static DraftWeights Widened(DraftWeights weights, int beside, int width, int features)
    {
        if (weights.Name is not ("weight" or "weight_ih_l0"))
            return weights;
        int columns = checked(weights.Columns + beside);
        return weights with { Columns = columns, Read = () => Widen(weights, columns, columns - width, features) };
    }

    private static float[] Widen(DraftWeights weights, int columns, int input, int features)
    {
        float[] narrow = weights.Read();
        var wide = new float[checked(weights.Rows * columns)];
        for (int row = 0; row < weights.Rows; row++)
        {
            narrow.AsSpan(row * weights.Columns, weights.Columns).CopyTo(wide.AsSpan(row * columns));
            if (features > 0)
                wide[(row * columns) + input + (features == 1 ? 0 : row)] += 1;
        }
        return wide;
    }
}
