using FastRnn.Memory;
using Xunit;

namespace FastRnn.Tests.Ground;

/// <summary>Native memory: alignment, zeroes, and the checks of debug builds, which these tests switch on in every build.</summary>
public unsafe class MemoryTests
{
    [Fact]
    public void BlocksAreAlignedAndZeroed()
    {
        for (int length = 0; length < 300; length++)
        {
            using var block = new AlignedBuffer(length);
            Assert.Equal(0, (nint)block.Pointer % AlignedBuffer.Alignment);
            Assert.Equal(length, block.Span.Length);
            Assert.True(block.Span.IndexOfAnyExcept(0f) < 0);
            block.Span.Fill(1f); // so that a block that comes back from the heap is not zero by luck
        }
    }

    /// <summary>Around the size from which blocks ask for huge pages: to the last float theirs, and zero when memory comes back from one before.</summary>
    [Theory]
    [InlineData((1 << 19) - 16)]
    [InlineData(1 << 19)]
    [InlineData((1 << 19) + 1)]
    [InlineData((3 << 19) - 1)]
    public void LargeBlocksAreAlignedAndZeroed(int length)
    {
        for (int round = 0; round < 3; round++)
        {
            using AlignedBuffer first = new(length), second = new(length);
            foreach (AlignedBuffer block in new[] { first, second })
            {
                Assert.Equal(0, (nint)block.Pointer % AlignedBuffer.Alignment);
                Assert.True(block.Span.IndexOfAnyExcept(0f) < 0);
            }
            first.Span.Fill(1f);
            Assert.True(second.Span.IndexOfAnyExcept(0f) < 0);
            second.Span.Fill(2f);
            Assert.True(first.Span.IndexOfAnyExcept(1f) < 0);
        }
    }

    [Fact]
    public void DisposedBlockIsNotReadable()
    {
        var block = new AlignedBuffer(16);
        block.Dispose();
        block.Dispose();
        Assert.Throws<ObjectDisposedException>(() => block.Span.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => new AlignedBuffer(-1));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 16)]
    [InlineData(16, 16)]
    [InlineData(17, 32)]
    public void RowsArePaddedToWholeRegisters(int columns, int padded)
    {
        Assert.Equal(padded, AlignedBuffer.Pad(columns));
        Assert.Throws<OverflowException>(() => AlignedBuffer.Pad(int.MaxValue));
    }

    [Fact]
    public void PoolReusesBlocks()
    {
        using var pool = new BufferPool(check: true);
        for (int length = 1; length < 5000; length = (length * 3 / 2) + 1)
        {
            AlignedBuffer block = pool.Rent(length);
            Assert.InRange(block.Length, length, Math.Max(16, 2 * length));
            pool.Return(block);
            Assert.Same(block, pool.Rent(length));
            AlignedBuffer other = pool.Rent(length);
            Assert.NotSame(block, other);
            Assert.Equal(2, pool.Outstanding);
            pool.Return(block);
            pool.Return(other);
            Assert.Equal(0, pool.Outstanding);
        }
    }

    [Fact]
    public void DoubleAndForeignReturnsAreFound()
    {
        using var pool = new BufferPool(check: true);
        using var other = new BufferPool(check: true);
        AlignedBuffer block = pool.Rent(10), foreign = other.Rent(10);
        pool.Return(block);
        Assert.Contains("twice", Assert.Throws<InvalidOperationException>(() => pool.Return(block)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => pool.Return(foreign));
        Assert.Equal(0, pool.Outstanding);
        other.Return(foreign);
    }

    [Fact]
    public void LeakIsFoundWhenThePoolGoes()
    {
        var pool = new BufferPool(check: true);
        AlignedBuffer leaked = pool.Rent(10);
        Assert.Contains("1 rented block", Assert.Throws<InvalidOperationException>(pool.Dispose).Message, StringComparison.Ordinal);
        leaked.Dispose();
    }

    [Fact]
    public void ArenaHandsOutAlignedRunsInOrder()
    {
        using var arena = new Arena(check: true);
        arena.Ensure(100);
        float* first = arena.Take(3), second = arena.Take(20);
        Assert.Equal((0, 64), ((nint)first % AlignedBuffer.Alignment, (int)((byte*)second - (byte*)first)));
        Assert.Equal(48, arena.Used);
        nint mark = arena.Used;
        Assert.Equal(32, arena.TakeSpan(32).Length);
        arena.Release(mark);
        Assert.Contains("too small", Assert.Throws<InvalidOperationException>(() => arena.TakeSpan(80)).Message, StringComparison.Ordinal);
        arena.Release(0);
        Assert.True(arena.Take(100) == first);
        arena.Release(0);
    }

    [Fact]
    public void MistakesWithArenasAreFound()
    {
        using var arena = new Arena(check: true);
        arena.Ensure(64);
        nint mark = arena.Used;
        arena.TakeSpan(16);
        Assert.Contains("never released", Assert.Throws<InvalidOperationException>(() => arena.Ensure(1000)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(arena.Dispose);
        arena.Release(mark);
        Assert.Contains("twice", Assert.Throws<InvalidOperationException>(() => arena.Release(16)).Message, StringComparison.Ordinal);
    }
}
