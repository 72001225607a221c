using System.Collections.Frozen;
using FastRnn.Graphs.Operators;

namespace FastRnn.Graphs;

/// <summary>Every operator that can be run, and from which version of ONNX's operators on there is one. What is not here is refused by name, never approximated.</summary>
internal static class OperatorTable
{
    /// <summary>Versions of ONNX's operators whose meaning is known.</summary>
    public const int FirstOpset = 7, LastOpset = 22;

    private static readonly FrozenDictionary<string, Entry> _entries = Entries().ToFrozenDictionary(entry => entry.Name, StringComparer.Ordinal);

    /// <summary>Makes the operator of a node.</summary>
    /// <exception cref="GraphException">There is none, or its attributes, inputs or outputs are not what it takes.</exception>
    public static GraphOperator Create(GraphNode node)
    {
        if (node.Domain is not ("" or "ai.onnx"))
            throw node.Error($"operator {SafeText.Quote(node.Operator)} of domain {SafeText.Quote(node.Domain)} is not supported");
        if (!_entries.TryGetValue(node.Operator, out Entry entry))
            throw node.Error($"operator {SafeText.Quote(node.Operator)} is not supported");
        if (node.Opset < entry.Since)
            throw node.Error($"the operator exists from opset {entry.Since} on, the file has opset {node.Opset}");
        node.ForgetAsked();
        GraphOperator result = entry.Create(node);
        node.CheckAllAsked();
        return result;
    }

    private static IEnumerable<Entry> Entries() =>
    [
        .. StructureOperators.Entries,
        .. ProductOperators.Entries,
        .. ElementOperators.Entries,
        .. FunctionOperators.Entries,
        .. ReductionOperators.Entries,
        .. RecurrentOperator.Entries,
    ];

    /// <summary>One operator.</summary>
    /// <param name="Name">ONNX's.</param>
    /// <param name="Since">The first opset that has it.</param>
    /// <param name="Create">Makes it; takes every attribute that the node's opset knows.</param>
    public readonly record struct Entry(string Name, int Since, Func<GraphNode, GraphOperator> Create);
}
