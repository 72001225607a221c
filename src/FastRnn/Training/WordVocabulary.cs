using System.Text;

namespace FastRnn.Training;

/// <summary>
/// The words of a model. A word that it does not know is read as a symbol for its shape and ending, such as <c>&lt;unk-Cap&gt;</c>,
/// <c>&lt;unk-ing&gt;</c> or <c>&lt;unk-digit&gt;</c>, and as <c>&lt;unk&gt;</c> where there is none. Words that are rare in the training
/// data are read the same way, so that these symbols are learnt.
/// </summary>
public sealed class WordVocabulary
{
    private readonly string[] _words;
    private readonly Dictionary<string, int> _tokens = new(StringComparer.Ordinal);
    private readonly int _unknown;

    /// <summary>A vocabulary of given words, in order.</summary>
    /// <param name="words">Words and symbols for unknown words; <c>&lt;unk&gt;</c> among them.</param>
    /// <param name="lowerCase">Words are looked up in lower case; the shapes of unknown ones are told by their own case.</param>
    /// <exception cref="ArgumentException">A word is empty or stands twice, or <c>&lt;unk&gt;</c> is missing.</exception>
    public WordVocabulary(IReadOnlyList<string> words, bool lowerCase = false)
    {
        ArgumentNullException.ThrowIfNull(words);
        (_words, LowerCase) = ([.. words], lowerCase);
        for (int i = 0; i < _words.Length; i++)
        {
            if (string.IsNullOrEmpty(_words[i]))
                throw new ArgumentException($"word {i} is empty", nameof(words));
            if (_words[i].EnumerateRunes().Any(rune => rune == Rune.ReplacementChar) && !_words[i].Contains('\uFFFD'))
                throw new ArgumentException($"word {i} holds half a character", nameof(words));
            if (!_tokens.TryAdd(_words[i], i))
                throw new ArgumentException($"word {i}, '{_words[i]}', stands twice", nameof(words));
        }
        if (!_tokens.TryGetValue(WordSignature.Unknown, out _unknown))
            throw new ArgumentException($"a vocabulary of words needs {WordSignature.Unknown}", nameof(words));
    }

    /// <summary>Number of words and symbols.</summary>
    public int Count => _words.Length;

    /// <summary>Words and symbols by token.</summary>
    public IReadOnlyList<string> Words => _words;

    /// <summary>Whether words are looked up in lower case.</summary>
    public bool LowerCase { get; }

    /// <summary>The word or symbol of a token.</summary>
    public string this[int token] => _words[token];

    /// <summary>The words of training data that are not rare, and symbols for those that are.</summary>
    /// <param name="sentences">Words of each sentence.</param>
    /// <param name="minimumCount">
    /// A word that stands less often is rare. With 1 none is, and words that are unknown later are read as a symbol that nothing was learnt of.
    /// </param>
    /// <param name="lowerCase">Words are looked up in lower case.</param>
    /// <param name="minimumSignatureCount">A symbol more telling than <c>&lt;unk&gt;</c> is kept when at least so many rare words are read as it.</param>
    /// <param name="maximumWords">Of more words than that, the less frequent are read as symbols, too; 0: any number. A model file holds some 50,000.</param>
    public static WordVocabulary FromSentences(
        IEnumerable<IReadOnlyList<string>> sentences, int minimumCount = 2, bool lowerCase = false, int minimumSignatureCount = 5, int maximumWords = 0)
    {
        ArgumentNullException.ThrowIfNull(sentences);
        ArgumentOutOfRangeException.ThrowIfNegative(maximumWords);
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumSignatureCount, 1);
        var words = new List<string>();
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string word in sentences.SelectMany(sentence => sentence))
        {
            ArgumentException.ThrowIfNullOrEmpty(word, nameof(sentences));
            words.Add(word);
            string key = Fold(word, lowerCase);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        string[] kept =
        [
            .. counts.Where(word => word.Value >= minimumCount).OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal)
                .Select(word => word.Key).Take(maximumWords == 0 ? int.MaxValue : maximumWords),
        ];
        var known = new HashSet<string>(kept, StringComparer.Ordinal);
        List<string> signatures = Signatures(words.Where(word => !known.Contains(Fold(word, lowerCase))), minimumSignatureCount);
        return new WordVocabulary([.. signatures, .. kept.Except(signatures, StringComparer.Ordinal)], lowerCase);
    }

    /// <summary>
    /// The words of a text: runs of letters and digits, with apostrophes, hyphens, points and commas inside them, and every other character that is no space by itself.
    /// </summary>
    public static string[] Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = new List<string>();
        var word = new StringBuilder();
        Rune[] runes = [.. text.EnumerateRunes()];
        for (int i = 0; i < runes.Length; i++)
        {
            if (IsLetter(i) || (word.Length > 0 && IsLetter(i + 1) && runes[i].Value is '\'' or '’' or '-' or '.' or ','))
            {
                word.Append(runes[i]);
                continue;
            }
            End();
            if (!Rune.IsWhiteSpace(runes[i]))
                words.Add(runes[i].ToString());
        }
        End();
        return [.. words];

        bool IsLetter(int i) => i < runes.Length && (Rune.IsLetterOrDigit(runes[i])
            || Rune.GetUnicodeCategory(runes[i]) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark);

        void End()
        {
            if (word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
        }
    }

    /// <summary>The token of a word, or of a symbol for it.</summary>
    public int Token(string word)
    {
        ArgumentException.ThrowIfNullOrEmpty(word);
        return _tokens.TryGetValue(Fold(word, LowerCase), out int token) ? token : Signature(word);
    }

    /// <summary>For each token the one that its word would be read as if it were unknown; symbols for unknown words stay.</summary>
    public int[] UnknownTokens() => [.. _words.Select((word, token) => word.StartsWith(WordSignature.Start, StringComparison.Ordinal) ? token : Signature(word))];

    /// <summary>The tokens of words.</summary>
    public int[] Encode(IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        var tokens = new int[words.Count];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = Token(words[i]);
        return tokens;
    }

    private int Signature(string word)
    {
        foreach (string signature in WordSignature.Of(word))
        {
            if (_tokens.TryGetValue(signature, out int token))
                return token;
        }
        return _unknown;
    }

    private static string Fold(string word, bool lowerCase) => lowerCase ? word.ToLowerInvariant() : word;

    /// <summary>The symbols to keep. A word counts for the most telling one that is kept, so that each has words to be learnt from.</summary>
    private static List<string> Signatures(IEnumerable<string> rare, int minimumCount)
    {
        List<string[]> open = [.. rare.Select(WordSignature.Of)];
        var kept = new SortedSet<string>(StringComparer.Ordinal) { WordSignature.Unknown };
        for (int level = 0; level < WordSignature.Levels - 1; level++)
        {
            int at = level;
            kept.UnionWith(open.CountBy(signatures => signatures[at]).Where(count => count.Value >= minimumCount).Select(count => count.Key));
            open.RemoveAll(signatures => kept.Contains(signatures[at]));
        }
        return [.. kept];
    }
}
