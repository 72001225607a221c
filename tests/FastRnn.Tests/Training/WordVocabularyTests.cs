using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Words as tokens, unknown ones as what they look like.</summary>
public sealed class WordVocabularyTests
{
    [Theory]
    [InlineData("running", "<unk-ing> <unk-ng> <unk-g> <unk> <unk>")]
    [InlineData("Berlin", "<unk-Cap-lin> <unk-Cap-in> <unk-Cap-n> <unk-Cap> <unk>")]
    [InlineData("NASA", "<unk-CAPS-sa> <unk-CAPS-sa> <unk-CAPS-a> <unk-CAPS> <unk>")]
    [InlineData("I", "<unk-Cap> <unk-Cap> <unk-Cap> <unk-Cap> <unk>")]
    [InlineData("Al", "<unk-Cap> <unk-Cap> <unk-Cap> <unk-Cap> <unk>")]
    [InlineData("old-fashioned", "<unk-hyphen-ned> <unk-hyphen-ed> <unk-hyphen-d> <unk-hyphen> <unk>")]
    [InlineData("Anglo-Saxon", "<unk-Cap-hyphen-xon> <unk-Cap-hyphen-on> <unk-Cap-hyphen-n> <unk-Cap-hyphen> <unk>")]
    [InlineData("3,000.5", "<unk-digit> <unk-digit> <unk-digit> <unk-digit> <unk>")]
    [InlineData("747s", "<unk-mixed> <unk-mixed> <unk-mixed> <unk-mixed> <unk>")]
    [InlineData("747-s", "<unk-mixed-hyphen> <unk-mixed-hyphen> <unk-mixed-hyphen> <unk-mixed-hyphen> <unk>")]
    [InlineData("...", "<unk-punct> <unk-punct> <unk-punct> <unk-punct> <unk>")]
    [InlineData("so-", "<unk-hyphen> <unk-hyphen> <unk-hyphen> <unk-hyphen> <unk>")]
    [InlineData("ÉTÉS", "<unk-CAPS-és> <unk-CAPS-és> <unk-CAPS-s> <unk-CAPS> <unk>")]
    [InlineData("𐐀𐐀a", "<unk-𐐨a> <unk-a> <unk-a> <unk> <unk>")]
    public void Signatures_go_from_shape_and_ending_to_unknown(string word, string signatures) =>
        Assert.Equal(signatures, string.Join(' ', WordSignature.Of(word)));

    [Fact]
    public void Frequent_words_are_known_and_rare_ones_read_as_symbols_that_occur()
    {
        string[][] sentences =
        [
            ["the", "cat", "saw", "the", "cat"], ["Rome", "singing"], ["Paris", "dancing"], ["Oslo", "jumping"], ["saw", "x1"],
        ];
        WordVocabulary words = WordVocabulary.FromSentences(sentences, minimumCount: 2, minimumSignatureCount: 3);
        Assert.Equal(["<unk-Cap>", "<unk-ing>", "<unk>", "cat", "saw", "the"], words.Words);
        Assert.Equal(6, words.Count);
        Assert.Equal([5, 3, 4, 1, 0, 0, 2, 2], words.Encode(["the", "cat", "saw", "singing", "Berlin", "The", "dog", "x2"]));
        Assert.Equal("<unk-ing>", words[words.Token("swimming")]);
    }

    [Fact]
    public void Word_counts_for_the_most_telling_symbol_that_is_kept()
    {
        // Three in -ing, one other in -ng: that one is alone with <unk-ng>, which is not kept for it.
        WordVocabulary words = WordVocabulary.FromSentences([["going", "being", "doing", "among"]], 2, minimumSignatureCount: 3);
        Assert.Equal(["<unk-ing>", "<unk>"], words.Words);
        Assert.Equal([0, 1], words.Encode(["seeing", "along"]));
    }

    [Fact]
    public void Lower_case_looks_words_up_and_keeps_the_shape_of_unknown_ones()
    {
        WordVocabulary words = WordVocabulary.FromSentences([["The", "the", "Oslo", "Rome"]], lowerCase: true, minimumSignatureCount: 2);
        Assert.True(words.LowerCase);
        Assert.Equal(["<unk-Cap>", "<unk>", "the"], words.Words);
        Assert.Equal([2, 0, 1], words.Encode(["THE", "Paris", "paris"]));
    }

    [Fact]
    public void Most_frequent_words_stay_when_there_are_too_many()
    {
        WordVocabulary words = WordVocabulary.FromSentences([["a", "a", "a", "b", "b", "c", "c", "c"]], maximumWords: 2, minimumSignatureCount: 1);
        Assert.Equal(["<unk>", "a", "c"], words.Words);
        Assert.Equal(0, words.Token("b"));
    }

    [Fact]
    public void Every_symbol_but_the_last_resort_is_met_in_training()
    {
        string[][] sentences = [["ab", "cd", "ab", "Ef", "12", "gh-ij", "!", "klm"]];
        WordVocabulary words = WordVocabulary.FromSentences(sentences, minimumSignatureCount: 1);
        string[] trained = [.. words.Encode(sentences[0]).Distinct().Order().Select(token => words[token]).Where(word => word != "<unk>")];
        Assert.Equal(words.Words.Where(word => word != "<unk>"), trained);
    }

    [Theory]
    [InlineData("What's the weather in New-York, at 3.30 p.m.?", "What's the weather in New-York , at 3.30 p.m . ?")]
    [InlineData("  (a)\t-b- ", "( a ) - b -")]
    [InlineData("it’s 🙂ok e\u0301t", "it’s 🙂 ok e\u0301t")]
    [InlineData("", "")]
    public void Text_is_split_into_words_and_marks(string text, string words) => Assert.Equal(words, string.Join(' ', WordVocabulary.Split(text)));

    [Fact]
    public void Lists_that_are_no_vocabulary_are_refused()
    {
        Assert.Contains("needs <unk>", Assert.Throws<ArgumentException>(() => new WordVocabulary(["a"])).Message, StringComparison.Ordinal);
        Assert.Contains("word 1 is empty", Assert.Throws<ArgumentException>(() => new WordVocabulary(["<unk>", ""])).Message, StringComparison.Ordinal);
        Assert.Contains("word 2, 'a', stands twice", Assert.Throws<ArgumentException>(() => new WordVocabulary(["<unk>", "a", "a"])).Message, StringComparison.Ordinal);
        Assert.Contains("half a character", Assert.Throws<ArgumentException>(() => new WordVocabulary(["<unk>", "\ud800"])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => WordVocabulary.FromSentences([], minimumCount: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => WordVocabulary.FromSentences([], minimumSignatureCount: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => WordVocabulary.FromSentences([], maximumWords: -1));
        Assert.Throws<ArgumentException>(() => new WordVocabulary(["<unk>"]).Token(""));
    }

    [Fact]
    public void Rare_and_unknown_characters_are_read_as_the_replacement()
    {
        Vocabulary vocabulary = Vocabulary.FromTexts(["abba", "ac"]);
        Assert.Equal(["a", "b", "\uFFFD"], vocabulary.Symbols);
        Assert.Equal([0, 2, 2, 1], vocabulary.EncodeOrReplace("ac🙂b"));
        Assert.Throws<UnknownSymbolException>(() => vocabulary.Encode("c"));
        Assert.Throws<UnknownSymbolException>(() => Vocabulary.FromText("ab").EncodeOrReplace("c"));
    }
}
