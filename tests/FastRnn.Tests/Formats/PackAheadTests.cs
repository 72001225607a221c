using FastRnn.Backends;
using FastRnn.Formats;
using Xunit;

namespace FastRnn.Tests.Formats;

/// <summary>Packing beside reading: the thread is there when there is work, and gone when loading goes on.</summary>
public sealed class PackAheadTests : IDisposable
{
    private readonly CpuBackend _backend = new(1);

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData(1, PackAhead.Least)]
    [InlineData(2, PackAhead.Least - 1)]
    public void One_thread_and_small_weights_start_none(int threads, int length)
    {
        var weights = new Watched();
        using var ahead = new PackAhead([weights], threads);
        ahead.Add(_backend.Allocate(1, length));
        Assert.False(ahead.Runs);
        ahead.Finish();
        Assert.Equal(0, weights.Packed);
    }

    [Fact]
    public void All_that_was_added_is_packed_when_it_has_finished_and_no_thread_is_left()
    {
        var weights = new Watched();
        using var ahead = new PackAhead([weights], 2);
        for (int i = 0; i < 5; i++)
            ahead.Add(_backend.Allocate(1, PackAhead.Least));
        ahead.Finish();
        Assert.Equal(5, weights.Packed);
        Assert.False(ahead.Runs);
    }

    [Fact]
    public void Given_up_in_the_middle_it_ends_what_has_begun_and_begins_nothing()
    {
        using var begun = new ManualResetEventSlim();
        using var goes = new ManualResetEventSlim();
        var weights = new Watched(() =>
        {
            begun.Set();
            goes.Wait();
        });
        var ahead = new PackAhead([weights], 2);
        for (int i = 0; i < 5; i++)
            ahead.Add(_backend.Allocate(1, PackAhead.Least));
        begun.Wait();
        var end = new Thread(ahead.Dispose);
        end.Start();
        Assert.False(end.Join(50)); // it waits for the one that has begun
        goes.Set();
        end.Join();
        Assert.Equal(1, weights.Packed);
        Assert.False(ahead.Runs);
    }

    [Fact]
    public void Given_up_while_it_waits_it_ends()
    {
        var weights = new Watched();
        var ahead = new PackAhead([weights], 2);
        ahead.Add(_backend.Allocate(1, PackAhead.Least));
        SpinWait.SpinUntil(() => weights.Packed == 1);
        Assert.True(ahead.Runs);
        ahead.Dispose();
        Assert.False(ahead.Runs);
    }

    [Fact]
    public void What_fails_on_its_thread_is_thrown_to_the_loading_one()
    {
        using var ahead = new PackAhead([new Watched(() => throw new InsufficientMemoryException("no room"))], 2);
        ahead.Add(_backend.Allocate(1, PackAhead.Least));
        Assert.Equal("no room", Assert.Throws<InsufficientMemoryException>(ahead.Finish).Message);
        Assert.False(ahead.Runs);
    }

    private sealed class Watched(Action? happens = null) : ProductWeights
    {
        private int _packed;

        public int Packed => Volatile.Read(ref _packed);

        public override int LongestSum => 1;

        public override void PrepareFrom(DeviceBuffer parameter)
        {
            happens?.Invoke();
            Interlocked.Increment(ref _packed);
        }
    }
}
