namespace FastRnn.Backends;

/// <summary>
/// Counts what changes the weights that a model's sessions compute with, so that one read a step tells whether there are others. Whoever publishes
/// weights writes them first and ticks then.
/// </summary>
internal sealed class WeightClock
{
    private volatile int _ticks;

    public int Ticks => _ticks;

    public void Tick() => Interlocked.Increment(ref _ticks);
}
