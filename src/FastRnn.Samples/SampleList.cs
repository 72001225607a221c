namespace FastRnn.Samples;

/// <summary>Runs a sample by its name; without one, lists them.</summary>
internal static class SampleList
{
    /// <summary>The programs by name, what each shows, and how it starts.</summary>
    internal static IReadOnlyList<(string Name, string About, Action<TextWriter> Run)> All { get; } =
    [
        ("noisy-sine", "SimpleRNN(50, relu) foretells a noisy sine from windows of ten", output => NoisySine.Run(output)),
        ("binary", "LSTM(128) and binary cross-entropy: is a surname Russian?", output => RussianNames.Run(output)),
        ("classify", "SimpleRNN(50) and LSTM(128) tell nine speakers apart, with validation data", output => Speakers.Run(output)),
        ("names", "a loop over letters by hand: which of 18 languages is a surname from?", output => NamesByLanguage.Run(output)),
        ("next-step-sine", "LSTM(32) says a sine's next value, then runs freely", output => NextStepSine.Run(output)),
    ];

    /// <summary>0, or 1 when the arguments name no sample.</summary>
    internal static int Start(string[] args, TextWriter output, TextWriter errors)
    {
        if (args.Length == 0)
        {
            foreach ((string name, string about, _) in All)
                output.WriteLine($"{name,-15} {about}");
            return 0;
        }
        (string Name, string About, Action<TextWriter> Run) sample = All.FirstOrDefault(s => s.Name == args[0]);
        if (sample.Run == null || args.Length > 1)
        {
            errors.WriteLine($"samples: error: '{string.Join(' ', args)}', expected one of {string.Join(", ", All.Select(s => s.Name))}");
            return 1;
        }
        sample.Run(output);
        return 0;
    }
}
