namespace FastRnn.Formats.Dialects;

/// <summary>The sizes of lists in lists, token by token, as long as all lists of one depth are equally long. Each step says what is wrong with it, or null.</summary>
internal sealed class ListShape(int rank)
{
    private readonly int[] _sizes = new int[rank], _counts = new int[rank];
    private int _depth, _deepest, _leaves;

    /// <summary>Whether the outermost list has ended.</summary>
    public bool IsWhole => _deepest > 0 && _depth == 0;

    public int[] Shape => _sizes[..(_leaves < 0 ? _deepest : _leaves)];

    public void Clear()
    {
        Array.Fill(_sizes, -1);
        (_depth, _deepest, _leaves) = (0, 0, -1);
    }

    public string? Open()
    {
        if (_depth == _leaves)
            return "a list stands where a number is expected";
        if (_depth == rank)
            return $"more than the limit of {rank} dimensions";
        if (_depth > 0)
            _counts[_depth - 1]++;
        _counts[_depth++] = 0;
        _deepest = Math.Max(_deepest, _depth);
        return null;
    }

    public string? Number()
    {
        if (_leaves < 0 ? _depth < _deepest : _depth != _leaves)
            return "a number stands where a list is expected";
        _leaves = _depth;
        if (_depth > 0)
            _counts[_depth - 1]++;
        return null;
    }

    public string? Close()
    {
        int count = _counts[--_depth], size = _sizes[_depth];
        _sizes[_depth] = count;
        return size < 0 || size == count ? null : $"a list has {count} items, one before it has {size}";
    }
}
