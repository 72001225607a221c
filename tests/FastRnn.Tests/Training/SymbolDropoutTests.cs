using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Tokens that training reads as others.</summary>
public sealed class SymbolDropoutTests
{
    private static readonly int[] _replacements = [0, 0, 3, 3];

    [Fact]
    public void Share_of_tokens_is_replaced_and_nothing_else()
    {
        SequenceBatches plain = Batches();
        var dropped = new SymbolDropout(Batches(), _replacements, 0.25f, 1) { Epoch = 3 };
        plain.Epoch = 3;
        int replaced = 0, all = 0;
        for (int i = 0; i < plain.Count; i++)
        {
            SequenceChunk before = plain[i], after = dropped[i];
            Assert.Equal(before.Targets.ToArray(), after.Targets.ToArray());
            for (int at = 0; at < before.Inputs.Length; at++)
            {
                int token = before.Inputs[at], read = after.Inputs[at];
                Assert.True(read == token || (token >= 0 && read == _replacements[token]), $"{token} became {read}");
                all += token is 1 or 2 ? 1 : 0;
                replaced += read != token ? 1 : 0;
            }
        }
        Assert.InRange(replaced, (0.25 * all) - 60, (0.25 * all) + 60); // some 2000, deviation 20
        Assert.InRange(all, 1800, 2200);
    }

    [Fact]
    public void Choice_depends_on_seed_and_pass_alone()
    {
        SymbolDropout first = new(Batches(), _replacements, 0.5f, 1), second = new(Batches(), _replacements, 0.5f, 1), other = new(Batches(), _replacements, 0.5f, 2);
        int[] before = Inputs(first, 2);
        Assert.Equal(before, Inputs(second, 2));
        Assert.Equal(before, Inputs(first, 2));
        Assert.NotEqual(before, Inputs(other, 2));
        Assert.NotEqual(Inputs(first, 4), before);
        Assert.Equal(first.Count, first.Select(chunk => chunk.Steps).Count());
        Assert.Equal(Inputs(new(Batches(), _replacements, 0, 1), 1), Batches()[1].Inputs.ToArray());

        static int[] Inputs(SymbolDropout chunks, int index) => chunks[index].Inputs.ToArray();
    }

    [Fact]
    public void Words_and_characters_tell_what_they_are_read_as()
    {
        Assert.Equal([0, 1, 1, 0], new WordVocabulary(["<unk>", "<unk-ing>", "going", "went"]).UnknownTokens());
        Assert.Equal([1, 1], new Vocabulary(["a", "\uFFFD"]).UnknownTokens());
        Assert.Equal([0, 1], new Vocabulary(["a", "b"]).UnknownTokens());
    }

    [Fact]
    public void Bad_rates_and_replacements_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SymbolDropout(Batches(), _replacements, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SymbolDropout(Batches(), _replacements, float.NaN, 1));
        Assert.Throws<ArgumentException>(() => new SymbolDropout(Batches(), [0, 2], 0.1f, 1));
    }

    private static SequenceBatches Batches() => new(
        [.. Enumerable.Range(0, 400).Select(i => new LabelledSequence(Enumerable.Range(0, 5 + (i % 11)).Select(t => (t + i) % 4).ToArray(), (int[])[1]))], 16);
}
