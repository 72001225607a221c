using System.Runtime.InteropServices;
using FastRnn.Runner;

// The first Ctrl-C (or SIGTERM) asks for an orderly end: the running step is finished and a checkpoint saved. The second ends at once.
using var cancellation = new CancellationTokenSource();
Action<PosixSignalContext> onSignal = context =>
{
    if (cancellation.IsCancellationRequested)
        Environment.Exit(ExitCodes.Interrupted);
    context.Cancel = true;
    cancellation.Cancel();
};
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, onSignal);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, onSignal);
return Cli.Run(args, Output.Console(), cancellation.Token);
