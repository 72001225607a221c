namespace FastRnn.Graphs;

/// <summary>Counts what the values of a session take together – results, states and what operators keep between runs – so that no graph takes more than it may.</summary>
internal sealed class GraphMemory(long limit)
{
    private long _limit = limit, _used;

    /// <summary>Gives more room.</summary>
    public void Grant(long bytes) => _limit += bytes;

    /// <summary>Gives a result its type and shape.</summary>
    /// <exception cref="GraphException">There is no room for it.</exception>
    public void Resize(GraphTensor tensor, ElementType type, int[] shape, GraphNode node)
    {
        if (!TryResize(tensor, type, shape))
            throw node.Error($"its result {Problem(type, shape)}");
    }

    /// <summary>Gives a value its type and shape, where there is room for it.</summary>
    public bool TryResize(GraphTensor tensor, ElementType type, int[] shape)
    {
        long length = ShapeMath.Length(shape), before = tensor.Capacity;
        if (length < 0 || length * type.Size() > Math.Min(_limit, Array.MaxLength) || _used - before + (length * type.Size()) > _limit)
            return false;
        tensor.Resize(type, shape);
        _used += tensor.Capacity - before;
        return true;
    }

    /// <summary>What is wrong with a value that there is no room for.</summary>
    public string Problem(ElementType type, int[] shape) => $"{SafeText.Shape(shape)} of {type.Name()} passes the limit of {_limit} bytes for all values";

    /// <summary>Counts the buffers of an operator, which are about to be made in the place of those that it has.</summary>
    /// <param name="held">What it holds; then <paramref name="bytes"/>.</param>
    /// <param name="bytes">What it will hold.</param>
    /// <param name="node">The operator's.</param>
    /// <exception cref="GraphException">There is no room for them.</exception>
    public void Reserve(ref long held, UInt128 bytes, GraphNode node)
    {
        if (bytes > (UInt128)_limit || _used - held + (long)bytes > _limit)
            throw node.Error($"what it works with takes {bytes} bytes, which passes the limit of {_limit} bytes for all values");
        _used += (long)bytes - held;
        held = (long)bytes;
    }
}
