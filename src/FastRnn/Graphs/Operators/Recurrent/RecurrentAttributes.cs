using FastRnn.Backends;

namespace FastRnn.Graphs.Operators;

/// <summary>What the attributes of an RNN, GRU or LSTM node say: a cell for each direction, and how arrays lie.</summary>
internal sealed class RecurrentAttributes
{
    /// <summary>Places of inputs.</summary>
    public const int X = 0, W = 1, R = 2, B = 3, Lengths = 4, InitialHidden = 5, InitialCell = 6, Peephole = 7;

    private const int FirstOpsetWithLayout = 14;

    public RecurrentAttributes(GraphNode node, CellKind kind)
    {
        bool lstm = kind == CellKind.Lstm;
        node.Arity(R + 1, lstm ? Peephole + 1 : InitialHidden + 1, lstm ? 3 : 2);
        string direction = node.Text("direction", "forward");
        Backwards = direction switch
        {
            "forward" => [false],
            "reverse" => [true],
            "bidirectional" => [false, true],
            _ => throw node.Error($"attribute direction is {SafeText.Quote(direction)}, not forward, reverse or bidirectional"),
        };
        BatchFirst = node.Opset >= FirstOpsetWithLayout && node.Flag("layout");
        Hidden = node.Has("hidden_size") ? Size(node, node.Integer("hidden_size", 0)) : null;
        CellType cell = new(kind)
        {
            GateClip = Clip(node),
            ResetBefore = kind == CellKind.Gru && !node.Flag("linear_before_reset"),
            Coupled = lstm && node.Flag("input_forget"),
            Peepholes = lstm && node.HasInput(Peephole),
        };
        var activations = new NodeActivations(node, Directions, lstm ? 3 : kind == CellKind.Gru ? 2 : 1);
        Cells = new CellType[Directions];
        for (int d = 0; d < Directions; d++)
            Cells[d] = WithFunctions(cell, activations);
        activations.CheckAllTaken();
        node.CheckAllAsked();
    }

    /// <summary>Of each direction.</summary>
    public CellType[] Cells { get; }

    /// <summary>Whether a direction reads from the last step to the first.</summary>
    public bool[] Backwards { get; }

    public int Directions => Backwards.Length;

    /// <summary>Units; null where only the weights tell.</summary>
    public int? Hidden { get; }

    /// <summary>Layout 1: the batch comes first in sequences and states.</summary>
    public bool BatchFirst { get; }

    private static CellType WithFunctions(CellType cell, NodeActivations activations)
    {
        CellActivation sigmoid = CellActivation.Sigmoid, tanh = CellActivation.Tanh;
        CellActivation[] functions = cell.Kind switch
        {
            CellKind.Lstm => activations.Next(sigmoid, tanh, tanh),
            CellKind.Gru => activations.Next(sigmoid, tanh),
            _ => activations.Next(tanh),
        };
        return cell.Kind switch
        {
            CellKind.Lstm => cell with { GateActivation = functions[0], Activation = functions[1], OutputActivation = functions[2] },
            CellKind.Gru => cell with { GateActivation = functions[0], Activation = functions[1] },
            _ => cell with { Activation = functions[0] },
        };
    }

    private static float Clip(GraphNode node)
    {
        if (!node.Has("clip"))
            return 0;
        float clip = node.Float("clip", 0);
        return clip > 0 ? float.IsFinite(clip) ? clip : 0 : throw node.Error(FormattableString.Invariant($"attribute clip is {clip}, not above 0"));
    }

    private static int Size(GraphNode node, long size) =>
        size is > 0 and <= int.MaxValue ? (int)size : throw node.Error($"attribute hidden_size is {size}");
}
