using FastRnn.Backends;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>What the options of the cells mean where a gradient cannot tell: masks, inference, resets. On the reference; other back ends follow it.</summary>
public class CellMeaningTests
{
    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    /// <summary>A reset reads zeros for h and c, a gap changes nothing: sequences packed into a window are those alone, gradients included.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void SequencesInOneWindowAreThoseAlone(string option)
    {
        CellType cell = Named(option);
        using var backend = new ReferenceBackend();
        var packed = new CellRun(3, 5, 9, 2, seed: 21, cell) { Pass = default, FinalCellGradient = new float[2 * 5] };
        packed.FinalHiddenGradient = new float[2 * packed.State];
        packed.Flags = new StepFlags(9, 2);
        packed.Flags.Active.Fill(1);
        foreach (int t in new[] { 1, 4 })
            packed.Flags.Active[(t * 2) + 1] = 0;
        packed.Flags.Reset[(5 * 2) + 1] = 1;
        Dictionary<string, double[]> together = packed.Train(backend);
        foreach ((int[] steps, bool fromZero) in new[] { (new[] { 0, 2, 3 }, false), ([5, 6, 7, 8], true) })
        {
            Dictionary<string, double[]> alone = packed.Alone(1, steps, fromZero).Train(backend);
            foreach ((string name, int width) in new[] { ("y", packed.State), ("dX", packed.Input) })
            {
                double[] expected = [.. steps.SelectMany(t => together[name].AsSpan(((t * 2) + 1) * width, width).ToArray())];
                Assert.Equal(expected, alone[name]);
            }
        }
    }

    [Theory]
    [InlineData("rnn dropout")]
    [InlineData("lstm dropout")]
    [InlineData("gru dropout")]
    [InlineData("gru reset before, dropout")]
    public void RecurrentDropoutHidesTheSameUnitsFromRAtEveryStep(string option)
    {
        CellType cell = Named(option), plain = cell with { RecurrentDropout = 0 };
        using var backend = new ReferenceBackend();
        var dropped = new CellRun(3, 8, 4, 2, seed: 22, cell);
        double[] y = dropped.Train(backend)["y"];
        Assert.Equal(new CellRun(3, 8, 4, 2, seed: 22, plain).Forward(backend).Y, dropped.Forward(backend).Y); // nothing in inference

        // A mask is a choice of columns of R: with these zero or scaled, the plain cell gives the same for its sample.
        for (int sample = 0; sample < 2; sample++)
        {
            var scaled = new CellRun(3, 8, 4, 2, seed: 22, plain);
            bool[] kept = Kept(dropped.Pass.RecurrentDropout(cell), t: 0, sample, count: 8);
            Assert.Contains(true, kept);
            for (int i = 0; i < scaled.R.Length; i++)
                scaled.R[i] = kept[i % 8] ? scaled.R[i] / (1 - cell.RecurrentDropout) : 0;
            double[] expected = scaled.Train(backend)["y"];
            for (int i = 0; i < y.Length; i++)
            {
                if (i / 8 % 2 == sample)
                    Assert.Equal(expected[i], y[i], 1e-6); // the weights above are rounded to floats
            }
        }
    }

    [Theory]
    [InlineData("rnn zoneout")]
    [InlineData("gru zoneout")]
    [InlineData("lstm both zoneouts")]
    [InlineData("lstm projection, zoneouts")]
    public void ZoneoutTakesTheOldStateOrTheNewOne(string option)
    {
        CellType cell = Named(option), plain = cell with { Zoneout = 0, CellZoneout = 0 };
        using var backend = new ReferenceBackend();
        var run = new CellRun(3, 13, 1, 40, seed: 23, cell);
        var fresh = new CellRun(3, 13, 1, 40, seed: 23, plain);
        (Dictionary<string, double[]> actual, Dictionary<string, double[]> next) = (run.Train(backend), fresh.Train(backend));
        CheckTraining(run.Pass.Zoneout(cell), run.State, run.H0, actual["hT"], next["hT"]);
        CellResult mixed = run.Forward(backend), whole = fresh.Forward(backend);
        CheckInference(cell.Zoneout, run.H0, mixed.H, whole.H);
        if (!cell.HasCell)
            return;
        CheckTraining(run.Pass.CellZoneout(cell), 13, run.C0, actual["cT"], next["cT"]);
        CheckInference(cell.CellZoneout, run.C0, mixed.C, whole.C);
    }

    [Fact]
    public void ZoneoutDrawsAnewAtEveryStep()
    {
        CellType cell = Named("rnn zoneout");
        using var backend = new ReferenceBackend();
        var run = new CellRun(3, 13, 6, 5, seed: 24, cell);
        double[] y = run.Train(backend)["y"];
        for (int i = 5 * 13; i < y.Length; i++)
        {
            int row = i / 13;
            bool kept = Kept(run.Pass.Zoneout(cell), row / 5, row % 5, count: 13)[i % 13];
            Assert.Equal(kept, y[i] != y[i - (5 * 13)]);
        }
    }

    /// <summary>Two layers, directions, uses, windows or seeds never share their masks.</summary>
    [Fact]
    public void EveryUseDrawsForItself()
    {
        CellType cell = CellType.Lstm with { RecurrentDropout = 0.5f, Zoneout = 0.5f, CellZoneout = 0.5f };
        var pass = new RecurrentPass(true, Seed: 9, Layer: 1, Reverse: false, Time: 5, GradientLimit: 0);
        RecurrentPass[] passes = [pass, pass with { Reverse = true }, pass with { Layer = 2 }, pass with { Time = 6 }, pass with { Seed = 10 }];
        DropoutMask[] masks =
        [
            .. passes.SelectMany(
                p => new[] { p.RecurrentDropout(cell), p.Zoneout(cell), p.CellZoneout(cell), new DropoutMask(0.5f, p.Seed, p.Layer, p.Time) }),
        ];
        string[] draws = [.. masks.Select(mask => string.Concat(Kept(mask, t: 0, b: 1, count: 96).Select(kept => kept ? '1' : '0'))).Distinct()];
        Assert.Equal(masks.Length - 1, draws.Length); // a dropout layer knows no direction
    }

    private static void CheckTraining(DropoutMask mask, int width, float[] old, double[] actual, double[] fresh)
    {
        int taken = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            bool kept = Kept(mask, t: 0, i / width, width)[i % width];
            taken += kept ? 1 : 0;
            Assert.Equal(kept ? fresh[i] : old[i], actual[i]);
        }
        Assert.InRange((double)taken / actual.Length, 1 - mask.Rate - 0.12, 1 - mask.Rate + 0.12);
    }

    private static void CheckInference(float rate, float[] old, float[] actual, float[] fresh)
    {
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal((rate * old[i]) + ((1 - rate) * fresh[i]), actual[i], 1e-6f);
    }

    private static bool[] Kept(DropoutMask mask, int t, int b, int count) => [.. Enumerable.Range(0, count).Select(u =>
    {
        var (u0, u1, u2, u3) = DropoutDraw.Quad(mask, t, b, u / 4);
        return new[] { u0, u1, u2, u3 }[u % 4] >= mask.Rate;
    })];

    private static CellType Named(string option) => CellRun.Options.Single(known => known.Name == option).Cell;
}
