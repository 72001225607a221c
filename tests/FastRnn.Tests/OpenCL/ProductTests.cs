using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>Products and gradients of weights as recurrent layers use them, bit by bit against the chains and sums that define them.</summary>
public sealed class ProductTests(ProductFixture fixture) : IClassFixture<ProductFixture>
{
    private readonly Random _random = new(11);

    /// <summary>Samples, units, gates, depth.</summary>
    public static TheoryData<string, int, int, int, int> GateShapes => ProductFixture.WithFamilies(
        (1, 11, 3, 7), (3, 16, 3, 17), (15, 33, 1, 5), (17, 5, 3, 33), (50, 75, 3, 65), (65, 17, 1, 130));

    /// <summary>Steps, samples, units, columns of X.</summary>
    public static TheoryData<string, int, int, int, int> GradientShapes => ProductFixture.WithFamilies(
        (5, 3, 11, 7), (66, 17, 5, 15), (130, 35, 7, 33), (3, 150, 6, 300), (2, 270, 3, 16));

    // The whole window's product starts at a bias, a step's goes on; both write some gates of every unit, at an offset.
    [OpenClTheory]
    [MemberData(nameof(GateShapes))]
    public void ChainsGoOnInGroupsOfColumns(string family, int batch, int units, int gates, int depth)
    {
        OpenClBackend device = fixture.Backend(family);
        int step = gates + 1, width = units * step, order = gates;
        float[] x = Values(2 * batch * depth), w = Values((gates + 1) * units * depth), r = Values((gates + 1) * units * depth), both = Values(width * 2);
        int[] chosen = [.. Enumerable.Range(0, gates).Select(g => (order - g) % (gates + 1))];
        float[] before = Values(2 * batch * width);
        OpenClBuffer input = New(device, 2 * batch, depth, x), gate = New(device, 2 * batch, width, before);
        var forInput = new GateWeights(device, New(device, (gates + 1) * units, depth, w), units, chosen);
        var forState = new GateWeights(device, New(device, (gates + 1) * units, depth, r), units, chosen);
        var bias = new GateBias(
            device, New(device, 1, (gates + 1) * units, both[..((gates + 1) * units)]), New(device, 1, (gates + 1) * units, both[^((gates + 1) * units)..]),
            units, chosen, chosen[0]);
        var groups = new ColumnGroups(gates, step);
        device.Products.Multiply(new Rows(input), forInput.Forward(), new Rows(gate, 0, 1, groups), 2 * batch, ChainStart.Row(bias.Row()));
        device.Products.Multiply(new Rows(input, batch), forState.Forward(), new Rows(gate, batch, 1, groups), batch, ChainStart.Present);
        var expected = (float[])before.Clone();
        for (int row = 0; row < 2 * batch; row++)
        {
            for (int i = 0; i < units * gates; i++)
            {
                int source = (chosen[i % gates] * units) + (i / gates);
                float start = i % gates == 0 ? both[source] : both[source] + both[both.Length - ((gates + 1) * units) + source];
                float chain = Chain(start, x.AsSpan(row * depth, depth), w.AsSpan(source * depth, depth));
                if (row >= batch)
                    chain = Chain(chain, x.AsSpan(row * depth, depth), r.AsSpan(source * depth, depth));
                expected[(row * width) + 1 + (i / gates * step) + (i % gates)] = chain;
            }
        }
        Equal(expected, gate, device);
    }

    // dh = start + dG·R: unit-major, gate-minor, from some gates of every unit.
    [OpenClTheory]
    [MemberData(nameof(GateShapes))]
    public void ChainsReadGroupsOfColumns(string family, int batch, int units, int gates, int columns)
    {
        OpenClBackend device = fixture.Backend(family);
        int step = gates + 1, width = units * step;
        float[] dG = Values(2 * batch * width), w = Values(units * gates * columns), start = Values(2 * batch * columns);
        OpenClBuffer gate = New(device, 2 * batch, width, dG), from = New(device, 2 * batch, columns, start), to = New(device, batch, columns);
        int[] all = [.. Enumerable.Range(0, gates)];
        PackedMatrix packed = new GateWeights(device, New(device, units * gates, columns, w), units, all).Backward();
        device.Products.Multiply(
            new Rows(gate, batch, 1, new ColumnGroups(gates, step)), packed, new Rows(to), batch, ChainStart.Matrix(new Rows(from, batch)), padded: true);
        var expected = new float[batch * columns];
        for (int i = 0; i < expected.Length; i++)
        {
            int row = batch + (i / columns), column = i % columns;
            float chain = start[(row * columns) + column];
            for (int k = 0; k < units * gates; k++)
            {
                float a = dG[(row * width) + 1 + (k / gates * step) + (k % gates)];
                chain = MathF.FusedMultiplyAdd(a, w[((((k % gates) * units) + (k / gates)) * columns) + column], chain);
            }
            expected[i] = chain + 0f;
        }
        Equal(expected, to, device);
    }

    // Rows go to their gates' places; a beginning's X counts as zero; spans can be done one by one; a buffer may hold only the last rows.
    [OpenClTheory]
    [MemberData(nameof(GradientShapes))]
    public void GradientsOfGates(string family, int steps, int batch, int units, int columns)
    {
        OpenClBackend device = fixture.Backend(family);
        int rows = steps * batch, width = units * 4, first = steps > 64 ? 64 : 0;
        float[] dG = Values(rows * width), x = Values(rows * columns), dW = Values(units * 3 * columns), bias = Values(units * 3);
        StepFlags flags = Flags(steps, batch);
        OpenClBuffer gate = New(device, rows, width, dG), late = New(device, rows - (first * batch), width, dG[(first * batch * width)..]);
        OpenClBuffer from = New(device, rows, columns, x), gradient = New(device, units * 3, columns, dW);
        OpenClBuffer one = New(device, 1, units * 3, bias), other = New(device, 1, units * 3, bias);
        TargetRows target = TargetRows.Gates(units, [2, 0, 1]);
        foreach ((int step, int count) in new[] { (first, steps - first), (0, first) }.Where(part => part.Item2 > 0))
        {
            RowOrder order = device.Products.Order(steps, batch, flags, step, count);
            Rows dY = step > 0 ? new Rows(late, -step * batch, 1, new(3, 4)) : new Rows(gate, 0, 1, new(3, 4));
            device.Products.AddWeightGradient(order, dY, new Rows(from), gradient, target, cleared: true);
            device.Products.AddBiasGradient(order, dY, one, other, target);
        }
        for (int n = 0; n < units * 3; n++)
        {
            int row = (new[] { 2, 0, 1 }[n % 3] * units) + (n / 3), at = 1 + (n / 3 * 4) + (n % 3);
            bias[row] = Sum(bias[row], steps, batch, flags, r => (dG[(r * width) + at], 1f));
            for (int k = 0; k < columns; k++)
            {
                dW[(row * columns) + k] = Sum(
                    dW[(row * columns) + k], steps, batch, flags, r => (dG[(r * width) + at], flags.Reset[r] != 0 ? 0f : x[(r * columns) + k]));
            }
        }
        Equal(dW, gradient, device);
        Equal(bias, one, device);
        Equal(bias, other, device);
    }

    // Sizes beyond the largest tile, with tails; devices of any size get each of the tiles.
    [OpenClTheory]
    [InlineData("Local", 0)]
    [InlineData("Local", 1)]
    [InlineData("Local", 2)]
    [InlineData("Local", 3)]
    [InlineData("Gpu", 1)]
    public void EveryTile(string kernels, int tile)
    {
        OpenClProducts products = fixture.Backend(kernels).Products;
        products.Tile = tile;
        try
        {
            ChainsGoOnInGroupsOfColumns(kernels, 65, 50, 3, 37);
            GradientsOfGates(kernels, 5, 35, 45, 150);
        }
        finally
        {
            products.Tile = null;
        }
    }

    private static float Chain(float start, ReadOnlySpan<float> x, ReadOnlySpan<float> w)
    {
        for (int k = 0; k < x.Length; k++)
            start = MathF.FusedMultiplyAdd(x[k], w[k], start);
        return start;
    }

    /// <summary>The definition: spans from the last to the first, slices in a tree, blocks in turn, each a chain from zero.</summary>
    private static float Sum(float gradient, int steps, int batch, StepFlags flags, Func<int, (float A, float B)> factors)
    {
        for (int first = (steps - 1) / 64 * 64; first >= 0; first -= 64)
        {
            var slices = new List<(float Sum, int Level)>();
            for (int sample = 0; sample < batch; sample += 16)
            {
                while (slices.Count > 1 && slices[^1].Level == slices[^2].Level)
                    Combine(slices);
                slices.Add((Slice(first, Math.Min(steps, first + 64), sample, Math.Min(batch, sample + 16), batch, flags, factors), 0));
            }
            while (slices.Count > 1)
                Combine(slices);
            gradient += slices[0].Sum;
        }
        return gradient;
    }

    private static void Combine(List<(float Sum, int Level)> slices)
    {
        slices[^2] = (slices[^2].Sum + slices[^1].Sum, slices[^2].Level + 1);
        slices.RemoveAt(slices.Count - 1);
    }

    private static float Slice(
        int from, int to, int sample, int end, int batch, StepFlags flags, Func<int, (float A, float B)> factors)
    {
        int blockSteps = end - sample > 8 ? 16 : end - sample > 4 ? 32 : 64;
        float sum = 0;
        for (int block = from; block < to; block += blockSteps)
        {
            float chain = 0;
            for (int t = block; t < Math.Min(to, block + blockSteps); t++)
            {
                for (int b = sample; b < end; b++)
                {
                    (float a, float x) = factors((t * batch) + b);
                    chain = flags.IsActive(t, b) ? MathF.FusedMultiplyAdd(a, x, chain) : chain;
                }
            }
            sum = block == from ? chain : sum + chain;
        }
        return sum;
    }

    private StepFlags Flags(int steps, int batch)
    {
        var flags = new StepFlags(steps, batch);
        for (int row = 0; row < steps * batch; row++)
        {
            flags.Active[row] = (byte)(_random.Next(7) == 0 ? 0 : 1);
            flags.Reset[row] = (byte)(_random.Next(9) == 0 ? 1 : 0);
        }
        return flags;
    }

    private float[] Values(int count) => ProductFixture.Values(_random, count);

    private static OpenClBuffer New(OpenClBackend device, int rows, int columns, float[]? values = null)
    {
        DeviceBuffer buffer = device.Allocate(rows, columns);
        if (values != null)
            device.Write(buffer, values);
        return (OpenClBuffer)buffer;
    }

    private static void Equal(float[] expected, OpenClBuffer actual, OpenClBackend device) =>
        ProductFixture.Equal(device, expected, ProductFixture.Read(device, actual), $"{actual}");
}
