using System.Text;

namespace FastRnn.Formats.Dialects.PyTorch;

/// <summary>A PyTorch state_dict: finds its modules, their order and their layers, and brings them into a model. PyTorch's gates and matrices are the engine's own.</summary>
internal sealed class StateDict
{
    private readonly List<StateModule> _modules = [];
    private readonly ImportOptions _options;
    private readonly string? _path;
    private readonly bool _isOrdered;

    /// <param name="tensors">The entries.</param>
    /// <param name="isOrdered">Whether they come in the order in which their modules were made.</param>
    /// <param name="options">What shapes do not tell.</param>
    /// <param name="path">For messages.</param>
    public StateDict(IEnumerable<StateTensor> tensors, bool isOrdered, ImportOptions options, string? path)
    {
        (_isOrdered, _options, _path) = (isOrdered, options, path);
        var byName = new Dictionary<string, StateModule>(StringComparer.Ordinal);
        UInt128 bytes = 0;
        int count = 0;
        foreach (StateTensor tensor in tensors)
        {
            Check(tensor, ++count);
            bytes += tensor.Shape.Aggregate((UInt128)sizeof(float), (product, size) => product * (UInt128)size);
            if (bytes > (UInt128)options.Limits.TensorBytes)
                throw new ModelFormatException($"more than the limit of {options.Limits.TensorBytes} bytes of weights", tensor.Offset, path);
            int point = tensor.Name.LastIndexOf('.');
            string name = point < 0 ? "" : tensor.Name[..point];
            if (!byName.TryGetValue(name, out StateModule? module))
            {
                byName.Add(name, module = new(name, path));
                _modules.Add(module);
                if (_modules.Count > Architecture.MaxLayers)
                    throw new ModelFormatException($"more than {Architecture.MaxLayers} modules", tensor.Offset, path);
            }
            module.Add(tensor.Name[(point + 1)..], tensor);
        }
        if (_modules.Count == 0)
            throw new ModelFormatException("the file has no arrays", 0, path);
        foreach (StateModule module in _modules)
            CheckKind(module);
    }

    /// <summary>The layers that shapes and names tell.</summary>
    public List<DraftLayer> Infer()
    {
        var order = new ModuleOrder(_modules, _options, _path);
        var layers = new List<DraftLayer>();
        foreach (PlacedModule placed in _isOrdered ? order.AsGiven() : order.Find())
        {
            for (int k = 0; k < placed.Layers.Count; k++)
                layers.Add(Fill(placed.Layers[k], new StateUnit(placed.Module, k)));
        }
        return layers;
    }

    /// <summary>The layers that somebody has named.</summary>
    public List<DraftLayer> As(LayerNames named)
    {
        IReadOnlyList<StateUnit> units = new UnitOrder(_modules, named, _isOrdered, _path).Find();
        var layers = new List<DraftLayer>();
        int next = 0;
        foreach (LayerInfo layer in named.Layers)
            layers.Add(LayerParameters.HasWeights(layer) ? Fill(layer, units[next++]) : new DraftLayer(layer));
        return layers;
    }

    private void Check(StateTensor tensor, int count)
    {
        if (count > _options.Limits.Tensors)
            throw new ModelFormatException($"more than {_options.Limits.Tensors} tensors", tensor.Offset, _path);
        if (Encoding.UTF8.GetByteCount(tensor.Name) > _options.Limits.NameBytes)
            throw new ModelFormatException($"a tensor's name is longer than {_options.Limits.NameBytes} bytes", tensor.Offset, _path);
    }

    private static void CheckKind(StateModule module)
    {
        if (module.IsRecurrent)
        {
            if (module.Tensors.TryGetValue("weight", out StateTensor? own) || module.Tensors.TryGetValue("bias", out own))
                throw module.Fail($"{own.Quoted} stands beside the weights of a recurrent layer", own);
            for (int k = 0; k < module.Layers; k++)
                CheckLayer(module, new StateUnit(module, k));
            return;
        }
        if (!module.IsMatrix && !module.IsNorm)
            throw module.Fail($"{module.First.Quoted}: module {module.Quoted} is no recurrent, linear or embedding layer and no layer normalisation", module.First);
    }

    private static void CheckLayer(StateModule module, StateUnit unit)
    {
        module.Matrix(unit.Leaf("weight_ih_l0"));
        module.Matrix(unit.Leaf("weight_hh_l0"));
        bool projected = module.Tensors.ContainsKey("weight_hr_l0");
        foreach (string leaf in (string[])["weight_ih_l0_reverse", "weight_hh_l0_reverse"])
        {
            if (unit.Find(leaf) == null && module.IsBidirectional)
                throw module.Fail($"module {module.Quoted} lacks {unit.Leaf(leaf)}", module.First);
        }
        if (unit.Find("weight_hr_l0") == null && projected)
            throw module.Fail($"module {module.Quoted} lacks {unit.Leaf("weight_hr_l0")}", module.First);
    }

    /// <summary>A layer's arrays: every parameter that it has, and nothing else of the unit.</summary>
    private DraftLayer Fill(LayerInfo info, StateUnit unit)
    {
        var layer = new DraftLayer(info);
        int used = 0;
        foreach (ParameterShape parameter in LayerParameters.Of(info, _path))
        {
            string leaf = LayerParameters.Leaf(parameter.Name);
            if (unit.Find(leaf) is not { } tensor)
            {
                layer.Weights.Add(Missing(parameter, leaf, unit));
                continue;
            }
            used++;
            if (!tensor.Shape.AsSpan().SequenceEqual(parameter.Shape))
                throw unit.Module.Fail($"{tensor.Quoted} is {SafetensorsTensor.ShapeText(tensor.Shape)}, the layer needs {SafetensorsTensor.ShapeText(parameter.Shape)}", tensor);
            layer.Weights.Add(new(LayerParameters.Own(parameter.Name), tensor.Rows, tensor.Columns, tensor.Read, tensor.Name, tensor.Offset));
        }
        if (used != unit.Count)
            throw unit.Module.Fail($"module {unit.Module.Quoted} has {unit.Count} arrays for {info}, which has {used} of them", unit.Module.First);
        return layer;
    }

    /// <summary>Modules can be made without biases, which are zeros then.</summary>
    private static DraftWeights Missing(ParameterShape parameter, string leaf, StateUnit unit) => leaf.StartsWith("bias", StringComparison.Ordinal)
        ? DraftWeights.Zeros(LayerParameters.Own(parameter.Name), parameter.Shape[0])
        : throw unit.Module.Fail($"module {unit.Module.Quoted} lacks {unit.Leaf(leaf)}", unit.Module.First);
}
