namespace FastRnn.Formats;

/// <summary>Layers in the text of an architecture.</summary>
internal static class LayerJson
{
    public static JsonObject Write(LayerInfo layer) => new(fields => fields
        .Add(layer.Type).AddKnown(layer.Vocabulary).AddKnown(layer.Size).AddKnown(layer.Input).AddKnown(layer.Hidden).AddKnown(layer.Output)
        .AddKnown(layer.Activation).AddKnown(layer.Rate).AddKnown(layer.Variational).AddKnown(layer.WeightDrop)
        .AddKnown(layer.L1).AddKnown(layer.L2).AddKnown(layer.Temporal).AddKnown(layer.Epsilon).AddKnown(layer.Value).AddKnown(layer.Merge).AddKnown(layer.LastStep)
        .AddKnown(layer.Inner is { } inner ? Write(inner) : null, "inner")
        .AddKnown(layer.ResetBefore).AddKnown(layer.GateActivation).AddKnown(layer.CandidateActivation).AddKnown(layer.OutputActivation)
        .AddKnown(layer.Peepholes).AddKnown(layer.Projection).AddKnown(layer.CoupledGates).AddKnown(layer.GateClip).AddKnown(layer.CellClip)
        .AddKnown(layer.LayerNorm).AddKnown(layer.RecurrentDropout).AddKnown(layer.Zoneout).AddKnown(layer.CellZoneout));

    public static LayerInfo Read(JsonValue json) => json.Record(fields => new LayerInfo
    {
        Type = fields.Required("type").String(),
        Vocabulary = fields.Optional("vocabulary")?.Int32(),
        Size = fields.Optional("size")?.Int32(),
        Input = fields.Optional("input")?.Int32(),
        Hidden = fields.Optional("hidden")?.Int32(),
        Output = fields.Optional("output")?.Int32(),
        Activation = fields.Optional("activation")?.String(),
        Rate = fields.Optional("rate")?.Single(),
        Variational = fields.Optional("variational")?.Boolean(),
        WeightDrop = fields.Optional("weight_drop")?.Single(),
        L1 = fields.Optional("l1")?.Single(),
        L2 = fields.Optional("l2")?.Single(),
        Temporal = fields.Optional("temporal")?.Single(),
        Epsilon = fields.Optional("epsilon")?.Single(),
        Value = fields.Optional("value")?.Single(),
        Merge = fields.Optional("merge")?.String(),
        LastStep = fields.Optional("last_step")?.Boolean(),
        Inner = fields.Optional("inner") is { } inner ? Read(inner) : null,
        ResetBefore = fields.Optional("reset_before")?.Boolean(),
        GateActivation = fields.Optional("gate_activation")?.String(),
        CandidateActivation = fields.Optional("candidate_activation")?.String(),
        OutputActivation = fields.Optional("output_activation")?.String(),
        Peepholes = fields.Optional("peepholes")?.Boolean(),
        Projection = fields.Optional("projection")?.Int32(),
        CoupledGates = fields.Optional("coupled_gates")?.Boolean(),
        GateClip = fields.Optional("gate_clip")?.Single(),
        CellClip = fields.Optional("cell_clip")?.Single(),
        LayerNorm = fields.Optional("layer_norm")?.Boolean(),
        RecurrentDropout = fields.Optional("recurrent_dropout")?.Single(),
        Zoneout = fields.Optional("zoneout")?.Single(),
        CellZoneout = fields.Optional("cell_zoneout")?.Single(),
    });
}
