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
