using FastRnn.Numerics;

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

/// <summary>Loads of as many bytes, as often as some unit takes: whatever slows them down is the machine's, or its other users' of the same caches.</summary>
internal sealed class LoadsWork(IsaLevel isa, double bytes, double seconds) : Work
{
    private readonly LoadBandwidth _block = new(isa, (nint)bytes);
    private int _sweeps;

    public override void Run(int units)
    {
        if (_sweeps == 0)
            _sweeps = Sweeps();
        for (int i = 0; i < units; i++)
            _block.Sweep(_sweeps);
    }

    public override void Dispose()
    {
        _block.Dispose();
        base.Dispose();
    }

    private int Sweeps()
    {
        const int many = 1000;
        _block.Sweep(many);
        long start = Ticks.Now;
        _block.Sweep(many);
        return (int)Math.Max(1, seconds * many / Ticks.SecondsSince(start));
    }
}
