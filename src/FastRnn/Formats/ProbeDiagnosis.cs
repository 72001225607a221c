using FastRnn.Formats.Dialects;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>
/// Finds out what has happened to weights that no longer give the probe's outputs: gates in another order, matrices lying the other way, biases, directions or the sense of an
/// update gate exchanged – what dialects differ in. It tries them one after the other, in all layers of a kind and in each, within a bound of work.
/// </summary>
internal static class ProbeDiagnosis
{
    /// <summary>Products that all attempts together may take: tenths of a second.</summary>
    private const long MostWork = 1 << 28;

    /// <summary>What would make the probe agree, for the end of a message; null where nothing that is tried does. The weights may be others afterwards.</summary>
    public static string? Explain(Sequential model, IReadOnlyList<LayerInfo> layers, ProbeRecord record, long mostWork = MostWork)
    {
        long attempts = mostWork / (Probe.WeightsOf(model) * Probe.StepsOf(layers, record));
        var weights = new ProbeWeights(model);
        foreach ((string text, Action change) in Suspicions(layers, weights))
        {
            if (attempts-- == 0)
                return null;
            change();
            if (Probe.Difference(model, layers, record) == null)
                return $"; with {text} it would agree";
            weights.Restore();
        }
        return null;
    }

    private static IEnumerable<(string Text, Action Change)> Suspicions(IReadOnlyList<LayerInfo> layers, ProbeWeights weights)
    {
        List<ProbeLayer> found = Find(layers);
        foreach (List<ProbeLayer> group in Groups(found))
        {
            string place = Place(group);
            void Each(Action<ProbeLayer> change) => group.ForEach(change);
            string gates = group[0].Gates;
            foreach (string order in Orders(gates))
                yield return ($"the gates of {place} taken as {Spaced(order)} instead of {Spaced(gates)}", () => Each(layer => weights.Reorder(layer, order)));
            if (gates.Length == 0)
            {
                yield return ($"the weights of {place} transposed", () => Each(layer => weights.Transpose(layer, "weight", "")));
                continue;
            }
            yield return ($"the recurrent weights of {place} transposed", () => Each(layer => weights.Transpose(layer, "weight_hh_l0", gates)));
            yield return ($"the input weights of {place} transposed", () => Each(layer => weights.Transpose(layer, "weight_ih_l0", gates)));
            yield return ($"all weights of {place} transposed", () => Each(layer =>
            {
                weights.Transpose(layer, "weight_ih_l0", gates);
                weights.Transpose(layer, "weight_hh_l0", gates);
            }));
            yield return ($"the two biases of {place} exchanged", () => Each(layer => weights.Exchange(layer, "bias_ih_l0", "bias_hh_l0")));
            if (gates == GateOrder.Gru)
                yield return ($"the update gate z of {place} taken as 1 - z", () => Each(weights.NegateUpdate));
            if (group.TrueForAll(layer => layer.Suffixes.Length == 2))
                yield return ($"the two directions of {place} exchanged", () => Each(weights.ExchangeDirections));
        }
    }

    /// <summary>All layers of a kind together, where there are several: whoever mistakes one mistakes all; then each alone.</summary>
    private static IEnumerable<List<ProbeLayer>> Groups(List<ProbeLayer> layers)
    {
        foreach (string gates in (string[])[GateOrder.Lstm, GateOrder.Gru, GateOrder.Rnn, ""])
        {
            List<ProbeLayer> alike = layers.FindAll(layer => layer.Gates == gates);
            if (alike.Count > 1)
                yield return alike;
        }
        foreach (ProbeLayer layer in layers)
            yield return [layer];
    }

    private static List<ProbeLayer> Find(IReadOnlyList<LayerInfo> layers)
    {
        var found = new List<ProbeLayer>();
        for (int i = 0; i < layers.Count; i++)
        {
            string prefix = FormattableString.Invariant($"{i}.");
            LayerInfo layer = layers[i];
            if (layer.Type == "residual")
                (layer, prefix) = (layer.Inner!, prefix + "inner.");
            string[] suffixes = layer.Type == "bidirectional" ? ["", "_reverse"] : [""];
            LayerInfo cell = RecurrentInfo.IsRecurrent(layer) ? layer : layer.Inner ?? layer;
            string? gates = cell.Type switch
            {
                "lstm" => GateOrder.Lstm,
                "gru" => GateOrder.Gru,
                "rnn" => GateOrder.Rnn,
                "linear" when cell.Input == cell.Output => "", // another shape would tell
                _ => null,
            };
            if (gates != null)
                found.Add(new ProbeLayer(i, prefix, suffixes, gates, cell.Hidden ?? 0));
        }
        return found;
    }

    private static string Place(List<ProbeLayer> group)
    {
        string numbers = string.Join(", ", group.Select(layer => layer.Index));
        int last = numbers.LastIndexOf(", ", StringComparison.Ordinal);
        return last < 0 ? $"layer {numbers}" : $"layers {numbers[..last]} and {numbers[(last + 2)..]}";
    }

    /// <summary>Every other order of the letters.</summary>
    private static IEnumerable<string> Orders(string letters)
    {
        List<string> orders = [""];
        for (int i = 0; i < letters.Length; i++)
            orders = [.. orders.SelectMany(order => letters.Where(letter => !order.Contains(letter, StringComparison.Ordinal)).Select(letter => order + letter))];
        return orders.Where(order => order.Length > 1 && order != letters);
    }

    private static string Spaced(string gates) => string.Join(' ', gates.AsEnumerable());
}

/// <summary>A layer whose weights may have been mistaken.</summary>
/// <param name="Index">Of the outermost layer.</param>
/// <param name="Prefix">Of its parameters' names.</param>
/// <param name="Suffixes">Of its directions.</param>
/// <param name="Gates">In the engine's order; empty for a linear layer.</param>
/// <param name="Hidden">Units.</param>
internal sealed record ProbeLayer(int Index, string Prefix, string[] Suffixes, string Gates, int Hidden);

/// <summary>A model's weights, changed on trial and put back.</summary>
internal sealed class ProbeWeights(Sequential model)
{
    private readonly Dictionary<string, Parameter> _parameters = model.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _originals = new(StringComparer.Ordinal);

    /// <summary>Puts back what was changed.</summary>
    public void Restore()
    {
        foreach ((string name, float[] values) in _originals)
            _parameters[name].Write(values);
        _originals.Clear();
    }

    /// <summary>As if the file had the gates in another order.</summary>
    public void Reorder(ProbeLayer layer, string order)
    {
        foreach (string suffix in layer.Suffixes)
        {
            foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ln_ih_l0", "weight_ln_hh_l0"])
                Change(layer.Prefix + name + suffix, values => GateOrder.Rows(values, layer.Hidden, values.Length / (layer.Hidden * order.Length), order, layer.Gates));
            string peepholes = order.Replace("g", "", StringComparison.Ordinal);
            Change(layer.Prefix + "weight_peephole_l0" + suffix, values => GateOrder.Rows(values, layer.Hidden, 1, peepholes, GateOrder.Peepholes));
        }
    }

    /// <summary>The matrix, or that of every gate, the other way; where it is square, so that no shape would tell.</summary>
    public void Transpose(ProbeLayer layer, string name, string gates)
    {
        foreach (string suffix in layer.Suffixes)
        {
            Change(layer.Prefix + name + suffix, values =>
            {
                int[] shape = [.. _parameters[layer.Prefix + name + suffix].Shape];
                int blocks = Math.Max(1, gates.Length), size = shape[1];
                if (shape[0] == size)
                    return GateOrder.Transposed(values, size, size);
                if (shape[0] != blocks * size)
                    return values;
                var result = new float[values.Length];
                for (int i = 0; i < blocks; i++)
                    GateOrder.Transposed(values.AsSpan(i * size * size, size * size), size, size).CopyTo(result, i * size * size);
                return result;
            });
        }
    }

    public void Exchange(ProbeLayer layer, string one, string other)
    {
        foreach (string suffix in layer.Suffixes)
            Exchange(layer.Prefix + one + suffix, layer.Prefix + other + suffix);
    }

    public void ExchangeDirections(ProbeLayer layer)
    {
        foreach (string name in _parameters.Keys.Where(name => name.StartsWith(layer.Prefix, StringComparison.Ordinal) && !name.EndsWith("_reverse", StringComparison.Ordinal)).ToList())
            Exchange(name, name + "_reverse");
    }

    /// <summary>σ(−a) = 1 − σ(a).</summary>
    public void NegateUpdate(ProbeLayer layer)
    {
        foreach (string suffix in layer.Suffixes)
        {
            foreach (string name in (string[])["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
            {
                Change(layer.Prefix + name + suffix, values =>
                {
                    GateOrder.Negate(values, layer.Hidden, values.Length / (layer.Hidden * layer.Gates.Length), layer.Gates, 'z');
                    return values;
                });
            }
        }
    }

    private void Exchange(string one, string other)
    {
        float[] values = Read(other);
        Change(other, _ => Read(one));
        Change(one, _ => values);
    }

    private float[] Read(string name)
    {
        var values = new float[_parameters[name].Length];
        _parameters[name].Read(values);
        return values;
    }

    /// <summary>Writes what is made of a parameter's values, if there is such a parameter.</summary>
    private void Change(string name, Func<float[], float[]> change)
    {
        if (!_parameters.TryGetValue(name, out Parameter? parameter))
            return;
        float[] values = Read(name);
        _originals.TryAdd(name, [.. values]);
        parameter.Write(change(values));
    }
}
