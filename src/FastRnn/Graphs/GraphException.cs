namespace FastRnn.Graphs;

/// <summary>A graph cannot be made, or a node cannot compute what it is given. The message is one line, names the node, and is safe to print.</summary>
public sealed class GraphException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="problem">What is wrong; one line.</param>
    /// <param name="offset">Byte of the model's file at which the node begins; negative when there is none.</param>
    public GraphException(string problem, long offset)
        : base(problem) => Offset = offset;

    /// <summary>Byte of the model's file at which the node begins; negative when there is none.</summary>
    public long Offset { get; }
}
