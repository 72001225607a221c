namespace FastRnn.Graphs.Operators;

/// <summary>Operators that move elements and change shapes.</summary>
internal static class StructureOperators
{
    public static IEnumerable<OperatorTable.Entry> Entries =>
    [
        new("Identity", 1, node => new IdentityOperator(node)),
        new("Dropout", 1, node => new DropoutOperator(node)),
        new("Reshape", 5, node => new ReshapeOperator(node)),
        new("Flatten", 1, node => new FlattenOperator(node)),
        new("Squeeze", 1, node => new SqueezeOperator(node)),
        new("Unsqueeze", 1, node => new UnsqueezeOperator(node)),
        new("Transpose", 1, node => new TransposeOperator(node)),
        new("Concat", 4, node => new ConcatOperator(node)),
        new("Slice", 1, node => new SliceOperator(node)),
        new("Split", 2, node => new SplitOperator(node)),
        new("Gather", 1, node => new GatherOperator(node)),
        new("Expand", 8, node => new ExpandOperator(node)),
        new("Pad", 2, node => new PadOperator(node)),
        new("Shape", 1, node => new ShapeOperator(node)),
        new("Constant", 1, node => new ConstantOperator(node)),
        new("ConstantOfShape", 9, node => new ConstantOfShapeOperator(node)),
        new("Cast", 6, node => new CastOperator(node)),
        new("Where", 9, node => new WhereOperator(node)),
    ];
}
