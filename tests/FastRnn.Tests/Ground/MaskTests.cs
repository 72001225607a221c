using FastRnn.Backends;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Ground;

/// <summary>Masks by vectors have the draws of <see cref="DropoutDraw"/>, and select without letting through what they leave out.</summary>
public unsafe class MaskTests
{
    private const float Guard = -7f;

    /// <summary>Also just beyond a draw and on it: there a comparison that rounds, or takes the wrong side, shows.</summary>
    private static readonly float[] Rates = [0f, float.Epsilon, MathF.ScaleB(1, -24), 0.1f, 0.5f, 0.75f, 1 - MathF.ScaleB(1, -23), 1 - MathF.ScaleB(1, -24)];

    private static readonly int[] Lengths = [0, 1, 3, 15, 16, 17, 31, 32, 48, 63, 64, 65, 100, 128, 200, 273];

    public static TheoryData<IsaLevel> Levels => BitsTests.Levels;

    [Theory]
    [MemberData(nameof(Levels))]
    public void MaskEqualsTheDraws(IsaLevel isa)
    {
        var random = new Random(31);
        for (int round = 0; round < 600; round++)
        {
            int length = Lengths[round % Lengths.Length], t = random.Next(1000), b = random.Next(3) == 0 ? int.MaxValue - round : random.Next(5000);
            int first = random.Next(4) switch { 0 => 4 * random.Next(1 << 22), 1 => (1 << 26) - 300, _ => 0 };
            DropoutMask mask = RandomMask(random, Rates[random.Next(Rates.Length)]);
            float kept = random.Next(2) == 0 ? 1f : 1f / (1f - mask.Rate);
            Check(isa, mask, t, b, first & ~3, length, kept);
        }
    }

    /// <summary>Rates that are exactly one of the row's draws, and their neighbours.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void DrawThatEqualsTheRateIsKept(IsaLevel isa)
    {
        var random = new Random(32);
        for (int round = 0; round < 200; round++)
        {
            DropoutMask mask = RandomMask(random, 0f);
            float draw = Draw(mask, 3, 5, random.Next(77));
            foreach (float rate in new[] { draw, MathF.BitIncrement(draw), MathF.BitDecrement(draw) })
            {
                if (rate is >= 0f and < 1f)
                    Check(isa, mask with { Rate = rate }, 3, 5, 0, 77, 1f);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void MasksSelect(IsaLevel isa)
    {
        const int length = 48;
        KernelTable table = KernelTable.For(isa);
        float[] odd = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1.5f];
        using AlignedBuffer mask = Filled(i => i % 3 == 0 ? 0f : 1.25f), a = Filled(i => odd[i % 5]), b = Filled(i => odd[(i / 5) % 5]);
        using AlignedBuffer applied = new(length), selected = new(length), divided = new(length), other = Filled(i => 0.5f * i);
        table.ApplyMask(mask.Pointer, a.Pointer, applied.Pointer, length);
        table.SelectByMask(mask.Pointer, a.Pointer, b.Pointer, selected.Pointer, length);
        table.DivideByMask(mask.Pointer, a.Pointer, divided.Pointer, other.Pointer, length);
        for (int i = 0; i < length; i++)
        {
            bool kept = i % 3 != 0;
            float x = a.Span[i];
            Assert.Equal((i, kept ? x * 1.25f : 0f), (i, applied.Span[i]));
            Assert.Equal((i, kept ? x : b.Span[i]), (i, selected.Span[i]));
            Assert.Equal((i, kept ? x : 0f), (i, divided.Span[i]));
            Assert.Equal((i, kept ? 0.5f * i : (0.5f * i) + x), (i, other.Span[i]));
        }

        static AlignedBuffer Filled(Func<int, float> value)
        {
            var buffer = new AlignedBuffer(length);
            for (int i = 0; i < length; i++)
                buffer.Span[i] = value(i);
            return buffer;
        }
    }

    /// <summary>Dropout of a layer on every instruction set and number of threads, above and below where the threads begin to share.</summary>
    [Theory]
    [MemberData(nameof(Levels))]
    public void DropoutOfABackEndEqualsTheDraws(IsaLevel isa)
    {
        foreach ((int steps, int batch, int columns) in new[] { (3, 5, 7), (1, 1, 300), (9, 7, 530) })
        {
            foreach (bool perSample in new[] { false, true })
            {
                foreach (int threads in new[] { 1, 2, 3 })
                    CheckDropout(isa, threads, steps, batch, columns, perSample);
            }
        }
    }

    private static void CheckDropout(IsaLevel isa, int threads, int steps, int batch, int columns, bool perSample)
    {
        using var backend = new CpuBackend(threads, isa);
        var mask = new DropoutMask(0.3f, Seed: 71, Layer: 2, Time: (1L << 32) - 2, PerSample: perSample);
        DeviceBuffer x = backend.Allocate(steps * batch, columns), y = backend.Allocate(steps * batch, columns);
        float[] values = [.. Enumerable.Range(0, steps * batch * columns).Select(i => MathF.Sin(i))], result = new float[values.Length];
        backend.Write(x, values);
        backend.Dropout(x, y, mask, steps, batch);
        backend.Read(y, result);
        float[] expected = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int row = i / columns;
            expected[i] = Draw(mask, row / batch, row % batch, i % columns) >= mask.Rate ? values[i] * (1f / (1f - mask.Rate)) : 0f;
        }
        Bits.Same(expected, result, $"isa={isa} threads={threads} steps={steps} batch={batch} columns={columns} perSample={perSample}");
    }

    private static DropoutMask RandomMask(Random random, float rate) => new(
        rate, (ulong)random.NextInt64(long.MinValue, long.MaxValue), random.Next(2) == 0 ? random.Next(256) : random.Next(8),
        random.Next(2) == 0 ? random.NextInt64(long.MaxValue - 1000) : random.Next(100), (DropoutUse)random.Next(5), random.Next(2) == 0,
        random.Next(2) == 0);

    private static float Draw(in DropoutMask mask, int t, int b, int unit)
    {
        var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, t, b, unit / 4);
        return (unit % 4) switch { 0 => u0, 1 => u1, 2 => u2, _ => u3 };
    }

    private static void Check(IsaLevel isa, in DropoutMask mask, int t, int b, int first, int length, float kept)
    {
        using var to = new AlignedBuffer(length + 16);
        to.Span.Fill(Guard);
        MaskArgs args = DropoutDraw.Args(mask, kept);
        DropoutDraw.Enter(mask, t, b, ref args);
        KernelTable.For(isa).DrawMask(&args, first, length, to.Pointer);
        for (int i = 0; i < length + 16; i++)
        {
            float expected = i >= length ? Guard : Draw(mask, t, b, first + i) >= mask.Rate ? kept : 0f;
            Assert.True(expected == to.Span[i], $"{isa} {mask} t={t} b={b} first={first} length={length} at {i}: {to.Span[i]:R}, expected {expected:R}");
        }
    }
}
