using FastRnn.Backends;
using FastRnn.OpenCL;
using Xunit;

namespace FastRnn.Tests.OpenCL;

/// <summary>The affine layer on OpenCL: against the reference in double, and bit for bit against the CPU back end; both families of products.</summary>
public sealed class LinearLayerTests(ProductFixture fixture) : IClassFixture<ProductFixture>
{
    private static readonly string[] Names = ["y", "dW", "db", "dX"];

    private readonly Random _random = new(7);

    // Rows of tiles and chunks, their tails; slices of 16 samples, more than a chunk of them; spans of 64 steps.
    public static TheoryData<string, int, int, int, int> Shapes => ProductFixture.WithFamilies(
        (1, 1, 7, 11), (15, 1, 11, 7), (4, 4, 16, 33), (1, 17, 33, 65), (3, 11, 65, 15), (5, 13, 17, 130), (2, 150, 75, 67), (131, 6, 5, 17), (67, 21, 270, 19));

    public static TheoryData<string, int, int, int, int> MaskedShapes => ProductFixture.WithFamilies((5, 3, 7, 11), (67, 33, 17, 15));

    [OpenClTheory]
    [MemberData(nameof(Shapes))]
    public void EverythingAgrees(string family, int steps, int batch, int input, int output) => Compare(family, Case(steps, batch, input, output, null));

    [OpenClTheory]
    [MemberData(nameof(MaskedShapes))]
    public void InactiveRowsAreSkipped(string family, int steps, int batch, int input, int output)
    {
        var flags = new StepFlags(steps, batch);
        Layer layer = Case(steps, batch, input, output, flags);
        for (int row = 0; row < steps * batch; row += 1 + _random.Next(4))
        {
            flags.Active[row] = 0;
            layer.X.AsSpan(row * input, input).Fill(float.NaN);
        }
        Compare(family, layer);
    }

    /// <summary>A step that has been done before leaves nothing to collect.</summary>
    [OpenClTheory]
    [InlineData(nameof(ProductFamily.Vector))]
    [InlineData(nameof(ProductFamily.Local))]
    public void StepsAllocateNothing(string family)
    {
        OpenClBackend backend = fixture.Backend(family);
        LinearWeights weights = backend.CreateLinearWeights(7, 11);
        DeviceBuffer x = backend.Allocate(5 * 150, 7), y = backend.Allocate(5 * 150, 11), dX = backend.Allocate(5 * 150, 7);
        DeviceBuffer dW = backend.Allocate(11, 7), db = backend.Allocate(1, 11);
        long least = long.MaxValue; // the runtime itself allocates where code is new
        for (int round = 0; round < 5; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            backend.LinearForward(weights, x, y);
            backend.LinearBackward(weights, dW, db, x, y, dX, null, 5, 150);
            backend.SgdUpdate(weights.Weight, dW, new SgdStep { Rate = 0.1f, Scale = 1 });
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }

    private void Compare(string family, Layer layer)
    {
        using var cpu = new CpuBackend(1);
        using var reference = new ReferenceBackend();
        float[][] actual = Run(fixture.Backend(family), layer), expected = Run(cpu, layer), truth = Run(reference, layer);
        for (int i = 0; i < actual.Length; i++)
        {
            ProductFixture.Equal(fixture.Backend(family), expected[i], actual[i], $"{family} {Names[i]}");
            Assert.InRange(ProductFixture.RelativeError(truth[i], actual[i]), 0, 1e-12);
        }
    }

    private Layer Case(int steps, int batch, int input, int output, StepFlags? flags) => new(
        steps, batch, input, output, flags, Values(steps * batch * input), Values(output * input), Values(output), Values(steps * batch * output),
        Values(output * input));

    private float[] Values(int count) => ProductFixture.Values(_random, count);

    private static float[][] Run(Backend backend, Layer layer)
    {
        int rows = layer.Steps * layer.Batch;
        LinearWeights weights = backend.CreateLinearWeights(layer.Input, layer.Output);
        backend.Write(weights.Weight, Array.ConvertAll(layer.W, w => w + 1)); // packed, and then stale
        DeviceBuffer x = ProductFixture.Buffer(backend, rows, layer.Input, layer.X), y = backend.Allocate(rows, layer.Output), dX = backend.Allocate(rows, layer.Input);
        DeviceBuffer dY = ProductFixture.Buffer(backend, rows, layer.Output, layer.DY), dW = ProductFixture.Buffer(backend, layer.Output, layer.Input, layer.DW), db = backend.Allocate(1, layer.Output);
        backend.LinearForward(weights, x, y);
        backend.Write(weights.Weight, layer.W);
        backend.Write(weights.Bias, layer.B);
        backend.LinearForward(weights, x, y);
        backend.LinearBackward(weights, dW, db, x, dY, dX, layer.Flags, layer.Steps, layer.Batch);
        return [.. new[] { y, dW, db, dX }.Select(buffer => ProductFixture.Read(backend, buffer))];
    }

    private sealed record Layer(
        int Steps, int Batch, int Input, int Output, StepFlags? Flags, float[] X, float[] W, float[] B, float[] DY, float[] DW);
}
