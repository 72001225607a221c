using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>Right answers are counted where they count, on a model whose outputs are its inputs.</summary>
public sealed class AccuracyTests : IDisposable
{
    private readonly CpuBackend _backend = new(1);
    private readonly Sequential _model;

    public AccuracyTests()
    {
        _model = new Sequential(_backend, 1, new Linear(3, 3));
        _model.Parameters[0].Write([1, 0, 0, 0, 1, 0, 0, 0, 1]);
        _model.Parameters[1].Write([0, 0, 0]);
    }

    public void Dispose() => _backend.Dispose();

    /// <summary>Steps 0 and 2 of sample 0, and step 0 of sample 1, are right.</summary>
    [Fact]
    public void CountsClassesAtStepsThatCount()
    {
        SequenceChunk window = Classes();
        Assert.Equal(3.0 / 6, _model.Accuracy([window]), 12);
        window.Targets[3] = -1; // sample 1, step 1, which is wrong
        Assert.Equal(3.0 / 5, _model.Accuracy([window]), 12);
        window.SetIgnored(0, 0);
        Assert.Equal(2.0 / 4, _model.Accuracy([window]), 12);
        Assert.Equal((2.0 + 3) / (4 + 6), _model.Accuracy([window, Classes()]), 12);
    }

    [Fact]
    public void LastStepsAreThoseOfEachLength()
    {
        SequenceChunk window = Classes();
        window.LastStepOnly = true;
        Assert.Equal(1.0 / 2, _model.Accuracy([window]), 12);
        window.SetLength(1, 1);
        Assert.Equal(1, _model.Accuracy([window]), 12);
        window.SetLength(0, 2);
        Assert.Equal(1.0 / 2, _model.Accuracy([window]), 12);
        window.SetLength(1, 0);
        Assert.Equal(0, _model.Accuracy([window]), 12);
    }

    [Fact]
    public void OfEqualOutputsTheFirstIsTheAnswer()
    {
        var window = new SequenceChunk(1, 2, 3, 0);
        ((ReadOnlySpan<float>)[1, 2, 2, 0, 0, 0]).CopyTo(window.InputValues);
        ((ReadOnlySpan<int>)[1, 2]).CopyTo(window.Targets);
        Assert.Equal(1.0 / 2, _model.Accuracy([window]), 12);
    }

    [Fact]
    public void YesAndNoAreCountedOneByOne()
    {
        var window = new SequenceChunk(1, 2, 3, 3);
        ((ReadOnlySpan<float>)[0.1f, -0.1f, 5, -5, 0, 2]).CopyTo(window.InputValues);
        ((ReadOnlySpan<float>)[1, 1, 1, 0, 0, 0]).CopyTo(window.TargetValues);
        Assert.Equal(4.0 / 6, _model.Accuracy([window]), 12);
    }

    [Fact]
    public void NothingToCountIsRefused()
    {
        SequenceChunk window = Classes();
        window.Targets.Fill(-1);
        Assert.Contains("no step counts", Assert.Throws<ArgumentException>(() => _model.Accuracy([window])).Message, StringComparison.Ordinal);
        Assert.Contains("no step counts", Assert.Throws<ArgumentException>(() => _model.Accuracy([])).Message, StringComparison.Ordinal);
        string message = Assert.Throws<ArgumentException>(() => _model.Accuracy([new SequenceChunk(1, 1, 3, 2)])).Message;
        Assert.Contains("2 target values a step, the model 3 outputs", message, StringComparison.Ordinal);
    }

    private static SequenceChunk Classes()
    {
        var window = new SequenceChunk(3, 2, 3, 0);
        float[] logits =
        [
            9, 1, 2, /**/ -3, -1, -2,
            1, 2, 2, /**/ 0, 0, 1,
            0, 0, 7, /**/ 4, 3, 2,
        ];
        logits.CopyTo(window.InputValues);
        ((ReadOnlySpan<int>)[0, 1, 2, 1, 2, 2]).CopyTo(window.Targets);
        return window;
    }
}
