using System.Globalization;

namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>A module in its place: as which layers it is taken.</summary>
internal sealed record PlacedModule(StateModule Module, IReadOnlyList<LayerInfo> Layers);

/// <summary>
/// Finds the order in which modules follow each other. A state_dict in a safetensors file has none: the format's writers sort by name. Widths that fit in one order only
/// decide; names that end with numbers decide among their like; what remains open is asked for.
/// </summary>
internal sealed class ModuleOrder(IReadOnlyList<StateModule> modules, ImportOptions options, string? path)
{
    /// <summary>More are only taken in the order of their names: the number of orders grows faster than any patience.</summary>
    private const int MostSearched = 10, MostTries = 20_000;

    private readonly List<PlacedModule[]> _found = [];
    private readonly Dictionary<StateModule, PlacedModule[]> _readings = [];
    private int _tries;

    /// <summary>In the order given, as a file has it that keeps the order in which modules were made.</summary>
    public IReadOnlyList<PlacedModule> AsGiven() => Follow(modules) ?? throw Misfit("in the order of the file");

    /// <summary>From shapes and names.</summary>
    public IReadOnlyList<PlacedModule> Find()
    {
        StateModule[] named = [.. modules.OrderBy(module => module.Name, Comparer<string>.Create(Natural))];
        if (Array.TrueForAll(named, module => Number(module.Name) >= 0) && named.Select(module => Stem(module.Name)).Distinct().Count() == 1)
        {
            CheckGaps(named);
            return Follow(named) ?? throw Misfit("in the order of their numbers");
        }
        if (named.Length > MostSearched)
            return Follow(named) ?? throw Misfit("in the order of their names");
        Search(named, new bool[named.Length], [], -1);
        if (_found.Count == 0)
            throw Misfit("in any order");
        if (_found.Count > 1)
            throw Fail($"the modules {Names(_found[0])} fit together in another order, {Names(_found[1])}, or as other layers, too: name the layers in a sidecar");
        return _found[0];
    }

    /// <summary>Modules that fit one after the other, or null.</summary>
    private PlacedModule[]? Follow(IReadOnlyList<StateModule> order)
    {
        var placed = new List<PlacedModule>();
        int width = -1;
        for (int i = 0; i < order.Count; i++)
        {
            StateModule? next = i + 1 < order.Count ? order[i + 1] : null;
            PlacedModule[] fitting = [.. Readings(order[i], width).Where(reading => next == null || Readings(next, OutputOf(reading)).Any())];
            if (fitting.Length == 0)
                return null;
            if (fitting.Length > 1)
                throw Fail($"{fitting[0].Module.First.Quoted} may be an embedding or a linear layer: name the layers in a sidecar");
            placed.Add(fitting[0]);
            width = OutputOf(fitting[0]);
        }
        return [.. placed];
    }

    private void Search(StateModule[] named, bool[] used, List<PlacedModule> placed, int width)
    {
        if (placed.Count == named.Length)
            _found.Add([.. placed]);
        for (int i = 0; i < named.Length && _found.Count < 2; i++)
        {
            if (used[i] || Earlier(named, used, i))
                continue;
            if (++_tries > MostTries)
                throw Fail($"the order of {named.Length} modules is not to be found from their shapes: name the layers in a sidecar");
            used[i] = true;
            foreach (PlacedModule reading in Readings(named[i], width))
            {
                placed.Add(reading);
                Search(named, used, placed, OutputOf(reading));
                placed.RemoveAt(placed.Count - 1);
            }
            used[i] = false;
        }
    }

    /// <summary>Whether a module of the same name with a smaller number is still to come: lstm1 is before lstm2.</summary>
    private static bool Earlier(StateModule[] named, bool[] used, int index)
    {
        for (int i = 0; i < index; i++)
        {
            if (!used[i] && Stem(named[i].Name) == Stem(named[index].Name))
                return true;
        }
        return false;
    }

    /// <summary>What a module can be after a layer of that width; −1: it is the first.</summary>
    private IEnumerable<PlacedModule> Readings(StateModule module, int width)
    {
        if (!_readings.TryGetValue(module, out PlacedModule[]? readings))
            _readings.Add(module, readings = [.. AllReadings(module)]);
        bool named = module.Name.Contains("emb", StringComparison.OrdinalIgnoreCase);
        foreach (PlacedModule reading in readings)
        {
            bool isEmbedding = reading.Layers[0].Type == "embedding";
            if (width >= 0 ? !isEmbedding && Architecture.InputWidth(reading.Layers[0]) == width : isEmbedding || readings.Length == 1 || !named)
                yield return reading;
        }
    }

    private IEnumerable<PlacedModule> AllReadings(StateModule module)
    {
        if (module.IsRecurrent)
        {
            yield return new(module, UnitShapes.Recurrent(module, options.RnnActivation));
            yield break;
        }
        if (module.IsNorm)
        {
            yield return new(module, [UnitShapes.Norm(module)]);
            yield break;
        }
        yield return new(module, [UnitShapes.Linear(module)]);
        if (!module.Tensors.ContainsKey("bias"))
            yield return new(module, [UnitShapes.Embedding(module)]);
    }

    private static int OutputOf(PlacedModule placed) => Architecture.OutputWidth(placed.Layers);

    /// <summary>A number that is missing is a module without weights, perhaps a function.</summary>
    private void CheckGaps(StateModule[] named)
    {
        for (int i = 0; i < named.Length; i++)
        {
            int expected = i == 0 ? Math.Min(1, Number(named[0].Name)) : Number(named[i - 1].Name) + 1;
            if (Number(named[i].Name) != expected)
                throw Fail($"module {expected} before {named[i].Quoted} has no weights, so it may be any function: name the layers in a sidecar");
        }
    }

    private static string Names(PlacedModule[] order) => string.Join(", ", order.Select(placed => placed.Module.Quoted));

    private ModelFormatException Misfit(string how)
    {
        string names = string.Join(", ", modules.Take(8).Select(module => module.Quoted)) + (modules.Count > 8 ? ", …" : "");
        return Fail($"the modules {names} do not fit together {how}: name the layers in a sidecar");
    }

    private ModelFormatException Fail(string problem) => new(problem, modules[0].First.Offset, path);

    /// <summary>The number at the end of a name, −1 where there is none.</summary>
    private static int Number(string name) =>
        int.TryParse(name.AsSpan(Stem(name).Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;

    private static string Stem(string name) => name.TrimEnd(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);

    private static int Natural(string a, string b)
    {
        int order = string.CompareOrdinal(Stem(a), Stem(b));
        return order != 0 ? order : Number(a) != Number(b) ? Number(a).CompareTo(Number(b)) : string.CompareOrdinal(a, b);
    }
}
