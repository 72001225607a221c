namespace FastRnn.Training;

/// <summary>How sound becomes the values that a model reads: frames of log energies in bands of the mel scale.</summary>
public sealed record AudioSettings
{
    /// <summary>Most samples of a frame or between two.</summary>
    public const int LongestFrame = 65_536;

    /// <summary>Most bands.</summary>
    public const int MostBands = 1024;

    /// <summary>Samples a second, 1 to 1,000,000.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Samples of a frame, 2 to <see cref="LongestFrame"/>.</summary>
    public required int Window { get; init; }

    /// <summary>Samples from the start of a frame to that of the next, 1 to <see cref="LongestFrame"/>.</summary>
    public required int Hop { get; init; }

    /// <summary>Bands of a frame, 1 to <see cref="MostBands"/>: the values that go in at a step.</summary>
    public required int Bands { get; init; }

    /// <summary>Settings in milliseconds: frames of 25 ms every 10 ms are usual for speech.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size lies outside its bounds.</exception>
    public static AudioSettings FromMilliseconds(int sampleRate, double window = 25, double hop = 10, int bands = 40)
    {
        var settings = new AudioSettings
        {
            SampleRate = sampleRate,
            Window = Samples(window, sampleRate),
            Hop = Samples(hop, sampleRate),
            Bands = bands,
        };
        settings.Validate();
        return settings;
    }

    /// <summary>Refuses sizes outside their bounds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Says which.</exception>
    public void Validate()
    {
        Check(nameof(SampleRate), SampleRate, 1, 1_000_000);
        Check(nameof(Window), Window, 2, LongestFrame);
        Check(nameof(Hop), Hop, 1, LongestFrame);
        Check(nameof(Bands), Bands, 1, MostBands);

        static void Check(string name, int value, int least, int most)
        {
            if (value < least || value > most)
                throw new ArgumentOutOfRangeException(name, value, $"must lie from {least} to {most}");
        }
    }

    private static int Samples(double milliseconds, int sampleRate) =>
        (int)Math.Clamp(Math.Round(milliseconds * sampleRate / 1000), 0, int.MaxValue);
}
