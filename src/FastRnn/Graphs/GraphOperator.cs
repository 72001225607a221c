namespace FastRnn.Graphs;

/// <summary>
/// What a node computes. One object serves all sessions of a model, so what a run needs beside constants lies in the <see cref="GraphCall"/>.
/// The constructor takes the attributes and checks them; <see cref="Infer"/> says types and shapes, <see cref="Run"/> computes.
/// </summary>
internal abstract class GraphOperator(GraphNode node)
{
    public GraphNode Node { get; } = node;

    /// <summary>
    /// Whether a node may be computed at load where all that it reads is constant. Those that may take long – products, recurrences – may not: loading is
    /// bounded by the file's size.
    /// </summary>
    public virtual bool Folds => true;

    /// <summary>
    /// Sets type and shape of every output by <see cref="GraphCall.Set"/>. Called at load, where sizes may be unknown (−1), shapes null and the values
    /// of inputs null, and before a run whenever a shape has changed, where all is known. Errors by <see cref="GraphNode.Error"/>.
    /// </summary>
    public abstract void Infer(GraphCall call);

    /// <summary>Whether the values of an input decide shapes.</summary>
    public virtual bool ShapedBy(int input) => false;

    /// <summary>Called once, at load, where <see cref="GraphCall.Inputs"/> are constants or null: packs weights.</summary>
    public virtual void Bind(GraphCall call)
    {
    }

    /// <summary>Computes; outputs have the sizes of <see cref="Infer"/>, those that nobody asks for are null.</summary>
    public abstract void Run(GraphCall call);

    /// <summary>Whether the output is a view of input 0, so that it gets no memory of its own.</summary>
    public virtual bool IsView => false;

    /// <summary>Whether no element of the input matters, only its shape.</summary>
    public virtual bool ReadsShapeOnly => false;

    /// <summary>The result, where it is part of the node itself.</summary>
    public virtual GraphTensor? Constant => null;
}
