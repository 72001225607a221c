using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>
/// The classical tasks that only a network with memory can do, judged on sequences it has not seen. Without a gradient through all of
/// the steps a network stays at the baseline.
/// </summary>
public class LearningTests
{
    private const int Unseen = 12345;

    /// <summary>
    /// The adding problem (Hochreiter, Schmidhuber 1997): of 100 numbers in [0, 1) two are marked, one in each half; the answer after the last is
    /// their sum. Baseline: the variance 1/6 of the sum.
    /// </summary>
    [WideFact]
    public void AddsTwoMarkedNumbersOutOfAHundred()
    {
        using var backend = new CpuBackend(2, Isa.Widest);
        using var model = new Sequential(backend, 1, new Gru(2, 32), new Linear(32, 1));
        var trainer = new Trainer(model, new MeanSquaredError(), new Adam(1e-2f)) { CarryState = false, ClipNorm = 1f };
        Train(trainer, new SequenceChunk(100, 32, 2, 1) { LastStepOnly = true }, FillAdding, 1000, seed: 1);
        SequenceChunk test = new(100, 500, 2, 1) { LastStepOnly = true };
        FillAdding(test, new Random(Unseen));
        Assert.InRange(trainer.Evaluate([test]), 0, 0.01);
    }

    /// <summary>
    /// Copy memory (Hochreiter, Schmidhuber 1997): ten symbols out of eight, 50 steps of blanks with a marker at their end, then the ten are
    /// asked for, blanks until then. Baseline: right about blanks, guessing symbols. Recurrent weights that start as a shift forget nothing
    /// (orthogonal ones, Arjovsky, Shah, Bengio 2016, do not either); what to keep apart and when to tell it is learnt.
    /// </summary>
    [WideFact]
    public void CopiesTenSymbolsAfterFiftySteps()
    {
        const int hidden = 128;
        using var backend = new CpuBackend(2, Isa.Widest);
        using var model = new Sequential(backend, 1, new Rnn(10, hidden, CellActivation.Identity), new Linear(hidden, 9));
        var shift = new float[hidden * hidden];
        for (int i = 0; i < hidden; i++)
            shift[(i * hidden) + ((i + 1) % hidden)] = 1;
        model.Parameters.Single(p => p.Name == "0.weight_hh_l0").Write(shift);
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(1e-3f)) { CarryState = false, ClipNorm = 1f };
        Train(trainer, new SequenceChunk(70, 32, 10, 0), FillCopying, 600, seed: 1);
        SequenceChunk test = new(70, 250, 10, 0);
        FillCopying(test, new Random(Unseen));
        double baseline = 10 * Math.Log(8) / 70;
        Assert.InRange(trainer.Evaluate([test]) / baseline, 0, 0.05);
    }

    /// <summary>
    /// Parity: whether the number of ones among the bits is odd, asked for after the last. Trained on all lengths from 1 to 32, the short
    /// ones more often because they show the rule, and judged at 32. Baseline: 50 %.
    /// </summary>
    [WideFact]
    public void TellsTheParityOf32Bits()
    {
        using var backend = new CpuBackend(2, Isa.Widest);
        using var model = new Sequential(backend, 1, new Lstm(1, 32), new Linear(32, 2));
        var trainer = new Trainer(model, Loss.CrossEntropy, new Adam(1e-2f)) { CarryState = false, ClipNorm = 1f };
        Train(trainer, new SequenceChunk(32, 64, 1, 0) { LastStepOnly = true }, FillParity, 1000, seed: 1);
        var random = new Random(Unseen);
        var session = model.OpenSession();
        var logits = new float[2];
        int right = 0;
        for (int trial = 0; trial < 2000; trial++)
        {
            session.Reset();
            int parity = 0;
            for (int t = 0; t < 32; t++)
            {
                int bit = random.Next(2);
                parity ^= bit;
                session.Step([bit], logits);
            }
            right += (logits[1] > logits[0]) == (parity == 1) ? 1 : 0;
        }
        Assert.InRange(right, 1980, 2000);
    }

    private static void Train(Trainer trainer, SequenceChunk chunk, Action<SequenceChunk, Random> fill, int steps, int seed)
    {
        var random = new Random(seed);
        trainer.Schedule = new CosineDecay(steps, 0.1);
        for (int step = 0; step < steps; step++)
        {
            fill(chunk, random);
            trainer.Step(chunk);
        }
    }

    private static void FillAdding(SequenceChunk chunk, Random random)
    {
        for (int b = 0; b < chunk.Batch; b++)
        {
            int first = random.Next(chunk.Steps / 2), second = random.Next(chunk.Steps / 2, chunk.Steps);
            float sum = 0;
            for (int t = 0; t < chunk.Steps; t++)
            {
                int at = (t * chunk.Batch) + b;
                float mark = t == first || t == second ? 1 : 0;
                (chunk.InputValues[2 * at], chunk.InputValues[(2 * at) + 1]) = (random.NextSingle(), mark);
                sum += mark * chunk.InputValues[2 * at];
                chunk.TargetValues[at] = sum;
            }
        }
    }

    /// <summary>Input and answer 0 are the blank, 1 … 8 the symbols, input 9 the marker.</summary>
    private static void FillCopying(SequenceChunk chunk, Random random)
    {
        chunk.InputValues.Clear();
        chunk.Targets.Clear();
        for (int b = 0; b < chunk.Batch; b++)
        {
            for (int t = 0; t < chunk.Steps; t++)
            {
                int symbol = t < 10 ? random.Next(1, 9) : t == 59 ? 9 : 0;
                chunk.InputValues[(((t * chunk.Batch) + b) * 10) + symbol] = 1;
                if (t < 10)
                    chunk.Targets[((t + 60) * chunk.Batch) + b] = symbol;
            }
        }
    }

    private static void FillParity(SequenceChunk chunk, Random random)
    {
        chunk.ClearFlags();
        for (int b = 0; b < chunk.Batch; b++)
        {
            int parity = 0, length = 1 + random.Next(random.Next(1, chunk.Steps + 1));
            for (int t = 0; t < chunk.Steps; t++)
            {
                int at = (t * chunk.Batch) + b, bit = random.Next(2);
                parity ^= bit;
                (chunk.InputValues[at], chunk.Targets[at]) = (bit, parity);
                if (t >= length)
                    chunk.SetInactive(t, b);
            }
        }
    }
}
