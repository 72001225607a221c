namespace FastRnn.Backends;

/// <summary>Arrays that an optimiser keeps beside the weight, all of its shape; null leaves out their line of <see cref="UpdateStep"/>.</summary>
/// <param name="First">m: running mean of gradients, or the momentum buffer.</param>
/// <param name="Second">v: running mean, or sum, of squared gradients.</param>
/// <param name="Mean">c: running mean of gradients that centres v; only with v.</param>
/// <param name="Largest">Largest v so far; only with v.</param>
internal readonly record struct UpdateArrays(
    DeviceBuffer? First = null, DeviceBuffer? Second = null, DeviceBuffer? Mean = null, DeviceBuffer? Largest = null);

/// <summary>
/// Constants of one step of one rule that all optimisers are cases of:
/// <code>
/// g = Scale·gradient + L2·w
/// v = SecondKeep·v + SecondAdd·g²                      s = v
/// c = MeanKeep·c + MeanAdd·g                           s = max(0, v − c²)
/// largest = max(largest, s)                            s = largest
/// d = √(s + EpsilonInside) / RootDivisor + EpsilonOutside       (d = 1 without v)
/// q = FirstOfQuotient ? g/d : g
/// m = FirstKeep·m + FirstAdd·q
/// u = RateOfFirst·m + RateOfGradient·q
/// w = WeightFactor·w − (FirstOfQuotient ? u : u/d)
/// </code>
/// Stored v, c and m below 2⁻¹⁰⁰ become 0. The numbers are double so that the reference rounds nothing; others round each one once.
/// </summary>
internal readonly record struct UpdateStep()
{
    /// <summary>Multiplies the gradient first: clipping, averaging.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Weight decay as a part of the gradient.</summary>
    public double L2 { get; init; }

    /// <summary>Weight decay beside the gradient: 1 − rate·decay.</summary>
    public double WeightFactor { get; init; } = 1;

    public double SecondKeep { get; init; }

    public double SecondAdd { get; init; }

    public double MeanKeep { get; init; }

    public double MeanAdd { get; init; }

    public double EpsilonInside { get; init; }

    public double RootDivisor { get; init; } = 1;

    public double EpsilonOutside { get; init; }

    /// <summary>m collects g/d, not g: momentum after the normalisation.</summary>
    public bool FirstOfQuotient { get; init; }

    public double FirstKeep { get; init; }

    public double FirstAdd { get; init; }

    public double RateOfFirst { get; init; }

    public double RateOfGradient { get; init; }
}
