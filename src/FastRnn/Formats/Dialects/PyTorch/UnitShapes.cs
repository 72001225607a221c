namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>What a module's shapes tell of its layers.</summary>
internal static class UnitShapes
{
    /// <summary>The layers of a recurrent stack, in FastRnn's words.</summary>
    /// <param name="module">A recurrent one.</param>
    /// <param name="activation">Of simple recurrent cells.</param>
    public static List<LayerInfo> Recurrent(StateModule module, string? activation)
    {
        var layers = new List<LayerInfo>();
        for (int k = 0; k < module.Layers; k++)
        {
            var unit = new StateUnit(module, k);
            LayerInfo layer = Cell(unit, activation);
            layers.Add(module.IsBidirectional ? new LayerInfo { Type = "bidirectional", Inner = layer, Merge = "concat", LastStep = false } : layer);
        }
        return layers;
    }

    public static LayerInfo Linear(StateModule module)
    {
        StateTensor weight = module.Matrix("weight");
        return new LayerInfo { Type = "linear", Input = weight.Columns, Output = weight.Rows };
    }

    /// <summary>Of PyTorch's ε, which no state_dict tells, unless a sidecar does.</summary>
    public static LayerInfo Norm(StateModule module) => new() { Type = "layer_normalization", Size = module.Tensors["weight"].Rows, Epsilon = 1e-5f };

    public static LayerInfo Embedding(StateModule module)
    {
        StateTensor weight = module.Matrix("weight");
        return new LayerInfo { Type = "embedding", Vocabulary = weight.Rows, Size = weight.Columns };
    }

    /// <summary>The kind of cell is decided by the rows of its gates against its units.</summary>
    private static LayerInfo Cell(StateUnit unit, string? activation)
    {
        StateModule module = unit.Module;
        StateTensor input = module.Matrix(unit.Leaf("weight_ih_l0")), recurrent = module.Matrix(unit.Leaf("weight_hh_l0"));
        StateTensor? projection = unit.Find("weight_hr_l0");
        if ((unit.Find("weight_peephole_l0") ?? unit.Find("weight_ln_ih_l0")) is { } own)
            throw module.Fail($"{own.Quoted} is no parameter of PyTorch's: name the layers in a sidecar", own);
        int hidden = projection == null ? recurrent.Columns : projection.Columns;
        if (input.Rows != recurrent.Rows)
            throw module.Fail($"{recurrent.Quoted} has {recurrent.Rows} rows, {input.Quoted} {input.Rows}", recurrent);
        if (projection != null && (projection.Rows != recurrent.Columns || projection.Rows >= hidden))
            throw module.Fail($"{projection.Quoted} {SafetensorsTensor.ShapeText(projection.Shape)} does not project onto the {recurrent.Columns} columns of {recurrent.Quoted}", projection);
        int gates = input.Rows % hidden == 0 ? input.Rows / hidden : 0;
        if (gates is not (1 or 3 or 4) || (projection != null && gates != 4))
            throw module.Fail($"{input.Quoted} has {input.Rows} rows for {hidden} units: {(projection == null ? "an LSTM has 4 times as many, a GRU 3 times, a simple cell as many" : "an LSTM has 4 times as many")}", input);
        if (gates == 1 && activation == null)
            throw module.Fail($"{input.Quoted} is of a simple recurrent cell, whose function no shape tells: say it by --activation tanh or --activation relu", input);
        return new LayerInfo
        {
            Type = gates switch { 4 => "lstm", 3 => "gru", _ => "rnn" },
            Input = input.Columns,
            Hidden = hidden,
            Projection = projection?.Rows,
            Activation = gates == 1 ? NamedFunctions.OfCell(activation!, input.Offset, module.Path) : null,
        };
    }
}
