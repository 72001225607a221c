namespace FastRnn.Training;

/// <summary>The classes of a model; a class's number is its place.</summary>
public sealed class ClassNames
{
    private readonly string[] _names;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

    /// <summary>Classes in a given order.</summary>
    /// <exception cref="ArgumentException">There are fewer than two, a name is empty, or one stands twice.</exception>
    public ClassNames(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        _names = [.. names];
        for (int i = 0; i < _names.Length; i++)
        {
            if (string.IsNullOrEmpty(_names[i]))
                throw new ArgumentException($"class {i} has no name", nameof(names));
            if (!_numbers.TryAdd(_names[i], i))
                throw new ArgumentException($"class {i}, '{_names[i]}', stands twice", nameof(names));
        }
        if (_names.Length < 2)
            throw new ArgumentException($"{(_names.Length == 0 ? "no class" : $"one class only, '{_names[0]}'")}: at least two are needed to tell apart", nameof(names));
    }

    /// <summary>How many there are.</summary>
    public int Count => _names.Length;

    /// <summary>The names by number.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The name of a class.</summary>
    public string this[int number] => _names[number];

    /// <summary>The classes that occur among labels, in the order of their code units.</summary>
    /// <exception cref="ArgumentException">There are fewer than two.</exception>
    public static ClassNames FromLabels(IEnumerable<string> labels) => new([.. labels.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);

    /// <summary>The number of a class; false when there is none of that name.</summary>
    public bool TryGet(string name, out int number) => _numbers.TryGetValue(name, out number);

    /// <summary>
    /// Weights for a loss that make every class count alike: N/(C·n_c) for n_c of N samples, 0 for classes that do not occur (King, Zeng 2001).
    /// </summary>
    /// <param name="numbers">Class of each sample, in [0, <see cref="Count"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">A class lies outside.</exception>
    public float[] BalancedWeights(IEnumerable<int> numbers)
    {
        ArgumentNullException.ThrowIfNull(numbers);
        var counts = new long[Count];
        foreach (int number in numbers)
        {
            if ((uint)number >= (uint)Count)
                throw new ArgumentOutOfRangeException(nameof(numbers), number, $"not one of {Count} classes");
            counts[number]++;
        }
        return [.. counts.Select(count => count == 0 ? 0f : (float)((double)counts.Sum() / (Count * count)))];
    }
}
