using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Long short-term memory (Hochreiter, Schmidhuber 1997; with forget gate), PyTorch's definition: gates i, f, g, o,
/// c_t = f·c_{t−1} + i·g, h_t = o·tanh(c_t). Maps [T, B, input] to [T, B, hidden], or to [T, B, projection].
/// </summary>
/// <param name="input">Width of the input, at least 1.</param>
/// <param name="hidden">Units, at least 1.</param>
/// <param name="forgetBias">
/// Added to the first values of the forget gate's input bias: 1 lets a new network remember (Gers, Schmidhuber, Cummins 2000; Jozefowicz et al.
/// 2015), 0 is PyTorch's start. It is no part of a model file.
/// </param>
public sealed class Lstm(int input, int hidden, float forgetBias = 0) : RecurrentLayer(input, hidden)
{
    private readonly float _forgetBias =
        float.IsFinite(forgetBias) ? forgetBias : throw new ArgumentOutOfRangeException(nameof(forgetBias), forgetBias, "must be finite");

    /// <summary>
    /// Gates see the cell: i and f add p·c_{t−1} to their pre-activations, o adds p·c_t (Gers, Schmidhuber 2000; as in ONNX and oneDNN). Parameter
    /// <c>weight_peephole_l0</c> [3, hidden], of i, f and o.
    /// </summary>
    public bool Peepholes { get; init; }

    /// <summary>
    /// Width of a projected state, h_t = W_hr (o·tanh(c_t)) with <c>weight_hr_l0</c> [projection, hidden] (Sak et al. 2014; PyTorch's proj_size); 0
    /// for none. Below <see cref="RecurrentLayer.Hidden"/>.
    /// </summary>
    public int Projection
    {
        get;
        init => field = value >= 0 && value < Hidden
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Projection), value, $"a projection is narrower than its layer: 1 to {Hidden - 1}, or 0 for none");
    }

    /// <summary>
    /// f = 1 − i (ONNX's input_forget). The forget gate's weights keep their place in the parameters and are not trained, unless
    /// <see cref="RecurrentLayer.LayerNorm"/> counts them among what it normalises over.
    /// </summary>
    public bool CoupledGates { get; init; }

    /// <summary>Limit of the gates' pre-activations, bias and peephole included (ONNX's clip); 0 for none. The gradient passes where nothing was cut.</summary>
    public float GateClip
    {
        get;
        init => field = Check.Limit(value);
    }

    /// <summary>Limit of the cell state c_t, the stored one (cuDNN's clip); 0 for none. The gradient passes where nothing was cut.</summary>
    public float CellClip
    {
        get;
        init => field = Check.Limit(value);
    }

    /// <summary>As <see cref="RecurrentLayer.Zoneout"/>, for c.</summary>
    public float CellZoneout
    {
        get;
        init => field = Check.Rate(value);
    }

    /// <summary>Function of the gates i, f and o; sigmoid by default.</summary>
    public CellActivation GateActivation { get; init; } = CellActivation.Sigmoid;

    /// <summary>Function of the candidate g; tanh by default.</summary>
    public CellActivation CandidateActivation { get; init; }

    /// <summary>Function of c_t within h_t; tanh by default.</summary>
    public CellActivation OutputActivation { get; init; }

    private protected override CellType CreateCell() => CellType.Lstm with
    {
        GateActivation = GateActivation,
        Activation = CandidateActivation,
        OutputActivation = OutputActivation,
        Peepholes = Peepholes,
        Coupled = CoupledGates,
        Projection = Projection,
        GateClip = GateClip,
        CellClip = CellClip,
        CellZoneout = CellZoneout,
    };

    private protected override void Initialize(Parameter parameter, PhiloxStream random)
    {
        base.Initialize(parameter, random);
        if (_forgetBias == 0 || !parameter.Name.Contains(".bias_ih_l0", StringComparison.Ordinal))
            return;
        var bias = new float[parameter.Length];
        parameter.Read(bias);
        foreach (ref float value in bias.AsSpan(Hidden, Hidden)) // the gates are i, f, g, o
            value += _forgetBias;
        parameter.Write(bias);
    }
}
