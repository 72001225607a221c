using System.CommandLine;
using FastRnn.Data.Audio;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>The options of <c>classify</c> that say what its data are.</summary>
internal sealed class ClassifyFormat
{
    private readonly Option<string> _format = CommonOptions.Choice(
        "--format", "auto", "Form of the data; auto goes by the name, and by what a folder holds", "auto", "text", "ts", "wav");

    private readonly Option<double> _window = CommonOptions.Real("--audio-window", 25, x => x is > 0 and <= 1000, "above 0 to 1000", "Milliseconds of sound in a step");

    private readonly Option<double> _hop = CommonOptions.Real("--audio-hop", 10, x => x is > 0 and <= 1000, "above 0 to 1000", "Milliseconds of sound from step to step");

    private readonly Option<int> _bands = CommonOptions.Number("--mel-bands", 40, 1, AudioSettings.MostBands, "Bands of the spectrum of sound");

    public IReadOnlyList<Option> Options => [_format, _window, _hop, _bands];

    public static bool IsTs(string path) =>
        path.EndsWith(".ts", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".ts.gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>text, ts or wav.</summary>
    /// <exception cref="CliException">Options of sound are given for something else.</exception>
    public string Of(ParseResult parsed, string data)
    {
        string format = parsed.GetRequiredValue(_format);
        if (format == "auto")
            format = IsTs(data) ? "ts" : WaveFolder.HoldsSound(data) ? "wav" : "text";
        foreach (Option option in (Option[])[_window, _hop, _bands])
        {
            if (format != "wav" && parsed.GetResult(option) is { Implicit: false })
                throw new CliException(ExitCodes.Usage, $"{option.Name} goes with sound, not with --format {format}");
        }
        if (format == "wav" && !Directory.Exists(data))
            throw new CliException(ExitCodes.BadInput, $"{data}: sound is a folder of .wav files, and there is no such folder");
        return format;
    }

    /// <exception cref="CliException">A step has no two samples at this rate.</exception>
    public AudioSettings Audio(ParseResult parsed, int sampleRate)
    {
        try
        {
            return AudioSettings.FromMilliseconds(sampleRate, parsed.GetValue(_window), parsed.GetValue(_hop), parsed.GetValue(_bands));
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new CliException(ExitCodes.Usage, FormattableString.Invariant($"--audio-window and --audio-hop at {sampleRate} samples a second: {e.Message}"));
        }
    }
}
