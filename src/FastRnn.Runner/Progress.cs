using System.Diagnostics;

namespace FastRnn.Runner;

/// <summary>
/// Progress of one epoch on standard error: a bar that is redrawn on a terminal, a plain line every few seconds elsewhere.
/// </summary>
internal sealed class Progress(Output output, int epoch, int epochs, int windows, int first) : IDisposable
{
    private const int BarWidth = 24;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TimeSpan _interval = output.Terminal ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(5);
    private TimeSpan _next = output.Terminal ? TimeSpan.Zero : TimeSpan.FromSeconds(2);
    private bool _drawn;

    public void Report(int window, double loss, double tokensPerSecond)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        if (elapsed < _next)
            return;
        _next = elapsed + _interval;
        double done = (double)window / windows;
        TimeSpan left = elapsed / Math.Max(1, window - first) * (windows - window);
        string figures = FormattableString.Invariant(
            $"{done * 100,3:F0} %  loss {loss:F3}  {tokensPerSecond:F0} tokens/s  ETA {(int)left.TotalMinutes}:{left.Seconds:00}");
        if (!output.Terminal)
        {
            output.Log.WriteLine($"epoch {epoch}/{epochs} {figures}");
            return;
        }
        int full = (int)(done * BarWidth);
        output.Log.Write($"\r\u001b[Kepoch {epoch}/{epochs} [{new string('#', full)}{new string('.', BarWidth - full)}] {figures}");
        _drawn = true;
    }

    public void Dispose()
    {
        if (_drawn)
            output.Log.Write("\r\u001b[K");
        _drawn = false;
    }
}
