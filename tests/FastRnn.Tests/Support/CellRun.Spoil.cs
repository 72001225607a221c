using FastRnn.Backends;

namespace FastRnn.Tests.Support;

/// <summary>What windows before may leave behind.</summary>
internal sealed partial class CellRun
{
    /// <summary>Leaves NaN wherever a longer window of the same stash writes, and in what the back end keeps to use again.</summary>
    private void Spoil(Backend backend, RecurrentWeights weights, RecurrentStash stash, int steps)
    {
        DeviceBuffer x = Filled(backend, steps * Batch, NaN(steps * Batch * Input));
        RecurrentStates states = CreateStates(backend, stash, steps, NaN(Batch * State), NaN(Batch * Hidden));
        StepFlags? flags = Flags == null ? null : new StepFlags(steps, Batch);
        states = states with { MaskedOutput = flags == null ? null : backend.Allocate(steps * Batch, State) };
        backend.RecurrentForward(weights, x, states, flags, stash, steps, Batch, Pass);
        var flow = new RecurrentStateGradients(
            Filled(backend, steps * Batch, NaN(steps * Batch * State)), null, null, backend.Allocate(steps * Batch, Input),
            backend.Allocate(Batch, State), Cell.HasCell ? backend.Allocate(Batch, Hidden) : null);
        backend.RecurrentBackward(weights, CreateGradients(backend, weights), x, states, flags, flow, stash, new double[steps], steps, Batch, Pass);

        static float[] NaN(int count)
        {
            var values = new float[count];
            Array.Fill(values, float.NaN);
            return values;
        }
    }
}
