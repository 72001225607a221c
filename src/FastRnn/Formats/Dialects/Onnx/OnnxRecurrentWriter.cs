namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>Writes a recurrent layer, in whichever direction it reads, as one node RNN, GRU or LSTM and what brings its output to [time, batch, features].</summary>
internal sealed class OnnxRecurrentWriter(OnnxGraphBuilder graph, SafetensorsFile weights)
{
    public OnnxExportFlow Write(LayerInfo layer, OnnxExportPlace place, OnnxExportFlow x)
    {
        LayerInfo cell = layer.Inner ?? layer;
        Refuse(cell, place);
        bool both = layer.Type == "bidirectional", last = layer.LastStep == true;
        string direction = both ? "bidirectional" : layer.Type == "go_backwards" ? "reverse" : "forward";
        string y = Node(cell, place with { States = direction == "forward" ? place.States : null }, x.Name, direction, last);
        string merged = both ? Merge(layer, place, y, last) : last ? y : Squeeze(place, y);
        int width = cell.Hidden!.Value * (both && layer.Merge == "concat" ? 2 : 1);
        return last && !place.OneStep
            ? new OnnxExportFlow(AfterZeros(place, merged, x.Name), width, false)
            : new OnnxExportFlow(merged, width, last);
    }

    /// <summary>What none of the three operators has.</summary>
    private static void Refuse(LayerInfo cell, OnnxExportPlace place)
    {
        var lacking = new (string Name, bool Asked)[]
        {
            ("layer normalisation in the cell", cell.LayerNorm == true), ("a projected state", cell.Projection != null),
            ("a limit of the cell state", cell.CellClip != null), ("zoneout", cell.Zoneout != null || cell.CellZoneout != null),
        };
        foreach ((string name, bool asked) in lacking)
        {
            if (asked)
                throw OnnxLayerWriter.Refuse(cell, place, name);
        }
    }

    /// <summary>The node. Its output is Y [time, directions, batch, units], or Y_h [directions, batch, units] where the last step is all.</summary>
    private string Node(LayerInfo cell, OnnxExportPlace place, string x, string direction, bool last)
    {
        (string operation, string gates, string order) = cell.Type switch
        {
            "lstm" => ("LSTM", GateOrder.Lstm, GateOrder.OnnxLstm),
            "gru" => ("GRU", GateOrder.Gru, GateOrder.OnnxGru),
            _ => ("RNN", GateOrder.Rnn, GateOrder.Rnn),
        };
        (int hidden, int input) = (cell.Hidden!.Value, cell.Input!.Value);
        string[] suffixes = direction == "bidirectional" ? ["", "_reverse"] : [""];
        int directions = suffixes.Length, rows = gates.Length * hidden;
        float[] All(string from, string to, int columns, params string[] names) =>
            [.. suffixes.SelectMany(suffix => names.SelectMany(name => GateOrder.Rows(Weight(place, name + suffix), hidden, columns, from, to)))];

        string w = graph.Constant($"{place.Prefix}W", All(gates, order, input, "weight_ih_l0"), directions, rows, input);
        string r = graph.Constant($"{place.Prefix}R", All(gates, order, hidden, "weight_hh_l0"), directions, rows, hidden);
        string b = graph.Constant($"{place.Prefix}B", All(gates, order, 1, "bias_ih_l0", "bias_hh_l0"), directions, 2L * rows);
        string p = cell.Peepholes != true ? ""
            : graph.Constant($"{place.Prefix}P", All(GateOrder.Peepholes, GateOrder.OnnxPeepholes, 1, "weight_peephole_l0"), directions, 3L * hidden);
        (string h, string finalH) = place.States?.Add("h", place.Index, hidden) ?? ("", "");
        (string c, string finalC) = cell.Type == "lstm" ? place.States?.Add("c", place.Index, hidden) ?? ("", "") : ("", "");

        string y = graph.Unique($"{place.Prefix}Y{(last ? "_h" : "")}");
        string[] outputs = last ? ["", y] : Trimmed(y, finalH, finalC);
        graph.Add(place.Prefix + operation, operation, Trimmed(x, w, r, b, "", h, c, p), outputs, Attributes(cell, direction, directions));
        return y;
    }

    /// <summary>Names without the empty ones at the end.</summary>
    private static string[] Trimmed(params string[] names) => names[..(Array.FindLastIndex(names, name => name.Length > 0) + 1)];

    private static OnnxAttributeWriter[] Attributes(LayerInfo cell, string direction, int directions)
    {
        var attributes = new List<OnnxAttributeWriter> { OnnxAttributeWriter.Of("hidden_size", cell.Hidden!.Value) };
        if (direction != "forward")
            attributes.Add(OnnxAttributeWriter.Of("direction", direction));
        if (cell.Type == "gru" && cell.ResetBefore != true)
            attributes.Add(OnnxAttributeWriter.Of("linear_before_reset", 1L));
        if (cell.CoupledGates == true)
            attributes.Add(OnnxAttributeWriter.Of("input_forget", 1L));
        if (cell.GateClip is { } clip)
            attributes.Add(OnnxAttributeWriter.Of("clip", clip));
        AddActivations(attributes, cell, directions);
        return [.. attributes];
    }

    /// <summary>Functions where one is not the operator's own; their numbers follow in the order of those functions that have some.</summary>
    private static void AddActivations(List<OnnxAttributeWriter> attributes, LayerInfo cell, int directions)
    {
        string?[] functions = cell.Type switch
        {
            "lstm" => [cell.GateActivation ?? "sigmoid", cell.CandidateActivation ?? "tanh", cell.OutputActivation ?? "tanh"],
            "gru" => [cell.GateActivation ?? "sigmoid", cell.CandidateActivation ?? "tanh"],
            _ => [cell.Activation],
        };
        if (functions is ["sigmoid", "tanh", "tanh"] or ["sigmoid", "tanh"] or ["tanh"])
            return;
        (List<string> names, List<float> alphas, List<float> betas) = ([], [], []);
        for (int direction = 0; direction < directions; direction++)
        {
            foreach (string? function in functions)
            {
                (string name, float? alpha, float? beta) = OnnxFunctions.Of(function!);
                names.Add(name);
                if (alpha is { } first)
                    alphas.Add(first);
                if (beta is { } second)
                    betas.Add(second);
            }
        }
        attributes.Add(OnnxAttributeWriter.Of("activations", [.. names]));
        if (alphas.Count > 0)
            attributes.Add(OnnxAttributeWriter.Of("activation_alpha", [.. alphas]));
        if (betas.Count > 0)
            attributes.Add(OnnxAttributeWriter.Of("activation_beta", [.. betas]));
    }

    /// <summary>[time, 1, batch, units] as [time, batch, units].</summary>
    private string Squeeze(OnnxExportPlace place, string y) => graph.Add($"{place.Prefix}Squeeze", "Squeeze", [y, graph.Shared("axis_1", 1)]);

    /// <summary>Both directions together: Y [time, 2, batch, units] or Y_h [2, batch, units] as [time or 1, batch, features].</summary>
    private string Merge(LayerInfo layer, OnnxExportPlace place, string y, bool last)
    {
        if (layer.Merge == "concat" && !last)
        {
            string swapped = graph.Add($"{place.Prefix}Transpose", "Transpose", [y], OnnxAttributeWriter.Of("perm", [0L, 2, 1, 3]));
            return graph.Add($"{place.Prefix}Reshape", "Reshape", [swapped, graph.Shared("shape_join", 0, 0, -1)]);
        }
        string[] parts = [graph.Unique($"{place.Prefix}forward"), graph.Unique($"{place.Prefix}backward")];
        graph.Add($"{place.Prefix}Split", "Split", [y], [.. parts], OnnxAttributeWriter.Of("axis", last ? 0L : 1L));
        if (!last)
            parts = Array.ConvertAll(parts, part => Squeeze(place, part));
        if (layer.Merge == "concat")
            return graph.Add($"{place.Prefix}Concat", "Concat", parts, OnnxAttributeWriter.Of("axis", -1L));
        string merged = graph.Add($"{place.Prefix}Merge", layer.Merge == "multiply" ? "Mul" : "Add", parts);
        return layer.Merge == "average" ? graph.Add($"{place.Prefix}Average", "Mul", [merged, graph.Constant($"{place.Prefix}half", [0.5f])]) : merged;
    }

    /// <summary>One step [1, batch, features] as the last of as many as <paramref name="x"/> has, the others zero.</summary>
    private string AfterZeros(OnnxExportPlace place, string step, string x)
    {
        string steps = graph.Add($"{place.Prefix}Shape", "Shape", [x], OnnxAttributeWriter.Of("start", 0L), OnnxAttributeWriter.Of("end", 1L));
        string before = graph.Add($"{place.Prefix}Sub", "Sub", [steps, graph.Shared("axis_1", 1)]);
        string pads = graph.Add($"{place.Prefix}Pads", "Concat", [before, graph.Shared("zeros_5", 0, 0, 0, 0, 0)], OnnxAttributeWriter.Of("axis", 0L));
        return graph.Add($"{place.Prefix}Pad", "Pad", [step, pads]);
    }

    private float[] Weight(OnnxExportPlace place, string name) => weights.Find(place.Prefix + name)!.Floats.ToArray();
}
