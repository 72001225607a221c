using System.Runtime.InteropServices;

namespace FastRnn.Runner;

/// <summary>The first Ctrl-C (or SIGTERM) asks for an orderly end: training finishes its step and saves a checkpoint. The second ends at once.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt, _terminate;

    public Interruption()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
            Environment.Exit(ExitCodes.Interrupted);
        context.Cancel = true;
        _source.Cancel();
    }
}
