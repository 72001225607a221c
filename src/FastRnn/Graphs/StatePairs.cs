using System.Text.RegularExpressions;

namespace FastRnn.Graphs;

/// <summary>
/// Finds the inputs of a graph that take what outputs have given in the step before. First by name: words that only tell in from out – <c>in, out, initial,
/// final, prev, next, …</c> – are left away, h0 and hn count as h, and what is left must be equal, the type and shape fit. Where all inputs or outputs would
/// be taken, only names with a word for a state – h, c, state, hidden, cell, … – count. Where names tell nothing and there are as many inputs as outputs,
/// two at least, by order: the first ones are data, every other input goes with the output of the same place, if all of these fit.
/// </summary>
internal static partial class StatePairs
{
    private static readonly HashSet<string> _directions = new(StringComparer.Ordinal)
    {
        "in", "out", "input", "output", "inputs", "outputs", "initial", "init", "final", "prev", "previous", "next", "new", "last", "old", "past", "present", "updated",
    };

    private static readonly HashSet<string> _stateWords = new(StringComparer.Ordinal)
    {
        "h", "c", "state", "states", "hidden", "cell", "memory", "cache", "carry", "hx", "cx", "hc",
    };

    /// <summary>Places of inputs and the outputs that belong to them; none where the graph shows no states.</summary>
    public static List<(int Input, int Output)> Find(IReadOnlyList<GraphValue> inputs, IReadOnlyList<GraphValue> outputs)
    {
        List<(int Input, int Output)> pairs = ByName(inputs, outputs, static _ => true);
        if (pairs.Count == inputs.Count || pairs.Count == outputs.Count)
            pairs = ByName(inputs, outputs, static key => key.Split(' ').Any(_stateWords.Contains));
        if (pairs.Count > 0)
            return pairs.Count < inputs.Count && pairs.Count < outputs.Count ? pairs : [];
        for (int i = 1; i < inputs.Count && inputs.Count == outputs.Count; i++)
        {
            if (!Fits(inputs[i], outputs[i]))
                return [];
            pairs.Add((i, i));
        }
        return pairs;
    }

    /// <summary>Whether an output may be the next step's input.</summary>
    public static bool Fits(GraphValue input, GraphValue output)
    {
        if (input.Type != output.Type || !input.Type.IsFloat() || (input.Shape != null && output.Shape != null && input.Shape.Count != output.Shape.Count))
            return false;
        for (int i = 0; input.Shape != null && output.Shape != null && i < input.Shape.Count; i++)
        {
            if (!input.Shape[i].IsOpen && !output.Shape[i].IsOpen && input.Shape[i].Size != output.Shape[i].Size)
                return false;
        }
        return true;
    }

    private static List<(int Input, int Output)> ByName(IReadOnlyList<GraphValue> inputs, IReadOnlyList<GraphValue> outputs, Func<string, bool> counts)
    {
        var pairs = new List<(int Input, int Output)>();
        string[] left = [.. inputs.Select(value => Key(value.Name))], right = [.. outputs.Select(value => Key(value.Name))];
        for (int i = 0; i < left.Length; i++)
        {
            if (!left[i].Any(char.IsAsciiLetter) || !counts(left[i]) || left.Count(key => key == left[i]) > 1 || right.Count(key => key == left[i]) != 1)
                continue;
            int output = Array.IndexOf(right, left[i]);
            if (Fits(inputs[i], outputs[output]))
                pairs.Add((i, output));
        }
        return pairs;
    }

    private static string Key(string name)
    {
        var words = new List<string>();
        foreach (Match match in Word().Matches(name))
        {
            string word = match.Value.ToLowerInvariant();
            word = word is "h0" or "hn" or "ht" ? "h" : word is "c0" or "cn" or "ct" ? "c" : word;
            // h_0 and h_n are h0 and hn; a number elsewhere tells one layer from the other.
            if (_directions.Contains(word) || (word is "0" or "n" && words.Count > 0 && words[^1] is "h" or "c"))
                continue;
            words.Add(word);
        }
        return string.Join(' ', words);
    }

    [GeneratedRegex("[A-Z]?[a-z0-9]+|[A-Z0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
