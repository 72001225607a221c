using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>The recurrent cells. Gates are stored in PyTorch's row order: LSTM i, f, g, o; GRU r, z, n.</summary>
internal enum CellKind
{
    Lstm,
    Gru,
    Rnn,
}

/// <summary>
/// Which cell, and its options; the defaults are PyTorch's cells. With a⁽ˣ⁾ = W x_t, a⁽ʰ⁾ = R h_{t−1} the order within a step is: recurrent dropout
/// of h_{t−1} before it meets R; the products; layer normalisation; biases; peepholes; gate clip; activations; the cell's equations;
/// cell clip; projection; zoneout.
/// </summary>
internal sealed record CellType(CellKind Kind)
{
    /// <summary>Of i, f, o and r, z.</summary>
    public CellActivation GateActivation { get; init; } = CellActivation.Sigmoid;

    /// <summary>Of the candidates g and n, and of the simple cell.</summary>
    public CellActivation Activation { get; init; }

    /// <summary>Of c_t on its way to h_t = o·f(c_t).</summary>
    public CellActivation OutputActivation { get; init; }

    /// <summary>
    /// GRU: the reset gate acts before the product, n = f(W_n x + b_in + R_n (r⊙h) + b_hn), as in the original paper and ONNX's default.
    /// </summary>
    public bool ResetBefore { get; init; }

    /// <summary>LSTM: i and f also see p·c_{t−1}, o sees p·c_t.</summary>
    public bool Peepholes { get; init; }

    /// <summary>LSTM: f = 1 − i; the forget gate's weights are there and play no part, but for the mean and variance of a norm over all gates.</summary>
    public bool Coupled { get; init; }

    /// <summary>LSTM: width P of h_t = W_hr (o·f(c_t)); 0 for none.</summary>
    public int Projection { get; init; }

    /// <summary>Limit of what enters the activations of gates and candidates (ONNX's clip); 0 for none. A gradient passes where nothing was cut.</summary>
    public float GateClip { get; init; }

    /// <summary>LSTM: limit of c_t (cuDNN's clip), before o's peephole sees it; 0 for none. A gradient passes where nothing was cut.</summary>
    public float CellClip { get; init; }

    /// <summary>
    /// γ_x⊙LN(W x) + γ_h⊙LN(R h) instead of both products, before the biases; LN over the G·H pre-activations of a sample and step, ε = 1e-5
    /// (Ba, Kiros, Hinton 2016). A GRU that resets before normalises R_{r,z} h and R_n (r⊙h) apart.
    /// </summary>
    public bool LayerNorm { get; init; }

    /// <summary>Share of h_{t−1} that R does not see in training; one mask for all gates and all steps of a window.</summary>
    public float RecurrentDropout { get; init; }

    /// <summary>Share of units whose h stays as it was, drawn anew at every step; in inference h_t = p·h_{t−1} + (1 − p)·h̃_t.</summary>
    public float Zoneout { get; init; }

    /// <summary>The same for c.</summary>
    public float CellZoneout { get; init; }

    public static CellType Lstm { get; } = new(CellKind.Lstm);

    public static CellType Gru { get; } = new(CellKind.Gru);

    public static CellType Rnn(CellActivation activation = default) => new(CellKind.Rnn) { Activation = activation };

    /// <summary>Gates: row blocks of H in the weights.</summary>
    public int Gates => Kind switch { CellKind.Lstm => 4, CellKind.Gru => 3, _ => 1 };

    /// <summary>Whether there is a state c beside h.</summary>
    public bool HasCell => Kind == CellKind.Lstm;

    /// <summary>What differs from the plain cell, for people: empty, or for example <c>, peepholes, projection 8</c>.</summary>
    public string OptionText()
    {
        CellType plain = new(Kind);
        string text = "";
        void Add(string name, object value, object usual)
        {
            if (!value.Equals(usual))
                text += value is bool ? $", {name}" : FormattableString.Invariant($", {name} {value}");
        }

        Add("gates", GateActivation, plain.GateActivation);
        Add(Kind == CellKind.Rnn ? "function" : "candidate", Activation, plain.Activation);
        Add("output", OutputActivation, plain.OutputActivation);
        Add("reset before", ResetBefore, false);
        Add("peepholes", Peepholes, false);
        Add("coupled gates", Coupled, false);
        Add("projection", Projection, 0);
        Add("gate clip", GateClip, 0f);
        Add("cell clip", CellClip, 0f);
        Add("layer norm", LayerNorm, false);
        Add("recurrent dropout", RecurrentDropout, 0f);
        Add("zoneout", Zoneout, 0f);
        Add("cell zoneout", CellZoneout, 0f);
        return text;
    }

    /// <summary>Width of h for so many units.</summary>
    public int StateSize(int hidden) => Projection == 0 ? hidden : Projection;
}

/// <summary>
/// What one pass over a window needs beside its arrays. <paramref name="Training"/> says that masks are drawn, from seed, layer, direction and the
/// window's first time step – a mask of all steps from <paramref name="Into"/> steps before, where the window is one step of a loop by
/// hand; <paramref name="GradientLimit"/> cuts the gradients of all pre-activations at every step, 0 for none; <paramref name="Weights"/> are those of
/// inference.
/// </summary>
internal readonly record struct RecurrentPass(
    bool Training, ulong Seed, int Layer, bool Reverse, long Time, float GradientLimit, long Into = 0, WeightPrecision Weights = WeightPrecision.Float32)
{
    /// <summary>Mask of recurrent dropout: one for all steps.</summary>
    public DropoutMask RecurrentDropout(CellType cell) => new(cell.RecurrentDropout, Seed, Layer, Time - Into, DropoutUse.RecurrentInput, PerSample: true, Reverse);

    /// <summary>Mask of zoneout: h̃ is taken where the draw for (t, b, u) is kept, h_{t−1} elsewhere.</summary>
    public DropoutMask Zoneout(CellType cell) => new(cell.Zoneout, Seed, Layer, Time, DropoutUse.Zoneout, PerSample: false, Reverse);

    /// <summary>The same for c.</summary>
    public DropoutMask CellZoneout(CellType cell) => new(cell.CellZoneout, Seed, Layer, Time, DropoutUse.CellZoneout, PerSample: false, Reverse);
}
