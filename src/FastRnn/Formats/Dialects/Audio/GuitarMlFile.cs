using FastRnn.Formats.Dialects.PyTorch;

namespace FastRnn.Formats.Dialects.Audio;

/// <summary>
/// A PyTorch state_dict as JSON: RTNeural's, whose modules follow each other in the order of the file, and that of GuitarML, Proteus and AIDA's trainers, which say in
/// <c>model_data</c> what <c>rec</c> and <c>lin</c> are, and whether the input is added to the output.
/// </summary>
internal static class GuitarMlFile
{
    private static readonly string[] _said = ["model", "input_size", "skip", "output_size", "unit_type", "num_layers", "hidden_size", "bias_fl"];

    public static void Read(JsonTree root, ModelDraft draft, ImportOptions options, string? path)
    {
        JsonTree? data = root.Field("model_data");
        JsonTree state = root.Field("state_dict") ?? root;
        if (data != null && state == root)
            throw root.Fail("lacks 'state_dict'");
        foreach ((string name, JsonTree value) in root.Fields)
        {
            if (value != state && value != data && state != root)
                value.Describe(name, draft.Metadata);
        }
        var tensors = new List<StateTensor>();
        foreach ((string name, JsonTree value) in state.Fields)
        {
            if (value.Kind is not (JsonTreeKind.Tensor or JsonTreeKind.List) && state == root)
                value.Describe(name, draft.Metadata);
            else if (value.Kind != JsonTreeKind.Tensor)
                throw value.Fail($"{ModelFormatException.Quote(name)} must be an array of numbers, its rows of equal length");
            else
                tensors.Add(new(name, value.Shape, value.Offset, () => value.Values));
        }
        if (tensors.Count == 0)
            throw state.Fail("no layers, no architecture and no arrays of weights");
        options = data == null ? options : options with { RnnActivation = "tanh" }; // that of nn.RNN
        IEnumerable<StateTensor> ordered = data == null ? tensors : tensors.OrderBy(tensor => tensor.Name.StartsWith("lin.", StringComparison.Ordinal)); // stable
        var dict = new StateDict(ordered, isOrdered: true, options, path);
        List<DraftLayer> layers = data == null && LayerNames.Beside(null, options) is { } named ? dict.As(named) : dict.Infer();
        if (data != null)
            Compare(data, layers);
        if (data?.Field("skip") is { } skip && skip.Integer(0, Architecture.MaxHidden) is > 0 and var features && InputSkip.Wire(layers, features) is { } problem)
            throw skip.Fail(problem);
        if (options.OutputActivation is { } function)
            layers.Add(new(NamedFunctions.Output(function, path)));
        DraftLayer.AddTo(draft, layers);
        Tell(data, draft);
    }

    /// <summary>What is said must be what the arrays are.</summary>
    private static void Compare(JsonTree data, List<DraftLayer> layers)
    {
        if (data.Field("model") is { } model && model.Text() != "SimpleRNN")
            throw model.Fail($"the model {ModelFormatException.Quote(model.Text())} is not supported; SimpleRNN is");
        LayerInfo first = layers[0].Info, last = layers[^1].Info;
        JsonTree type = data.Required("unit_type");
        if (!type.Text().Equals(first.Type, StringComparison.OrdinalIgnoreCase))
            throw type.Fail($"unit_type is {ModelFormatException.Quote(type.Text())}, the arrays are those of {first.Type}");
        if (last.Type != "linear")
            throw data.Fail("the arrays have no linear layer at the end");
        if (first.Type is not ("lstm" or "gru" or "rnn"))
            throw type.Fail($"unit_type is {ModelFormatException.Quote(type.Text())}, the arrays begin with {first.Type}; lstm, gru and rnn are read");
        Expect(data, "hidden_size", first.Hidden!.Value, required: true);
        Expect(data, "input_size", first.Input!.Value, required: false);
        Expect(data, "output_size", last.Output!.Value, required: false);
        Expect(data, "num_layers", layers.Count - 1, required: false);
    }

    private static void Expect(JsonTree data, string name, int actual, bool required)
    {
        JsonTree? said = required ? data.Required(name) : data.Field(name);
        if (said != null && said.Integer(1, Architecture.MaxHidden) != actual)
            throw said.Fail($"{name} is {said.Raw()}, the arrays have {actual}");
    }

    private static void Tell(JsonTree? data, ModelDraft draft)
    {
        foreach ((string name, JsonTree value) in data?.Fields ?? [])
        {
            if (!_said.Contains(name))
                value.Describe(name, draft.Metadata);
        }
    }
}
