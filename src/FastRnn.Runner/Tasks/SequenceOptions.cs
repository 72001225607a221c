using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>The options of the tasks that learn labels of sequences.</summary>
internal sealed class SequenceOptions
{
    public Option<string?> ValidationData { get; } = CommonOptions.NotEmpty(
        new Option<string?>("--validation-data") { Description = "Data for validation, in the place of a share of --data", HelpName = "FILE" });

    public Option<string?> TestData { get; } = CommonOptions.NotEmpty(
        new Option<string?>("--test-data") { Description = "Data that the best weights are tested on in the end", HelpName = "FILE" });

    public Option<int> TestEvery { get; } = CommonOptions.Number(
        "--test-every", 0, 0, 1_000_000, "Test on the first and every N-th sample after it of each file of --data, and train on the others; 0 is off");

    public Option<bool> Bidirectional { get; } = new("--bidirectional") { Description = "Read every sequence forwards and backwards" };

    public Option<string> Level { get; } = CommonOptions.Choice("--level", "word", "What a text is made of", "word", "char");

    public Option<int> MinimumCount { get; } = CommonOptions.Number(
        "--min-count", 2, 1, 1_000_000, "Words and characters that stand less often in the training data are read as what they look like, as unknown ones later");

    public Option<int> MaximumWords { get; } = CommonOptions.Number("--max-words", 30_000, 1, 50_000, "Most words that a model knows");

    public Option<bool> LowerCase { get; } = new("--lower-case") { Description = "Words are the same in upper and lower case" };

    public Option<double> WordDropout { get; } = CommonOptions.Real(
        "--word-dropout", 0, x => (float)x is >= 0 and < 1, "0 to below 1", "Share of words, or of characters, that training reads as unknown ones, others in every pass");

    public Option<string> ClassWeights { get; } = CommonOptions.Choice(
        "--class-weights", "none", "Weights in the loss: balanced makes rare classes count as much as frequent ones", "none", "balanced");

    public Option<int> TopK { get; } = CommonOptions.Number("--top-k", 3, 1, 1_000_000, "How many of the likeliest classes may hold the right one in top-k accuracy");

    public SequenceSettings Read(ParseResult parsed, SharedOptions shared, string model)
    {
        foreach (string data in ((string?[])[parsed.GetValue(ValidationData), parsed.GetValue(TestData)]).OfType<string>())
            RunFiles.CheckWritable(model, data);
        if (parsed.GetValue(TestData) != null && parsed.GetValue(TestEvery) > 0)
            throw new CliException(ExitCodes.Usage, "--test-data and --test-every both say what to test on");
        if (parsed.GetValue(TestEvery) == 1)
            throw new CliException(ExitCodes.Usage, "--test-every is '1', which leaves nothing to train on; expected 2 or more, or 0");
        if (parsed.GetValue(ValidationData) != null && parsed.GetResult(shared.ValidationSplit) is { Implicit: false })
            throw new CliException(ExitCodes.Usage, "--validation-data and --validation-split both say what to validate with");
        return new SequenceSettings
        {
            ValidationData = parsed.GetValue(ValidationData),
            TestData = parsed.GetValue(TestData),
            TestEvery = parsed.GetValue(TestEvery),
            ValidationSplit = parsed.GetValue(ValidationData) == null ? parsed.GetValue(shared.ValidationSplit) : 0,
            Bidirectional = parsed.GetValue(Bidirectional),
            Characters = parsed.GetValue(Level) == "char",
            MinimumCount = parsed.GetValue(MinimumCount),
            MaximumWords = parsed.GetValue(MaximumWords),
            LowerCase = parsed.GetValue(LowerCase),
            WordDropout = (float)parsed.GetValue(WordDropout),
            Balanced = parsed.GetValue(ClassWeights) == "balanced",
            Embedding = parsed.GetValue(shared.Embedding),
        };
    }

    /// <summary>Refuses options that only texts have.</summary>
    public void RefuseTextOptions(ParseResult parsed, SharedOptions shared, string format)
    {
        foreach (Option option in (Option[])[Level, MinimumCount, MaximumWords, LowerCase, WordDropout, shared.Embedding])
        {
            if (parsed.GetResult(option) is { Implicit: false })
                throw new CliException(ExitCodes.Usage, $"{option.Name} goes with texts, not with --format {format}");
        }
    }
}

/// <summary>How sequences are read, cut and learnt.</summary>
internal sealed record SequenceSettings
{
    public string? ValidationData { get; init; }

    public string? TestData { get; init; }

    public int TestEvery { get; init; }

    public double ValidationSplit { get; init; }

    public bool Bidirectional { get; init; }

    public bool Characters { get; init; }

    public int MinimumCount { get; init; }

    public int MaximumWords { get; init; }

    public bool LowerCase { get; init; }

    public float WordDropout { get; init; }

    public bool Balanced { get; init; }

    public int Embedding { get; init; }

    /// <summary>What fixes the bits of a run; options that do nothing are left out.</summary>
    public void AddFixed(Dictionary<string, string> options, bool isText)
    {
        void Add(string name, IFormattable value) => options[name] = value.ToString(null, System.Globalization.CultureInfo.InvariantCulture);
        if (TestEvery > 0)
            Add("test-every", TestEvery);
        if (ValidationData == null) // else there is no share, and a record that names one could not be repeated
            Add("validation-split", ValidationSplit);
        if (Bidirectional)
            options["bidirectional"] = "yes";
        if (Balanced)
            options["class-weights"] = "balanced";
        if (!isText)
            return;
        Add("embedding", Embedding);
        options["level"] = Characters ? "char" : "word";
        Add("min-count", MinimumCount);
        if (!Characters)
            Add("max-words", MaximumWords);
        if (WordDropout > 0)
            Add("word-dropout", WordDropout);
        if (LowerCase)
            options["lower-case"] = "yes";
    }
}
