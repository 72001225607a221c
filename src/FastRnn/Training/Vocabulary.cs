using System.Text;

namespace FastRnn.Training;

/// <summary>The symbols of a model: Unicode characters (an emoji is one), sorted by code point. A symbol's token is its place.</summary>
public sealed class Vocabulary
{
    /// <summary>The symbol that stands for characters that a vocabulary lacks, where it is asked to: U+FFFD.</summary>
    public const string Replacement = "\uFFFD";

    private readonly string[] _symbols;
    private readonly Dictionary<Rune, int> _tokens = [];

    /// <summary>A vocabulary of given symbols, in order.</summary>
    /// <exception cref="ArgumentException">There is none, one is not a single character, or one stands twice.</exception>
    public Vocabulary(IReadOnlyList<string> symbols)
    {
        ArgumentNullException.ThrowIfNull(symbols);
        if (symbols.Count == 0)
            throw new ArgumentException("a vocabulary needs at least one symbol", nameof(symbols));
        _symbols = [.. symbols];
        for (int i = 0; i < _symbols.Length; i++)
        {
            if (string.IsNullOrEmpty(_symbols[i]) || !Rune.TryGetRuneAt(_symbols[i], 0, out Rune rune) || rune.Utf16SequenceLength != _symbols[i].Length)
                throw new ArgumentException($"symbol {i} is '{_symbols[i]}', expected one character", nameof(symbols));
            if (!_tokens.TryAdd(rune, i))
                throw new ArgumentException($"symbol {i}, '{_symbols[i]}', stands twice", nameof(symbols));
        }
    }

    /// <summary>Number of symbols.</summary>
    public int Count => _symbols.Length;

    /// <summary>The symbols by token.</summary>
    public IReadOnlyList<string> Symbols => _symbols;

    /// <summary>The symbol of a token.</summary>
    public string this[int token] => _symbols[token];

    /// <summary>The characters that occur in a text.</summary>
    public static Vocabulary FromText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var runes = new SortedSet<Rune>();
        foreach (Rune rune in text.EnumerateRunes())
            runes.Add(rune);
        return new Vocabulary([.. runes.Select(rune => rune.ToString())]);
    }

    /// <summary>
    /// The characters that occur in texts at least so often, and <see cref="Replacement"/>, as which the rare ones are read: so it is learnt what an
    /// unknown character means.
    /// </summary>
    /// <param name="texts">Training data.</param>
    /// <param name="minimumCount">At least 1.</param>
    public static Vocabulary FromTexts(IEnumerable<string> texts, int minimumCount = 2)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumCount, 1);
        var frequent = texts.SelectMany(text => text.EnumerateRunes()).CountBy(rune => rune).Where(count => count.Value >= minimumCount);
        return new Vocabulary([.. frequent.Select(count => count.Key).Append(Rune.ReplacementChar).Distinct().Order().Select(rune => rune.ToString())]);
    }

    /// <summary>The tokens of a text.</summary>
    /// <exception cref="UnknownSymbolException">A character is not in the vocabulary.</exception>
    public int[] Encode(string text) => Encode(text, -1);

    /// <summary>The tokens of a text, with <see cref="Replacement"/> for characters that are not in the vocabulary.</summary>
    /// <exception cref="UnknownSymbolException">A character is not in the vocabulary, and neither is what stands for it.</exception>
    public int[] EncodeOrReplace(string text) => Encode(text, _tokens.GetValueOrDefault(Rune.ReplacementChar, -1));

    /// <summary>For each token that of <see cref="Replacement"/>; itself where there is none.</summary>
    public int[] UnknownTokens() => [.. Enumerable.Range(0, Count).Select(token => _tokens.GetValueOrDefault(Rune.ReplacementChar, token))];

    private int[] Encode(string text, int replacement)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length);
        int line = 1, column = 1;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (!_tokens.TryGetValue(rune, out int token) && (token = replacement) < 0)
                throw new UnknownSymbolException(rune, line, column, Count);
            tokens.Add(token);
            (line, column) = rune.Value == '\n' ? (line + 1, 1) : (line, column + 1);
        }
        return [.. tokens];
    }
}

/// <summary>A text holds a character that the vocabulary lacks.</summary>
public sealed class UnknownSymbolException : Exception
{
    internal UnknownSymbolException(Rune rune, int line, int column, int vocabulary)
        : base(FormattableString.Invariant(
            $"line {line}, column {column}: character {Show(rune)} (U+{rune.Value:X4}) is not among the {vocabulary} of the vocabulary")) =>
        (Symbol, Line, Column) = (rune.ToString(), line, column);

    internal UnknownSymbolException(string path, UnknownSymbolException inner)
        : base($"{path}: {inner.Message}", inner) => (Symbol, Line, Column) = (inner.Symbol, inner.Line, inner.Column);

    /// <summary>The character.</summary>
    public string Symbol { get; }

    /// <summary>Its line, from 1.</summary>
    public int Line { get; }

    /// <summary>Its place in the line, from 1.</summary>
    public int Column { get; }

    private static string Show(Rune rune) => Rune.IsControl(rune) ? "<control>" : $"'{rune}'";
}
