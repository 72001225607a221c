using FastRnn.Backends;

namespace FastRnn.Bench;

/// <summary>One shape of a recurrent layer.</summary>
internal sealed record LayerShape(CellType Cell, int Input, int Hidden, int Steps, int Batch);

/// <summary>One recurrent layer with any options of its cell, at the back end.</summary>
internal static class LayerWork
{
    /// <summary>One run of a layer on seeded data, all buffers ready.</summary>
    internal static Action Prepare(CpuBackend backend, LayerShape shape, Keep keep)
    {
        (CellType cell, int input, int hidden, int steps, int batch) = shape;
        var random = new Random(1);
        RecurrentWeights weights = backend.CreateRecurrentWeights(cell, input, hidden);
        DeviceBuffer?[] values =
        [
            weights.InputWeight, weights.RecurrentWeight, weights.InputBias, weights.RecurrentBias, weights.Peephole, weights.Projection,
            weights.InputNorm, weights.RecurrentNorm,
        ];
        foreach (DeviceBuffer? buffer in values)
            Fill(backend, random, buffer);
        DeviceBuffer x = Fill(backend, random, backend.Allocate(steps * batch, input))!;
        RecurrentStash stash = backend.CreateRecurrentStash(weights, steps, batch, keep);
        DeviceBuffer? c = cell.HasCell ? backend.Allocate(stash.CellSlots * batch, hidden) : null;
        var states = new RecurrentStates(
            backend.Allocate((steps + 1) * batch, weights.State), c, null);
        var pass = new RecurrentPass(keep != Keep.Nothing, 1, 0, false, 0, 0);
        if (keep == Keep.Nothing)
            return () => backend.RecurrentForward(weights, x, states, null, stash, steps, batch, pass);
        DeviceBuffer?[] g = [.. values.Select(value => value == null ? null : backend.Allocate(value.Rows, value.Columns))];
        var gradients = new RecurrentGradients(g[0]!, g[1]!, g[2]!, g[3]!) { Peephole = g[4], Projection = g[5], InputNorm = g[6], RecurrentNorm = g[7] };
        var flow = new RecurrentStateGradients(
            Fill(backend, random, backend.Allocate(steps * batch, weights.State))!, null, null, backend.Allocate(steps * batch, input),
            backend.Allocate(batch, weights.State), cell.HasCell ? backend.Allocate(batch, hidden) : null);
        return () =>
        {
            backend.RecurrentForward(weights, x, states, null, stash, steps, batch, pass);
            backend.RecurrentBackward(weights, gradients, x, states, null, flow, stash, default, steps, batch, pass);
        };
    }

    private static DeviceBuffer? Fill(CpuBackend backend, Random random, DeviceBuffer? buffer)
    {
        if (buffer == null)
            return null;
        var values = new float[buffer.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(random.NextDouble() - 0.5) * 0.1f;
        backend.Write(buffer, values);
        return buffer;
    }
}
