using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>
/// The most float32 multiply-adds one core does: twelve independent chains in registers, no memory. It is measured again beside every
/// timing, because the clock of a shared machine moves by a third within seconds.
/// </summary>
internal static class FmaPeak
{
    private const int Rounds = 300_000;
    private const int Chains = 12;

    /// <summary>GFLOP/s of the calling thread right now, in about 2–4 ms.</summary>
    public static double Measure(IsaLevel isa)
    {
        long start = Ticks.Now;
        int width = isa switch
        {
            IsaLevel.Avx512 when Isa.HasAvx512 => Run512(),
            IsaLevel.Avx2 when Isa.HasAvx2 => Run256(),
            _ => RunScalar(),
        };
        return Rounds * (double)Chains * width * 2 / Ticks.SecondsSince(start) / 1e9;
    }

    /// <summary>GFLOP/s of several threads together, each in registers of its own: what this machine gives them at this moment.</summary>
    public static double Measure(IsaLevel isa, int threads) => Together(threads, () => Measure(isa));

    /// <summary>The sum of what each of some threads returns, which start at the same moment: one after the other they would not share the machine.</summary>
    internal static double Together(int threads, Func<double> measure)
    {
        var each = new double[threads];
        using var start = new Barrier(threads);
        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(i => new Thread(() => One(i)))];
        foreach (Thread other in others)
            other.Start();
        One(0);
        foreach (Thread other in others)
            other.Join();
        return each.Sum();

        void One(int i)
        {
            start.SignalAndWait();
            each[i] = measure();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run512() => Chain<Avx512Lanes, Vector512<float>>();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Run256() => Chain<Avx2Lanes, Vector256<float>>();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int RunScalar() => Chain<ScalarLanes, float>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe int Chain<L, V>()
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V a = L.Broadcast(0.999f), b = L.Broadcast(1e-3f);
        V c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < Rounds; i++)
        {
            c0 = L.MultiplyAdd(c0, a, b);
            c1 = L.MultiplyAdd(c1, a, b);
            c2 = L.MultiplyAdd(c2, a, b);
            c3 = L.MultiplyAdd(c3, a, b);
            c4 = L.MultiplyAdd(c4, a, b);
            c5 = L.MultiplyAdd(c5, a, b);
            c6 = L.MultiplyAdd(c6, a, b);
            c7 = L.MultiplyAdd(c7, a, b);
            c8 = L.MultiplyAdd(c8, a, b);
            c9 = L.MultiplyAdd(c9, a, b);
            c10 = L.MultiplyAdd(c10, a, b);
            c11 = L.MultiplyAdd(c11, a, b);
        }
        V sum = L.Add(L.Add(L.Add(c0, c1), L.Add(c2, c3)), L.Add(L.Add(L.Add(c4, c5), L.Add(c6, c7)), L.Add(L.Add(c8, c9), L.Add(c10, c11))));
        float* sink = stackalloc float[16];
        L.Store(sink, sum);
        return sink[0] > 1e30f ? 0 : L.Width; // the chains converge to 1: this keeps them from being removed
    }
}
