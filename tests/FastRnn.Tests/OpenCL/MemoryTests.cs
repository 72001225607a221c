using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Arrays of an OpenCL device and the ways to and from them.</summary>
public class MemoryTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>
{
    [OpenClFact]
    public void NewBuffersAreZero()
    {
        OpenClBackend backend = fixture.Backend;
        for (int round = 0; round < 3; round++)
        {
            DeviceBuffer buffer = backend.Allocate(5, 33);
            var values = new float[5 * 33];
            backend.Read(buffer, values);
            Assert.All(values, value => Assert.Equal(0, BitConverter.SingleToInt32Bits(value)));
            Array.Fill(values, float.NaN);
            backend.Write(buffer, values);
        }
    }

    [OpenClTheory]
    [InlineData(1, 1)]
    [InlineData(7, 17)]
    [InlineData(1031, 1033)]
    public void ValuesComeBack(int rows, int columns)
    {
        OpenClBackend backend = fixture.Backend;
        DeviceBuffer buffer = backend.Allocate(rows, columns);
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(i => (i * 0.37f) - 5)];
        var back = new float[values.Length];
        backend.Write(buffer, values);
        backend.Read(buffer, back);
        Assert.Equal(values, back);
        double[] wide = [.. values.Select(value => (double)value + 0.125)], wideBack = new double[values.Length];
        backend.Write(buffer, wide);
        backend.Read(buffer, wideBack);
        Assert.Equal(wide.Select(value => (double)(float)value), wideBack);
    }

    [OpenClFact]
    public void ViewsShareMemory()
    {
        OpenClBackend backend = fixture.Backend;
        DeviceBuffer buffer = backend.Allocate(7, 11), view = backend.View(backend.View(buffer, 1, 6), 2, 3);
        int before = buffer.Version;
        backend.Write(view, Enumerable.Repeat(2f, 33).ToArray());
        backend.Accumulate(view, view);
        Assert.True(buffer.Version > before);
        var values = new float[77];
        backend.Read(buffer, values);
        Assert.Equal(Enumerable.Range(0, 77).Select(i => i is >= 33 and < 66 ? 4f : 0f), values);
        backend.Zero(view);
        backend.Read(buffer, values);
        Assert.All(values, value => Assert.Equal(0f, value));
        Assert.Throws<ArgumentOutOfRangeException>(() => backend.View(buffer, 3, 5));
    }

    [OpenClFact]
    public void RowsAreCopied()
    {
        OpenClBackend backend = fixture.Backend;
        DeviceBuffer source = backend.Allocate(5, 3), destination = backend.Allocate(4, 3), whole = backend.Allocate(5, 3);
        float[] values = [.. Enumerable.Range(1, 15)];
        backend.Write(source, values);
        backend.CopyRows(source, 2, destination, 1, 2);
        backend.Copy(source, whole);
        var back = new float[12];
        backend.Read(destination, back);
        Assert.Equal([0, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0, 0], back);
        var all = new float[15];
        backend.Read(whole, all);
        Assert.Equal(values, all);
    }

    /// <summary>Rows that lie one over the other, within a buffer and through a view, come as they were.</summary>
    [OpenClFact]
    public void OverlappingRowsAreCopied()
    {
        OpenClBackend backend = fixture.Backend;
        DeviceBuffer buffer = backend.Allocate(6, 3);
        backend.Write(buffer, [.. Enumerable.Range(0, 18).Select(i => (float)i)]);
        backend.CopyRows(buffer, 0, buffer, 1, 4);
        var back = new float[18];
        backend.Read(buffer, back);
        Assert.Equal([0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 17], back);
        backend.CopyRows(buffer, 2, backend.View(buffer, 1, 5), 0, 3);
        backend.Read(buffer, back);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 9, 10, 11, 15, 16, 17], back);
    }

    [OpenClFact]
    public void WrongUsesAreNamed()
    {
        OpenClBackend backend = fixture.Backend;
        DeviceBuffer buffer = backend.Allocate(2, 3);
        Assert.Contains("[2, 3]", Assert.Throws<ArgumentException>(() => backend.Write(buffer, new float[5])).Message, StringComparison.Ordinal);
        Assert.Contains("expected a buffer [2, 3]",
            Assert.Throws<ArgumentException>(() => backend.Copy(buffer, backend.Allocate(3, 2))).Message, StringComparison.Ordinal);
        using var other = new CpuBackend(1);
        Assert.Contains("another back end",
            Assert.Throws<ArgumentException>(() => backend.Zero(other.Allocate(1, 1))).Message, StringComparison.Ordinal);
        using var twin = new OpenClBackend();
        Assert.Throws<ArgumentException>(() => backend.Copy(buffer, twin.Allocate(2, 3)));
        Assert.False(backend.IsLike(twin));
        Assert.Contains("there is no OpenCL device 999",
            Assert.Throws<OpenClException>(() => new OpenClBackend(999)).Message, StringComparison.Ordinal);
    }

    [OpenClFact]
    public void NothingIsDoneAfterDispose()
    {
        var backend = new OpenClBackend();
        DeviceBuffer buffer = backend.Allocate(1, 1);
        backend.Dispose();
        backend.Dispose();
        Assert.Throws<ObjectDisposedException>(() => backend.Read(buffer, new float[1]));
    }
}
