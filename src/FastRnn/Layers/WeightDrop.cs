using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>
/// DropConnect on the recurrent weights (Wan et al. 2013; Merity, Keskar, Socher 2017): the layer trains <see cref="Raw"/>, and computes
/// with R = raw·mask/(1 − rate) in training – one mask a window, over all gates – and with R = raw otherwise. R is written only when
/// the weights or the mask have changed, so that a back end packs it no more often than without.
/// </summary>
internal sealed class WeightDrop
{
    private readonly Backend _backend;
    private readonly DeviceBuffer _effective;
    private readonly float _rate;
    private readonly bool _reverse;
    private (int Version, DropoutMask? Mask)? _holds;

    /// <param name="backend">Where it computes.</param>
    /// <param name="effective">R, which the layer computes with.</param>
    /// <param name="rate">Probability of a zero.</param>
    /// <param name="reverse">Whether the layer is the one of a pair that reads backwards: it has masks of its own.</param>
    public WeightDrop(Backend backend, DeviceBuffer effective, float rate, bool reverse)
    {
        (_backend, _effective, _rate, _reverse) = (backend, effective, rate, reverse);
        Raw = backend.Allocate(effective.Rows, effective.Columns);
        EffectiveGradient = backend.Allocate(effective.Rows, effective.Columns);
    }

    /// <summary>The weights that are trained and saved.</summary>
    public DeviceBuffer Raw { get; }

    /// <summary>∂L/∂R, where the backward pass of one window adds it up.</summary>
    public DeviceBuffer EffectiveGradient { get; }

    /// <summary>Makes R the one of a pass: its mask depends on the seed, the layer, the direction and the time at which the window starts.</summary>
    public void Prepare(int layer, in PassContext pass)
    {
        DropoutMask? mask = MaskOf(layer, pass);
        if (_holds == (Raw.Version, mask))
            return;
        if (mask is { } drawn)
            Apply(Raw, _effective, drawn);
        else
            _backend.Copy(Raw, _effective);
        _holds = (Raw.Version, mask);
    }

    /// <summary>Before a backward pass: the R of its forward pass, and no gradient yet.</summary>
    public void BeginBackward(int layer, in PassContext pass)
    {
        Prepare(layer, pass);
        _backend.Zero(EffectiveGradient);
    }

    /// <summary>After it: what was kept adds to the gradient of the weights.</summary>
    public void EndBackward(int layer, in PassContext pass, DeviceBuffer rawGradient)
    {
        if (MaskOf(layer, pass) is { } drawn)
            Apply(EffectiveGradient, EffectiveGradient, drawn);
        _backend.Accumulate(EffectiveGradient, rawGradient);
    }

    private DropoutMask? MaskOf(int layer, in PassContext pass) =>
        pass.Training ? new DropoutMask(_rate, pass.Seed, layer, pass.WindowTime, DropoutUse.RecurrentWeights, PerSample: true, _reverse) : null;

    /// <summary>Rows of the matrix take the place of samples.</summary>
    private void Apply(DeviceBuffer from, DeviceBuffer to, in DropoutMask mask) => _backend.Dropout(from, to, mask, 1, from.Rows);
}
