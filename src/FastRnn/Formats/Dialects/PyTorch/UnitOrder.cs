namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>The parameters of a layer, by the names that they have within it.</summary>
internal static class LayerParameters
{
    public static bool HasWeights(LayerInfo layer) =>
        layer.Type is "embedding" or "lstm" or "gru" or "rnn" or "linear" or "layer_normalization" or "bidirectional" or "go_backwards" || (layer.Type == "residual" && HasWeights(layer.Inner!));

    /// <summary>Of a layer alone, with its place, 0, before their names.</summary>
    public static List<ParameterShape> Of(LayerInfo layer, string? path)
    {
        try
        {
            return Architecture.Check([layer]);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFormatException(e.Message, -1, path, e);
        }
    }

    /// <summary>A parameter's name within its layer.</summary>
    public static string Own(string parameter) => parameter[2..];

    /// <summary>A parameter's name within PyTorch's module.</summary>
    public static string Leaf(string parameter) => Own(parameter).StartsWith("inner.", StringComparison.Ordinal) ? Own(parameter)[6..] : Own(parameter);
}

/// <summary>Finds which module is which of the layers that somebody has named.</summary>
internal sealed class UnitOrder(IReadOnlyList<StateModule> modules, LayerNames named, bool isOrdered, string? path)
{
    private const int MostTries = 20_000;

    private readonly List<ParameterShape>[] _parameters = [.. named.Layers.Where(LayerParameters.HasWeights).Select(layer => LayerParameters.Of(layer, path))];
    private readonly List<StateModule[]> _found = [];
    private int _tries;

    public IReadOnlyList<StateUnit> Find()
    {
        if (named.Modules is { } order)
            return Units(Ordered(order));
        if (isOrdered)
            return Units(modules);
        Search([], 0);
        if (_found.Count == 0)
            throw Fail("the named layers");
        return _found.Count == 1
            ? Units(_found[0])
            : throw new ModelFormatException(
                $"the modules are the named layers in the order {Names(_found[0])} and in the order {Names(_found[1])}: name them as \"modules\" beside the layers", modules[0].First.Offset, path);
    }

    private StateModule[] Ordered(IReadOnlyList<string> order)
    {
        var ordered = order.Select(name => modules.FirstOrDefault(module => module.Name == name)
            ?? throw new ModelFormatException($"the file has no module {ModelFormatException.Quote(name)}", 0, path)).Distinct().ToArray();
        return ordered.Length == modules.Count ? ordered : throw new ModelFormatException($"{ordered.Length} modules are named, the file has {modules.Count}", 0, path);
    }

    private StateUnit[] Units(IReadOnlyList<StateModule> order)
    {
        StateUnit[] units = [.. order.SelectMany(module => Enumerable.Range(0, module.Layers).Select(layer => new StateUnit(module, layer)))];
        return units.Length == _parameters.Length ? units : throw Fail($"the {_parameters.Length} named layers with weights: they have {units.Length}");
    }

    private void Search(List<StateModule> placed, int layer)
    {
        if (placed.Count == modules.Count && layer == _parameters.Length)
            _found.Add([.. placed]);
        foreach (StateModule module in modules)
        {
            if (_found.Count > 1 || placed.Contains(module) || layer + module.Layers > _parameters.Length)
                continue;
            if (++_tries > MostTries)
                throw Fail("the named layers in any order that was tried");
            bool fits = true;
            for (int k = 0; k < module.Layers && fits; k++)
                fits = Fits(_parameters[layer + k], new StateUnit(module, k));
            if (!fits)
                continue;
            placed.Add(module);
            Search(placed, layer + module.Layers);
            placed.RemoveAt(placed.Count - 1);
        }
    }

    private static bool Fits(List<ParameterShape> parameters, StateUnit unit)
    {
        int used = 0;
        foreach (ParameterShape parameter in parameters)
        {
            string leaf = LayerParameters.Leaf(parameter.Name);
            StateTensor? tensor = unit.Find(leaf);
            if (tensor == null ? !leaf.StartsWith("bias", StringComparison.Ordinal) : !tensor.Shape.AsSpan().SequenceEqual(parameter.Shape))
                return false;
            used += tensor == null ? 0 : 1;
        }
        return used == unit.Count;
    }

    private static string Names(StateModule[] order) => string.Join(", ", order.Select(module => module.Quoted));

    private ModelFormatException Fail(string what) => new($"the modules {string.Join(", ", modules.Take(8).Select(module => module.Quoted))} are not {what}", modules[0].First.Offset, path);
}
