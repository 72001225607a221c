using FastRnn.Backends;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests;

/// <summary>
/// The four classical mistakes in an LSTM's backward pass, planted on purpose: a gradient check that lets one of them pass is worthless.
/// </summary>
public class PlantedMistakesTests
{
    private static readonly GradientCase[] Cases =
    [
        new(1, 6, 2, FlagKind.None, 1, 0f, 7), new(2, 6, 3, FlagKind.Gaps, 1, 0f, 8), new(1, 6, 5, FlagKind.Lengths, 0, 0f, 9),
    ];

    [Fact]
    public void WithoutAMistakeTheCheckPasses() => Assert.All(Cases, test => Assert.Null(GradientCheck.Run(test, () => new ReferenceBackend())));

    [Fact]
    public void TanhDerivativeOfAnActivatedValue() => MustFail(() => new TwiceActivated());

    [Fact]
    public void WrongFactorInTheInputGate() => MustFail(() => new WrongFactor());

    [Fact]
    public void CurrentInPlaceOfPreviousHidden() => MustFail(() => new CurrentHidden());

    [Fact]
    public void PaddedRowsLeak() => MustFail(() => new LeakingPadding());

    private static void MustFail(Func<Backend> mutant) =>
        Assert.Contains(Cases, test => GradientCheck.Run(test, mutant) != null);

    /// <summary>1 − tanh²(y) where y is tanh(a) already.</summary>
    private sealed class TwiceActivated : ReferenceBackend
    {
        internal override double TanhDerivative(double y) => 1 - (Math.Tanh(y) * Math.Tanh(y));
    }

    /// <summary>di = dc·c_{t−1} as for the forget gate, not dc·g.</summary>
    private sealed class WrongFactor : ReferenceBackend
    {
        internal override double InputGateFactor(double g, double previousCell) => previousCell;
    }

    /// <summary>dR from h_t, not h_{t−1}.</summary>
    private sealed class CurrentHidden : ReferenceBackend
    {
        internal override int RecurrentInputSlot(int row, int batch) => row + batch;
    }

    /// <summary>Inactive positions take part in the backward pass.</summary>
    private sealed class LeakingPadding : ReferenceBackend
    {
        internal override bool IsActiveBackward(StepFlags? flags, int t, int b) => true;
    }
}
