using FastRnn.Data.Audio;
using FastRnn.Samples;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Samples;

/// <summary>The samples that embed a network in something larger do what they are for, on real data.</summary>
public sealed class EmbeddingSampleTests() : FileTest("effect.wav")
{
    private readonly StringWriter _output = new();

    /// <summary>The device differs from a wire by more than a third of its sound's energy; the network from the device by a tenth at most.</summary>
    [WideFact]
    public void EffectSoundsLikeThePedal()
    {
        Assert.Equal(0, SampleList.Start(["audio", Data("spoken-three.wav"), Target], TextReader.Null, _output, _output));
        WaveFile dry = WaveFile.Read(Data("spoken-three.wav")), wet = WaveFile.Read(Target);
        Assert.Equal((dry.SampleRate, dry.Samples.Length), (wet.SampleRate, wet.Samples.Length));
        Assert.Matches(@"effect\.wav: 4932 samples at 8000 Hz, error to signal [0-9]\.[0-9] %", _output.ToString());
        double difference = 0, energy = 0;
        for (int i = 0; i < dry.Samples.Length; i++)
        {
            difference += Math.Pow(dry.Samples.Span[i] - wet.Samples.Span[i], 2);
            energy += Math.Pow(wet.Samples.Span[i], 2);
        }
        Assert.InRange(difference / energy, 0.3, 2);
    }

    /// <summary>People marked two times of this sensor as anomalous; all that is reported lies in them, and something in both.</summary>
    [WideFact]
    public void SensorsAnomaliesAreThoseThatPeopleMarked()
    {
        using var values = new StreamReader(Data("traffic-speed.csv"));
        SensorStream.Figures figures = SensorStream.Run(values, _output);
        Assert.All(figures.Anomalies, line => Assert.True(line is (>= 2086 and <= 2210) or (>= 2337 and <= 2461), $"line {line}"));
        Assert.Contains(figures.Anomalies, line => line < 2211);
        Assert.Contains(figures.Anomalies, line => line > 2336);
        Assert.InRange(figures.Forecast / figures.Persistence, 0.5, 0.9);
        Assert.StartsWith("line 1: 'timestamp,value' ends with no number", _output.ToString(), StringComparison.Ordinal);
    }

    [WideFact]
    public void SensorGoesOnAfterLinesThatAreNoNumbers()
    {
        string[] lines = [.. Enumerable.Range(0, 300).Select(t => $"{20 + Math.Sin(t / 5.0):F3}")];
        lines[250] = "NaN";
        lines[260] = "out of order";
        lines[280] = "95";
        SensorStream.Figures figures = SensorStream.Run(new StringReader(string.Join('\n', lines)), _output, learn: 200, limit: 50);
        Assert.Equal([281], figures.Anomalies);
        Assert.Contains("line 251: 'NaN' ends with no number", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("line 261: 'out of order' ends with no number", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("line 281: 95, expected 1", _output.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Who walked only while seeing would come an eighth of the way: once in these frames at most, on average.</summary>
    [WideFact]
    public void AgentsRememberWhereTheirTargetsAre()
    {
        GameLoop.Figures figures = GameLoop.Run(_output, frames: 200);
        Assert.Equal(1000, figures.Arrived);
        Assert.InRange(figures.Arrivals, 3000, 10000);
    }

    [WideFact]
    public void TicksAreForetoldBetterThanByTheLastPrice()
    {
        using var ticks = new StreamReader(Data("click-prices.csv"));
        TickStream.Figures figures = TickStream.Run(ticks, _output);
        Assert.Equal(1225, figures.Ticks);
        Assert.InRange(figures.Forecast / figures.LastPrice, 0.5, 0.98);
        Assert.Equal(0, figures.Allocated);
        Assert.StartsWith("'timestamp,value' is no tick", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\n2011-07-17 15:00:01,0.", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void NamesOfSamplesAreListedAndOthersRefused()
    {
        Assert.Equal(0, SampleList.Start([], TextReader.Null, _output, TextWriter.Null));
        string[] lines = _output.ToString().TrimEnd().Split('\n');
        Assert.Equal(
            ["noisy-sine", "binary", "classify", "names", "next-step-sine", "audio", "sensor", "agents", "ticks"], lines.Select(line => line.Split(' ')[0]));
        var errors = new StringWriter();
        Assert.Equal(1, SampleList.Start(["sine"], TextReader.Null, TextWriter.Null, errors));
        Assert.Equal(1, SampleList.Start(["names", "binary"], TextReader.Null, TextWriter.Null, errors));
        Assert.Equal(1, SampleList.Start(["audio", "in.wav"], TextReader.Null, TextWriter.Null, errors));
        Assert.Contains("'sine', expected one of noisy-sine, binary, classify, names, next-step-sine, audio IN.wav OUT.wav,", errors.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sensor", "12\n13\n", "2 values came, 500 are needed")]
    [InlineData("ticks", "t,1\nt,-1\nt,2\n", "2 ticks came, the first 400 are only learnt from")]
    [InlineData("ticks", "", "0 ticks came")]
    public void StreamsThatEndTooSoonAreRefused(string name, string input, string problem)
    {
        var errors = new StringWriter();
        Assert.Equal(1, SampleList.Start([name], new StringReader(input), TextWriter.Null, errors));
        Assert.StartsWith($"samples: error: {problem}", errors.ToString(), StringComparison.Ordinal);
    }

    private static string Data(string name) => Path.Combine(Repository.Root, "tests", "data", name);
}
