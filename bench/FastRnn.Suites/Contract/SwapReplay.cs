using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>What a replay has seen.</summary>
/// <param name="Steps">Steps that were compared.</param>
/// <param name="Swaps">Calls of <see cref="Sequential.Replace"/> meanwhile.</param>
/// <param name="Old">Steps with the bits of the first weights.</param>
/// <param name="New">Steps with those of the second.</param>
/// <param name="Wrong">Steps with the bits of neither.</param>
internal sealed record SwapResult(long Steps, long Swaps, long Old, long New, long Wrong);

/// <summary>
/// Sessions of one model step on several threads while another one swaps the weights to and fro. Every step is replayed from the state before it by a session
/// of each of two models that have one of the weights each: output and state after it are those of the one or the other, bit for bit.
/// </summary>
internal static class SwapReplay
{
    private const int Input = 5, Hidden = 24, Output = 3;

    /// <summary>Runs it.</summary>
    /// <param name="sessions">Sessions, shared out over the threads.</param>
    /// <param name="threads">Threads that step.</param>
    /// <param name="steps">Steps of each session.</param>
    /// <param name="streams">Streams of each session.</param>
    /// <param name="weights">How they store the weights.</param>
    /// <param name="peepholes">A model that has no stages.</param>
    public static SwapResult Run(int sessions, int threads, int steps, int streams = 1, WeightPrecision weights = WeightPrecision.Float32, bool peepholes = false)
    {
        using var backend = new CpuBackend(1);
        using Sequential served = Model(backend, 1, peepholes), first = Model(backend, 1, peepholes), second = Model(backend, 2, peepholes);
        var options = new SessionOptions { Streams = streams, Weights = weights };
        var totals = new long[3];
        int running = threads;
        long swaps = 0;
        Exception? failure = null;
        var workers = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            int thread = i, mine = ((thread + 1) * sessions / threads) - (thread * sessions / threads);
            workers[i] = new Thread(() =>
            {
                try
                {
                    long[] counts = Step([served, first, second], options, mine, steps, thread);
                    for (int k = 0; k < 3; k++)
                        Interlocked.Add(ref totals[k], counts[k]);
                }
                catch (Exception e)
                {
                    Volatile.Write(ref failure, e);
                }
                Interlocked.Decrement(ref running);
            });
            workers[i].Start();
        }
        for (; Volatile.Read(ref running) > 0; swaps++)
        {
            served.Replace((swaps % 2 == 0 ? second : first).Snapshot()); // a new set each time: one that was freed too early would be found
            if (swaps % 50 == 49)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            Thread.Yield();
        }
        Array.ForEach(workers, worker => worker.Join());
        if (failure != null)
            throw new InvalidOperationException("a thread that steps has failed", failure);
        return new SwapResult(totals.Sum(), swaps, totals[0], totals[1], totals[2]);
    }

    private static Sequential Model(CpuBackend backend, ulong seed, bool peepholes) =>
        new(backend, seed, new Lstm(Input, Hidden) { Peepholes = peepholes }, new Gru(Hidden, Hidden), new Linear(Hidden, Output));

    private static long[] Step(Sequential[] models, SessionOptions options, int sessions, int steps, int seed)
    {
        int streams = options.Streams;
        Session[] own = [.. Enumerable.Range(0, sessions).Select(_ => models[0].OpenSession(options))], judges = [.. models[1..].Select(model => model.OpenSession(options))];
        var random = new Random(seed);
        float[] x = new float[streams * Input], y = new float[streams * Output], expected = new float[y.Length];
        byte[] before = new byte[judges[0].StateSize], after = new byte[before.Length], judged = new byte[before.Length];
        var counts = new long[3];
        for (int t = 0; t < steps; t++)
        {
            Thread.Yield(); // or, with fewer cores than threads, the one that swaps has a turn in a hundred thousand steps
            foreach (Session session in own)
            {
                for (int i = 0; i < x.Length; i++)
                    x[i] = (random.NextSingle() * 2) - 1;
                session.SaveState(before);
                session.StepBatch(x, y);
                session.SaveState(after);
                int set = Array.FindIndex(judges, judge => Agrees(judge));
                counts[set < 0 ? 2 : set]++;
            }
        }
        return counts;

        bool Agrees(Session judge)
        {
            judge.LoadState(before);
            judge.StepBatch(x, expected);
            judge.SaveState(judged);
            return expected.AsSpan().SequenceEqual(y) && judged.AsSpan().SequenceEqual(after);
        }
    }
}
