using FastRnn.Data;

namespace FastRnn.Samples;

/// <summary>Runs a sample by its name; without one, lists them.</summary>
internal static class SampleList
{
    /// <summary>A program: what may follow its name, what it shows, and how it starts.</summary>
    internal sealed record Sample(string Name, string[] Arguments, string About, Action<string[], TextReader, TextWriter> Run)
    {
        public Sample(string name, string about, Action<TextWriter> run)
            : this(name, [], about, (_, _, output) => run(output))
        {
        }
    }

    /// <summary>The tutorials' programs, then those that embed a network in something larger.</summary>
    internal static IReadOnlyList<Sample> All { get; } =
    [
        new("noisy-sine", "SimpleRNN(50, relu) foretells a noisy sine from windows of ten", output => NoisySine.Run(output)),
        new("binary", "LSTM(128) and binary cross-entropy: is a surname Russian?", output => RussianNames.Run(output)),
        new("classify", "SimpleRNN(50) and LSTM(128) tell nine speakers apart, with validation data", output => Speakers.Run(output)),
        new("names", "a loop over letters by hand: which of 18 languages is a surname from?", output => NamesByLanguage.Run(output)),
        new("next-step-sine", "LSTM(32) says a sine's next value, then runs freely", output => NextStepSine.Run(output)),
        new("audio", ["IN.wav", "OUT.wav"], "an LSTM takes a guitar pedal's place, block by block", (files, _, output) => AudioEffect.Run(files[0], files[1], output)),
        new("sensor", [], "values from standard input, line by line; anomalies as they come", (_, input, output) => SensorStream.Run(input, output)),
        new("agents", "a game's loop: one GRU steers 1,000 agents a frame", output => GameLoop.Run(output)),
        new("ticks", [], "lines time,price from standard input: the next price for each, weights exchanged on the way", (_, input, output) => TickStream.Run(input, output)),
    ];

    /// <summary>0, or 1 when the arguments name no sample, or what it works on does not serve.</summary>
    internal static int Start(string[] args, TextReader input, TextWriter output, TextWriter errors)
    {
        if (args.Length == 0)
        {
            foreach (Sample each in All)
                output.WriteLine($"{string.Join(' ', [each.Name, .. each.Arguments]),-20} {each.About}");
            return 0;
        }
        if (All.FirstOrDefault(s => s.Name == args[0] && s.Arguments.Length == args.Length - 1) is not { } sample)
        {
            string expected = string.Join(", ", All.Select(s => string.Join(' ', [s.Name, .. s.Arguments])));
            errors.WriteLine($"samples: error: '{string.Join(' ', args)}', expected one of {expected}");
            return 1;
        }
        try
        {
            sample.Run(args[1..], input, output);
            return 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or DataFormatException)
        {
            errors.WriteLine($"samples: error: {error.Message}");
            return 1;
        }
    }
}
