namespace FastRnn.Suites;

/// <summary>A row's work made ready: everything is allocated, only the computing is left.</summary>
internal abstract class Work : IDisposable
{
    /// <summary>Does so many units, one after the other. The loop is here, because a call between units would count in steps of 40 ns.</summary>
    public abstract void Run(int units);

    /// <summary>What the work itself can say once it has run, by name.</summary>
    public virtual IEnumerable<(string Name, double Value)> Figures(double seconds, double gigahertz) => [];

    /// <summary>Releases threads and native memory.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>Nothing: what the clock and the call around a unit cost.</summary>
internal sealed class EmptyWork : Work
{
    public override void Run(int units)
    {
    }
}

/// <summary>Additions that take as long as some unit: whatever interrupts them is the machine's.</summary>
internal sealed class AdditionsWork(double seconds, double gigahertz) : Work
{
    private readonly int _rounds = (int)Math.Max(1, seconds * gigahertz * 1e9 / Clock.Additions);
    private long _sum = 1;

    public override void Run(int units)
    {
        for (int i = 0; i < units; i++)
            _sum = Clock.Chain(_sum | 1, _rounds);
    }
}
