namespace FastRnn.Graphs.Operators;

/// <summary>Operators that multiply matrices.</summary>
internal static class ProductOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("MatMul", 1, node => new MatMulOperator(node)),
        new("Gemm", 7, node => new GemmOperator(node)),
    ];
}
