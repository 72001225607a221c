namespace FastRnn.Graphs.Operators;

/// <summary>Operators that move elements and change shapes.</summary>
internal static class StructureOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("Identity", 1, node => new IdentityOperator(node)),
    ];
}

/// <summary>The input itself.</summary>
internal sealed class IdentityOperator : GraphOperator
{
    public IdentityOperator(GraphNode node)
        : base(node) => node.Arity(1, 1);

    public override bool IsView => true;

    public override void Infer(GraphCall call) => call.Set(0, call.InputTypes[0], call.InputShapes[0]);

    public override void Run(GraphCall call)
    {
    }
}
