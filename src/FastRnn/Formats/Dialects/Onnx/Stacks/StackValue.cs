using FastRnn.Graphs;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>What a value of a graph is to a stack of layers.</summary>
internal abstract record StackValue;

/// <summary>There before the run.</summary>
internal sealed record StackConstant(GraphTensor Tensor, string Name) : StackValue;

/// <summary>Made of constants and of shapes alone; <paramref name="IsZero"/> where all its elements are known to be 0.</summary>
internal sealed record StackDerived(bool IsZero) : StackValue;

/// <summary>
/// What goes through the layers. Axes are letters: <c>a</c>, <c>b</c> and so on are those of the input, in its order, <c>F</c> the features, <c>D</c> the directions, <c>1</c>
/// an axis of one.
/// </summary>
/// <param name="Input">The graph's input that it comes from.</param>
/// <param name="Axes">In the order in which they lie.</param>
/// <param name="Layers">How many it has gone through.</param>
/// <param name="Stage">Changes of the stack, of which a layer is one and its bias another, that it has gone through.</param>
/// <param name="IsLast">It is the last step alone.</param>
/// <param name="IsAllRead">It is made of the states in which a layer that reads backwards has read all.</param>
internal sealed record StackData(int Input, string Axes, int Layers, int Stage, bool IsLast = false, bool IsAllRead = false) : StackValue
{
    public int Axis(long axis) => (int)(axis < 0 ? axis + Axes.Length : axis) is var place && place >= 0 && place < Axes.Length ? place : -1;
}

/// <summary>Part of an input that initial states come from.</summary>
internal sealed record StackStateInput(int Input) : StackValue;

/// <summary>
/// Final states of recurrent layers, one for each direction, along the axis <c>L</c>; without one where it is a single state.
/// </summary>
internal sealed record StackStates(StackState[] Items, string Axes) : StackValue;

/// <summary>One final state.</summary>
internal readonly record struct StackState(int Layer, int Direction, bool IsCell);

/// <summary>A step on the way of a layer normalisation that is written as arithmetic.</summary>
internal sealed record StackNorm(StackNormPart Part, StackData Of, float Epsilon = 0) : StackValue;

/// <summary>In the order in which they are computed.</summary>
internal enum StackNormPart
{
    Mean,
    Centred,
    Square,
    Variance,
    Raised,
    Deviation,
}
