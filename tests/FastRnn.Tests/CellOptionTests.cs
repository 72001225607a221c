using FastRnn.Backends;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>Cells with options on the CPU: against the reference, and the promises about bits.</summary>
public class CellOptionTests
{
    public static TheoryData<string> Options => new(CellRun.Options.Select(option => option.Name));

    /// <summary>Forward and backward: sizes that fill lines of 16 and that do not, one panel and several, with and without flags and a limit of gradients.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void CpuEqualsReference(string option)
    {
        foreach (IsaLevel isa in Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest))
        {
            foreach ((int input, int hidden, int steps, int batch) in new[] { (7, 11, 5, 3), (3, 16, 4, 1), (20, 37, 6, 18), (5, 70, 3, 7) })
            {
                var run = new CellRun(input, hidden, steps, batch, seed: hidden, Cell(option));
                CpuAgainstReferenceTests.CompareCell(isa, run);
                run.Flags = BitsTests.RandomFlags(steps, batch, seed: hidden);
                CpuAgainstReferenceTests.CompareCell(isa, run);
                run.Pass = run.Pass with { GradientLimit = 0.03f };
                CpuAgainstReferenceTests.CompareCell(isa, run);
                run.Flags = null;
                CpuAgainstReferenceTests.CompareCell(isa, run);
            }
        }
    }

    /// <summary>The same limit on the cells without options, which have kernels of their own.</summary>
    [Fact]
    public void GradientLimitOfPlainCells()
    {
        foreach (CellType cell in CellRun.Cells)
        {
            var run = new CellRun(6, 21, 7, 5, seed: 4, cell);
            run.Pass = run.Pass with { GradientLimit = 0.05f };
            CpuAgainstReferenceTests.CompareCell(Isa.Widest, run);
            run.Flags = BitsTests.RandomFlags(7, 5, seed: 4);
            CpuAgainstReferenceTests.CompareCell(Isa.Widest, run);
        }
    }

    /// <summary>In inference nothing is drawn, so an option changes nothing about the promise.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void InferenceDoesNotDependOnBatchOrCalls(string option)
    {
        const int hidden = 33, steps = 9;
        var whole = new CellRun(7, hidden, steps, 35, seed: 21, Cell(option));
        using var backend = new CpuBackend(2);
        float[] all = whole.Forward(backend).Y;
        int width = whole.State;
        float[] alone = whole.Slice(5, 1).Forward(backend).Y;
        for (int t = 0; t < steps; t++)
            Bits.Same(alone.AsSpan(t * width, width), all.AsSpan(((t * 35) + 5) * width, width), $"{whole} t={t}");
        CellResult inOne = whole.Slice(2, 3).Forward(backend), inParts = whole.Slice(2, 3).Forward(backend, [1, 4, 1, 3]);
        Bits.Same(inOne.Y, inParts.Y, $"{whole} y in parts");
        Bits.Same(inOne.H, inParts.H, $"{whole} h in parts");
        Bits.Same(inOne.C, inParts.C, $"{whole} c in parts");
    }

    [Theory]
    [MemberData(nameof(Options))]
    public void TrainingBitsDoNotDependOnThreadsOrInstructionSet(string option)
    {
        var run = new CellRun(9, 45, 7, 35, seed: 22, Cell(option)); // as much work as it takes to be shared
        BitsTests.CompareAll(run);
        run.Flags = BitsTests.RandomFlags(7, 35, seed: 22);
        BitsTests.CompareAll(run);
    }

    /// <summary>Masks name the sample by its place in the batch, so the promise is for the cells that draw none.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void MaskedSequenceEqualsSequenceAlone(string option)
    {
        CellType cell = Cell(option) with { RecurrentDropout = 0, Zoneout = 0, CellZoneout = 0 };
        BitsTests.MaskedEqualsAlone(cell);
    }

    private static CellType Cell(string option) => CellRun.Options.Single(known => known.Name == option).Cell;
}
