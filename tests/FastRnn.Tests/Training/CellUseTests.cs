using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;
using static FastRnn.Tests.Training.CellTests;

namespace FastRnn.Tests.Training;

/// <summary>How states live and end: time, memory, and what is refused.</summary>
[Collection(AllocatedBytes.Alone)]
public class CellUseTests
{
    [Fact]
    public void BranchesHaveOneMaskAndLoopsTheirOwn()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 2, new Lstm(4, 40), new Dropout(0.5f));
        using var cell = new Cell(model, 1);
        float[] x = Random(4, 1);
        CellState start = cell.Start(), one = cell.Step(x, start), other = cell.Step(x, start);
        Bits.Same(one.Output, other.Output, "a step made twice");
        Assert.Equal((0, 1, 1, 1), (start.Time, one.Time, other.Time, cell.Time));
        CellState later = cell.Step(x, cell.Start());
        Assert.Equal((2, 2), (later.Time, cell.Time));
        Assert.False(one.Output.SequenceEqual(later.Output)); // the same but for the mask
        cell.Time = 0;
        Bits.Same(one.Output, cell.Step(x, cell.Start()).Output, "time put back");
    }

    /// <summary>h of a projected state is narrower than c, and both take gradients from outside.</summary>
    [Fact]
    public void GradientsOfAProjectedStateAndItsCellAddUp()
    {
        using var backend = new CpuBackend(1);
        using var model = new Sequential(backend, 2, new Lstm(4, 8) { Projection = 3 });
        using var cell = new Cell(model, 2);
        CellState state = cell.Start();
        float[] h = Random(6, 1), c = Random(16, 2), read = new float[16];
        state.AddHiddenGradient(0, h);
        state.AddCellGradient(0, c);
        state.CopyCellGradient(0, read);
        Assert.Equal(c, read);
        state.CopyHiddenGradient(0, read.AsSpan(0, 6));
        Assert.Equal(h, read[..6]);
    }

    [Fact]
    public void StepsAllocateNothing()
    {
        using var backend = new CpuBackend(2);
        using var model = new Sequential(backend, 2, new Lstm(4, 20), new Dropout(0.5f), new Gru(20, 6), new Linear(6, 5));
        using Cell training = new(model, 3), inference = new(model, 3, training: false);
        float[] x = Random(12, 1), dY = Random(15, 2), dX = new float[12], dH = Random(60, 3);
        var states = new CellState[10];
        var optimizer = new Adam(0.01f);
        for (int warmUp = 0; warmUp < 5; warmUp++)
            Loop();
        AllocatedBytes.None(Loop);

        void Loop()
        {
            CellState start = training.Start(), state = start, stream = inference.Start();
            for (int t = 0; t < states.Length; t++)
            {
                training.Release(training.Step(x, state)); // a branch that is not taken
                states[t] = state = training.Step(x, state);
                CellState before = stream;
                stream = inference.Step(x, stream);
                inference.Release(before);
            }
            states[3].AddHiddenGradient(0, dH);
            for (int t = states.Length - 1; t >= 0; t--)
                training.Backward(states[t], dY, dX);
            training.Release(start);
            inference.Release(stream);
            training.Update(optimizer, clipNorm: 1);
        }
    }

    [Fact]
    public void MisuseIsRefused()
    {
        using var backend = new CpuBackend(1);
        using Sequential model = new(backend, 2, new Lstm(4, 5), new Gru(5, 6)), foreign = new(backend, 2, new Lstm(4, 5));
        using Cell cell = new(model, 1), other = new(foreign, 1), inference = new(model, 1, training: false);
        float[] x = Random(4, 1), dY = Random(6, 2);
        CellState start = cell.Start(), first = cell.Step(x, start), second = cell.Step(x, first);
        Refused<ArgumentException>("belongs to another cell", () => cell.Step(x, other.Start()));
        Refused<ArgumentException>("belongs to another cell", () => other.Backward(second, dY));
        Refused<InvalidOperationException>("this is no state", () => cell.Step(x, default));
        Refused<InvalidOperationException>("1 step from this state must be taken back", () => cell.Backward(first, dY));
        Refused<InvalidOperationException>("1 step from this state must be taken back", () => cell.Release(first));
        Refused<InvalidOperationException>("is a start", () => cell.Backward(start, dY));
        Refused<ArgumentException>("expected 6 values, got 5", () => cell.Backward(second, new float[5]));
        Refused<ArgumentException>("expected 4 values, got 5", () => cell.Backward(second, dY, new float[5]));
        Refused<ArgumentException>("expected 4 values, got 3", () => cell.Step(new float[3], second));
        Refused<ArgumentException>("reads values", () => cell.Step((ReadOnlySpan<int>)[1], second));
        Refused<ArgumentException>("recurrent layer 1 has no c", () => second.CopyCell(1, new float[6]));
        Refused<ArgumentOutOfRangeException>("layer", () => second.CopyHidden(2, new float[6]));
        Refused<ArgumentException>("expected 5 values", () => second.CopyHidden(0, new float[6]));
        Refused<InvalidOperationException>("only a start", () => second.SetHidden(0, new float[5]));
        Refused<InvalidOperationException>("only a start", () => start.SetHidden(0, new float[5]));
        cell.Backward(second, dY);
        Refused<InvalidOperationException>("taken back or released", () => cell.Backward(second, dY));
        Refused<InvalidOperationException>("taken back or released", () => cell.Step(x, second));
        Refused<InvalidOperationException>("taken back or released", () => second.Output.ToArray());
        CellState again = cell.Step(x, first); // in the place of the one before, and not mistaken for it
        Refused<InvalidOperationException>("taken back or released", () => cell.Release(second));
        Assert.True(again != second && again == cell.Step(x, first) == false && first.Equals((object)first));
        cell.Clear();
        Refused<InvalidOperationException>("taken back or released", () => cell.Step(x, first));
        CellState streamed = inference.Step(x, inference.Start());
        Refused<InvalidOperationException>("made for inference", () => inference.Backward(streamed, dY));
        Refused<InvalidOperationException>("made for inference", () => streamed.AddHiddenGradient(0, new float[5]));
        Refused<NotSupportedException>("layer 0, Bidirectional", () => new Cell(new Bidirectional(new Gru(2, 3)), 1));
        Refused<ArgumentOutOfRangeException>("batch", () => new Cell(model, 0));
        CellState left = cell.Start();
        cell.Dispose();
        Refused<ObjectDisposedException>("Cell", () => cell.Start());
        Refused<ObjectDisposedException>("Cell", () => cell.Step(x, left));
        Refused<ObjectDisposedException>("Cell", () => left.Time.ToString());
    }

    [Fact]
    public void LayerAloneIsACell()
    {
        using var cell = new Cell(new Lstm(3, 4), batch: 2);
        Assert.Equal((2, 1, true), (cell.Batch, cell.Start().Layers, cell.IsTraining));
        Assert.Equal(8, cell.Step(new float[6], cell.Start()).Output.Length);
        Assert.Equal(0, cell.Start().Output.Length);
    }

    private static void Refused<T>(string message, Func<object?> action)
        where T : Exception => Assert.Contains(message, Assert.Throws<T>(() => { action(); }).Message, StringComparison.Ordinal);

    private static void Refused<T>(string message, Action action)
        where T : Exception => Assert.Contains(message, Assert.Throws<T>(action).Message, StringComparison.Ordinal);
}
