using FastRnn.Samples;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Samples;

/// <summary>The samples learn: each does better than what takes no learning. Smaller than as programs where that takes more than a second or two.</summary>
public sealed class SampleTests
{
    private readonly StringWriter _output = new();

    /// <summary>As in the program. The linear forecast from the same ten values is hard to beat; the noise alone has a mean square of 0.01.</summary>
    [WideTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void NoisySineIsForetoldAsWellAsByTheBestLine(ulong seed)
    {
        NoisySine.Figures figures = NoisySine.Run(_output, seed);
        Assert.InRange(figures.Network / figures.Linear, 0.8, 1.15);
        Assert.InRange(figures.Network / figures.Persistence, 0, 0.6);
        Assert.Contains("epoch 60: training MSE 0.0", _output.ToString(), StringComparison.Ordinal);
    }

    [WideFact]
    public void RussianNamesAreTold()
    {
        RussianNames.Figures figures = RussianNames.Run(_output, epochs: 5, every: 8);
        Assert.InRange(figures.Majority, 0.5, 0.6);
        Assert.InRange(figures.Network, 0.85, 1);
        Assert.Contains("Hemingway: Russian with probability", _output.ToString(), StringComparison.Ordinal);
    }

    [WideFact]
    public void SpeakersAreToldApart()
    {
        Speakers.Figures figures = Speakers.Run(_output, epochs: 20);
        Assert.InRange(figures.Majority, 0.1, 0.3);
        Assert.InRange(figures.SimpleRnn, 0.9, 1);
        Assert.InRange(figures.Lstm, 0.92, 1);
    }

    [WideFact]
    public void NamesAreTold()
    {
        NamesByLanguage.Figures figures = NamesByLanguage.Run(_output, passes: 4, every: 8);
        Assert.InRange(figures.Majority, 0.4, 0.5);
        Assert.InRange(figures.Network, figures.Majority + 0.15, 1);
        Assert.Equal(figures.Losses.OrderDescending(), figures.Losses);
        Assert.Contains("Dovesky: Russian", _output.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The free run counts: a network that has only learnt to repeat its input would stand still.</summary>
    [WideFact]
    public void SineRunsFreely()
    {
        NextStepSine.Figures figures = NextStepSine.Run(_output);
        Assert.InRange(figures.Zero, 0.49, 0.51);
        Assert.InRange(figures.NextStep, 0, 1e-3);
        Assert.InRange(figures.FreeRun, 0, 1e-2);
    }
}
