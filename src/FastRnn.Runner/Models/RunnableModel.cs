using System.Globalization;
using FastRnn.Formats;
using FastRnn.Formats.Dialects;
using FastRnn.Graphs;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>A model of any kind as inputs and outputs with names. A stack of layers has one of each, <c>input</c> and <c>output</c>, time first.</summary>
internal sealed class RunnableModel
{
    private readonly GraphModel? _graph;
    private readonly Sequential? _layers;

    public RunnableModel(ImportedModel model)
        : this(model.Graph, model.Sequential)
    {
    }

    public RunnableModel(GraphModel graph)
        : this(graph, null)
    {
    }

    public RunnableModel(Sequential layers)
        : this(null, layers)
    {
    }

    private RunnableModel(GraphModel? graph, Sequential? layers)
    {
        (_graph, _layers) = (graph, layers);
        GraphDimension time = new(-1, "time"), batch = new(-1, "batch");
        Inputs = graph?.Inputs ?? [layers!.TakesTokens
            ? new GraphValue("input", ElementType.Int64, [time, batch])
            : new GraphValue("input", ElementType.Float32, [time, batch, new GraphDimension(layers.InputSize)])];
        Outputs = graph?.Outputs ?? [new GraphValue("output", ElementType.Float32, [time, batch, new GraphDimension(layers!.OutputSize)])];
    }

    public IReadOnlyList<GraphValue> Inputs { get; }

    public IReadOnlyList<GraphValue> Outputs { get; }

    /// <summary>One tensor for each input, in order; one for each output.</summary>
    /// <exception cref="ArgumentException">A tensor is not of the input's type or shape.</exception>
    /// <exception cref="GraphException">A node cannot compute these shapes.</exception>
    public GraphTensor[] Run(IReadOnlyList<GraphTensor> inputs)
    {
        GraphTensor[] fitted = [.. inputs.Select((tensor, i) => Fit(tensor, Inputs[i]))];
        return _graph != null ? _graph.Run(fitted) : [Predict(fitted[0])];
    }

    /// <summary>
    /// A tensor of fewer dimensions than an input – rows of CSV, a sequence without its batch of one – with a 1 where the input has a 1, or a batch of any
    /// size; otherwise as it is.
    /// </summary>
    private static GraphTensor Fit(GraphTensor tensor, GraphValue input)
    {
        int[] shape = tensor.Shape.ToArray();
        if (input.Shape is not { } wanted || wanted.Count == shape.Length)
            return tensor;
        var fitted = new List<int>(shape);
        for (int i = 0; i < wanted.Count && fitted.Count < wanted.Count; i++)
        {
            if (wanted[i].Size == 1 || IsBatch(wanted[i]))
                fitted.Insert(Math.Min(i, fitted.Count), 1);
        }
        for (int i = fitted.Count - 1; i >= 0 && fitted.Count > wanted.Count; i--)
        {
            if (fitted[i] == 1)
                fitted.RemoveAt(i);
        }
        if (fitted.Count != wanted.Count)
            return tensor;
        var view = new GraphTensor(tensor.Type, 0);
        view.Borrow(tensor, [.. fitted]);
        return view;
    }

    private static bool IsBatch(GraphDimension size) =>
        size is { IsOpen: true, Symbol: { } name } && (name == "N" || name.Contains("batch", StringComparison.OrdinalIgnoreCase));

    private GraphTensor Predict(GraphTensor input)
    {
        Sequential layers = _layers!;
        GraphValue wanted = Inputs[0];
        int rank = wanted.Shape!.Count, features = layers.TakesTokens ? 0 : layers.InputSize;
        bool fits = input.Type == wanted.Type && input.Shape.Length == rank && input.Shape[0] > 0 && input.Shape[1] > 0 && (rank == 2 || input.Shape[2] == features);
        if (!fits)
            throw new ArgumentException($"input 'input' is {SafeText.Shape(input.Shape)} of {input.Type.Name()}, the model takes {GraphText.Shape(wanted)} of {wanted.Type.Name()}");
        var window = new SequenceChunk(input.Shape[0], input.Shape[1], features, 1);
        if (features > 0)
            input.Values<float>().CopyTo(window.InputValues);
        for (int i = 0; features == 0 && i < window.Inputs.Length; i++)
        {
            long token = input.Values<long>()[i];
            window.Inputs[i] = token >= 0 && token < layers.InputSize ? (int)token : throw new ArgumentException($"input 'input' has the token {token}, the model knows 0 to {layers.InputSize - 1}");
        }
        var output = new GraphTensor(ElementType.Float32, input.Shape[0], input.Shape[1], layers.OutputSize);
        layers.Predict(window, output.Values<float>());
        return output;
    }
}

/// <summary>Inputs and outputs as text.</summary>
internal static class GraphText
{
    /// <summary>For example <c>input float32 [time, batch, 7]</c>.</summary>
    public static string Value(GraphValue value) => $"{Plain(value.Name)} {value.Type.Name()} {Shape(value)}";

    public static string Shape(GraphValue value) =>
        value.Shape == null ? "of any shape" : $"[{string.Join(", ", value.Shape.Select(size => size.Symbol is { } name && size.IsOpen ? Plain(name) : size.ToString()))}]";

    /// <summary>A name out of a file without quotes where it needs none.</summary>
    public static string Plain(string name)
    {
        string quoted = ModelFormatException.Quote(name);
        return name.Length > 0 && quoted.AsSpan(1, quoted.Length - 2).SequenceEqual(name) && !name.Contains(' ', StringComparison.Ordinal) ? name : quoted;
    }

    /// <summary>Text that names out of a file may be part of: it stays on its line and does not steer the terminal, in letters of any script.</summary>
    public static string Line(string text)
    {
        static bool Steers(char c) => char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
        return text.Any(Steers) ? string.Concat(text.Select(c => Steers(c) ? $"\\u{(int)c:x4}" : $"{c}")) : text;
    }

    /// <summary>Indices of an element, for example <c>[0, 3]</c>.</summary>
    public static string Place(ReadOnlySpan<int> shape, int element)
    {
        var place = new int[shape.Length];
        for (int axis = shape.Length - 1; axis >= 0; axis--)
            (element, place[axis]) = Math.DivRem(element, Math.Max(1, shape[axis]));
        return SafeText.Shape(place);
    }
}
