namespace FastRnn.Numerics;

/// <summary>Mean and spread of numbers that come one by one (Welford 1962). All are 0 of none.</summary>
internal struct RunningMoments()
{
    private long _count;
    private double _squares;

    public double Mean { get; private set; }

    public double Least { get; private set; } = double.PositiveInfinity;

    public double Greatest { get; private set; } = double.NegativeInfinity;

    /// <summary>Of the population.</summary>
    public readonly double Deviation => _count == 0 || Least == Greatest ? 0 : Math.Sqrt(_squares / _count);

    public readonly double RootMeanSquare => _count == 0 ? 0 : Math.Sqrt((_squares / _count) + (Mean * Mean));

    public void Add(double value)
    {
        _count++;
        double distance = value - Mean;
        Mean += distance / _count;
        _squares += distance * (value - Mean);
        Least = Math.Min(Least, value);
        Greatest = Math.Max(Greatest, value);
    }
}
