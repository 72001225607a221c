using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>
/// Every optimiser through its kernel: the CPU against the reference at every length, the same bits on every instruction set and any number of
/// threads, in memory whose end is an inaccessible page.
/// </summary>
public class OptimizerKernelTests
{
    private const int Steps = 4;

    /// <summary>All optimisers in all forms, with every option in use somewhere.</summary>
    internal static readonly Dictionary<string, Func<Optimizer>> Optimizers = new()
    {
        ["sgd"] = () => new Sgd(0.1f),
        ["sgd decay"] = () => new Sgd(0.1f, weightDecay: 0.05f),
        ["sgd momentum"] = () => new Sgd(0.1f, 0.8f, 0.3f, weightDecay: 0.05f),
        ["sgd nesterov"] = () => new Sgd(0.1f, 0.8f, nesterov: true),
        ["sgd keras"] = () => new Sgd(0.1f, 0.8f, form: UpdateForm.Keras),
        ["sgd keras nesterov"] = () => new Sgd(0.1f, 0.8f, nesterov: true, weightDecay: 0.05f, form: UpdateForm.Keras),
        ["adagrad"] = () => new AdaGrad(0.05f, rateDecay: 0.1f, weightDecay: 0.05f),
        ["adagrad start"] = () => new AdaGrad(0.05f, initialSum: 0.2f),
        ["adagrad keras"] = () => new AdaGrad(0.05f, form: UpdateForm.Keras),
        ["rmsprop"] = () => new RmsProp(0.01f, weightDecay: 0.05f),
        ["rmsprop momentum"] = () => new RmsProp(0.01f, momentum: 0.7f),
        ["rmsprop centered"] = () => new RmsProp(0.01f, 0.9f, centered: true),
        ["rmsprop centered momentum"] = () => new RmsProp(0.01f, momentum: 0.7f, centered: true),
        ["rmsprop keras"] = () => new RmsProp(0.01f, form: UpdateForm.Keras),
        ["rmsprop keras centered momentum"] = () => new RmsProp(0.01f, momentum: 0.7f, centered: true, form: UpdateForm.Keras),
        ["adam"] = () => new Adam(0.01f),
        ["adam decay"] = () => new Adam(0.01f, weightDecay: 0.05f),
        ["adam amsgrad"] = () => new Adam(0.01f, 0.8f, 0.9f, amsgrad: true),
        ["adam keras"] = () => new Adam(0.01f, form: UpdateForm.Keras),
        ["adam keras amsgrad decay"] = () => new Adam(0.01f, 0.8f, 0.9f, weightDecay: 0.05f, amsgrad: true, form: UpdateForm.Keras),
        ["adamw"] = () => new AdamW(0.01f),
        ["adamw amsgrad"] = () => new AdamW(0.01f, 0.8f, 0.9f, weightDecay: 0.2f, amsgrad: true),
        ["adamw keras"] = () => new AdamW(0.01f, form: UpdateForm.Keras),
        ["nadam"] = () => new Nadam(0.01f, weightDecay: 0.05f),
        ["nadam keras"] = () => new Nadam(0.01f, form: UpdateForm.Keras),
    };

    public static TheoryData<string> Names => new(Optimizers.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryLengthIsThatOfTheReferenceWithTheSameBitsEverywhere(string name)
    {
        for (int n = 1; n <= 257; n++)
        {
            List<(string Name, double[] Values)> expected;
            using (var reference = new ReferenceBackend())
                expected = Run(reference, Optimizers[name](), 2, n, seed: n);
            using var guard = new GuardedBlocks();
            List<(string Name, double[] Values)>? first = null;
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                using var cpu = new CpuBackend(1, isa);
                List<(string Name, double[] Values)> actual = Run(cpu, Optimizers[name](), 2, n, seed: n);
                Close(expected, actual, $"optimizer={name} isa={isa} n={n}");
                first ??= actual;
                SameBits(first, actual, $"optimizer={name} isa={isa} n={n}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ThreadsDoNotChangeBits(string name)
    {
        List<(string Name, double[] Values)>? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var cpu = new CpuBackend(threads);
            List<(string Name, double[] Values)> actual = Run(cpu, Optimizers[name](), 300, 131, seed: 1); // enough lines to be shared out
            first ??= actual;
            SameBits(first, actual, $"optimizer={name} threads={threads}");
        }
    }

    /// <summary>A gradient far below 2⁻¹⁰⁰ leaves no moments behind; in the reference neither.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void TinyMomentsAreZero(string name)
    {
        foreach (Backend backend in (Backend[])[new ReferenceBackend(), new CpuBackend(1)])
        {
            using (backend)
            {
                Optimizer optimizer = Optimizers[name]();
                Parameter parameter = Parameter(backend, 1, 20);
                optimizer.Attach(backend, [parameter]);
                Fill(backend, parameter.Gradient, 1e-36f);
                optimizer.Update(backend, parameter, 0, new ParameterUpdate(1, 1e-3, 1f, WeightDecay: 0));
                // In RMSProp's quotient a tiny gradient over a tiny root is not tiny.
                bool quotient = optimizer is RmsProp { Momentum: > 0 };
                float start = optimizer is AdaGrad { InitialSum: var sum } ? sum : 0;
                for (int k = 0; k < optimizer.MomentNames.Count; k++)
                {
                    if (!quotient || optimizer.MomentNames[k] != "momentum")
                        Assert.All(Read(backend, optimizer.Moments[0][k]), value => Assert.Equal(start, value));
                }
            }
        }
    }

    [Fact]
    public void ClampingAtEveryLength()
    {
        for (int n = 1; n <= 257; n++)
        {
            using var guard = new GuardedBlocks();
            foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
            {
                using var cpu = new CpuBackend(1, isa);
                DeviceBuffer x = Filled(cpu, new Random(n), 2, n);
                double[] before = Read(cpu, x);
                cpu.ClampValues(x, 0.25f);
                Assert.Equal(before.Select(value => Math.Clamp(value, -0.25, 0.25)), Read(cpu, x));
            }
        }
    }

    [Fact]
    public void ArraysOfAnotherShapeAreRefused()
    {
        foreach (Backend backend in (Backend[])[new ReferenceBackend(), new CpuBackend(1)])
        {
            using (backend)
            {
                DeviceBuffer w = backend.Allocate(2, 3), other = backend.Allocate(3, 2);
                Assert.Throws<ArgumentException>(() => backend.Update(w, other, default, new UpdateStep()));
                Assert.Throws<ArgumentException>(() => backend.Update(w, w, new UpdateArrays(First: other), new UpdateStep()));
                Assert.Throws<ArgumentException>(() => backend.Update(w, w, new UpdateArrays(Second: w, Largest: other), new UpdateStep()));
                Assert.Throws<ArgumentException>(() => backend.Update(w, w, new UpdateArrays(Mean: w), new UpdateStep()));
            }
        }
    }

    /// <summary>Four updates with other gradients and falling rates: the weights after each, the arrays after the last.</summary>
    internal static List<(string Name, double[] Values)> Run(Backend backend, Optimizer optimizer, int rows, int columns, int seed)
    {
        var random = new Random(seed);
        Parameter parameter = Parameter(backend, rows, columns);
        Fill(backend, parameter.Value, random);
        optimizer.Attach(backend, [parameter]);
        var log = new List<(string, double[])>();
        for (int step = 1; step <= Steps; step++)
        {
            // Not near zero, where weight decay would cancel it and only its rounding be divided by a root as small.
            backend.Write(parameter.Gradient, (ReadOnlySpan<float>)[.. Enumerable.Range(0, rows * columns).Select(_ => (float)(
                (0.2 + (0.8 * random.NextDouble())) * (random.Next(2) == 0 ? 1 : -1)))]);
            double rate = optimizer.LearningRate * Math.Pow(0.7, step - 1);
            optimizer.Update(backend, parameter, 0, new ParameterUpdate(step, rate, 0.75f, optimizer.WeightDecay));
            log.Add(($"w{step}", Read(backend, parameter.Value)));
        }
        for (int k = 0; k < optimizer.MomentNames.Count; k++)
            log.Add((optimizer.MomentNames[k], Read(backend, optimizer.Moments[0][k])));
        return log;
    }

    /// <summary>|error| ≤ 1e-5 of the largest element: a handful of roundings, magnified where a denominator is near zero.</summary>
    private static void Close(List<(string Name, double[] Values)> expected, List<(string Name, double[] Values)> actual, string what)
    {
        Assert.Equal(expected.Select(e => e.Name), actual.Select(a => a.Name));
        for (int k = 0; k < expected.Count; k++)
        {
            double allowed = 1e-5 * expected[k].Values.Max(Math.Abs);
            for (int i = 0; i < expected[k].Values.Length; i++)
            {
                double e = expected[k].Values[i], a = actual[k].Values[i];
                if (!(Math.Abs(a - e) <= allowed))
                    Assert.Fail($"{what}: {expected[k].Name}[{i}] is {a:R}, reference {e:R}, allowed {allowed:E1}");
            }
        }
    }

    private static void SameBits(List<(string Name, double[] Values)> expected, List<(string Name, double[] Values)> actual, string what)
    {
        for (int k = 0; k < expected.Count; k++)
            Bits.Same(Array.ConvertAll(expected[k].Values, v => (float)v), Array.ConvertAll(actual[k].Values, v => (float)v), $"{what}: {expected[k].Name}");
    }

    private static Parameter Parameter(Backend backend, int rows, int columns) => new(backend, "p", backend.Allocate(rows, columns), rows, columns);

    private static DeviceBuffer Filled(Backend backend, Random random, int rows, int columns)
    {
        DeviceBuffer buffer = backend.Allocate(rows, columns);
        Fill(backend, buffer, random);
        return buffer;
    }

    private static void Fill(Backend backend, DeviceBuffer buffer, Random random) =>
        backend.Write(buffer, (ReadOnlySpan<float>)[.. Enumerable.Range(0, buffer.Length).Select(_ => (float)((random.NextDouble() * 2) - 1))]);

    private static void Fill(Backend backend, DeviceBuffer buffer, float value) =>
        backend.Write(buffer, (ReadOnlySpan<float>)[.. Enumerable.Repeat(value, buffer.Length)]);

    private static double[] Read(Backend backend, DeviceBuffer buffer)
    {
        var values = new double[buffer.Length];
        backend.Read(buffer, values);
        return values;
    }
}
