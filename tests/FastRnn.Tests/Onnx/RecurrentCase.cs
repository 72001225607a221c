using FastRnn.Tests.Support;

namespace FastRnn.Tests.Onnx;

/// <summary>A generated RNN, LSTM or GRU node with its weights and inputs: all values differ, and so do all sizes unless a case wants otherwise.</summary>
internal sealed record RecurrentCase(string Operator, string Direction, string Name, int Seed)
{
    public int Steps { get; init; } = 5;

    public int Batch { get; init; } = 3;

    public int Input { get; init; } = 7;

    public int Hidden { get; init; } = 11;

    /// <summary>Of one direction; each direction gets these, the second in <see cref="SecondActivations"/>, where there is any.</summary>
    public string[]? Activations { get; init; }

    public string[]? SecondActivations { get; init; }

    public float[]? Alphas { get; init; }

    public float[]? Betas { get; init; }

    public float? Clip { get; init; }

    public bool InputForget { get; init; }

    public bool LinearBeforeReset { get; init; }

    public bool Peepholes { get; init; }

    public bool Bias { get; init; } = true;

    public bool InitialHidden { get; init; }

    public bool InitialCell { get; init; }

    public bool BatchFirst { get; init; }

    /// <summary>Version of the operators; 0 for the first that has what the case needs.</summary>
    public int Opset { get; init; }

    /// <summary>Weights are inputs of the graph instead of constants.</summary>
    public bool WeightsAreInputs { get; init; }

    public int[]? Lengths { get; init; }

    /// <summary>Y, Y_h, Y_c that are asked for.</summary>
    public bool[] Wanted { get; init; } = [true, true, true];

    /// <summary>Names and shapes of what comes out.</summary>
    public Dictionary<string, long[]> Outputs
    {
        get
        {
            long[] sequence = BatchFirst ? [Batch, Steps, Directions, Hidden] : [Steps, Directions, Batch, Hidden];
            long[] state = BatchFirst ? [Batch, Directions, Hidden] : [Directions, Batch, Hidden];
            (string Name, long[] Shape)[] all = [("Y", sequence), ("Y_h", state), ("Y_c", state)];
            return all.Take(Operator == "LSTM" ? 3 : 2).Where((_, i) => Wanted[i]).ToDictionary(output => output.Name, output => output.Shape);
        }
    }

    public int Directions => Direction == "bidirectional" ? 2 : 1;

    public int Gates => Operator switch { "LSTM" => 4, "GRU" => 3, _ => 1 };

    public int Functions => Operator switch { "LSTM" => 3, "GRU" => 2, _ => 1 };

    public float[] X => Values(1, Steps * Batch * Input, 1.5f);

    public float[] W => Values(2, Directions * Gates * Hidden * Input, 0.6f);

    public float[] R => Values(3, Directions * Gates * Hidden * Hidden, 0.5f);

    public float[]? B => Bias ? Values(4, Directions * 2 * Gates * Hidden, 0.4f) : null;

    public float[]? H0 => InitialHidden ? Values(5, Directions * Batch * Hidden, 0.9f) : null;

    public float[]? C0 => InitialCell ? Values(6, Directions * Batch * Hidden, 0.8f) : null;

    public float[]? P => Peepholes ? Values(7, Directions * 3 * Hidden, 0.7f) : null;

    /// <summary>Names of all functions of all directions, as the attribute has them.</summary>
    public string[]? AllActivations => Activations == null ? null : Directions == 1 ? Activations : [.. Activations, .. SecondActivations ?? Activations];

    public override string ToString() => $"{Operator} {Direction} {Name} (seed {Seed})";

    /// <summary>A model of this node alone.</summary>
    public byte[] Model()
    {
        OnnxBuilder builder = Declare(new OnnxBuilder().Input("X", OnnxValue.Float, "X_a", "X_b", "X_c"));
        string[] outputs = [.. new[] { "Y", "Y_h", "Y_c" }.Take(Operator == "LSTM" ? 3 : 2).Select((name, i) => Wanted[i] ? name : "")];
        foreach (string output in outputs.Where(output => output.Length > 0))
            builder.Output(output);
        return builder.Node(Operator, Names(), outputs, [.. Attributes()]).Build(Opset > 0 ? Opset : BatchFirst ? 14 : 13);
    }

    /// <summary>Adds all that the node reads but X.</summary>
    public OnnxBuilder Declare(OnnxBuilder builder)
    {
        foreach ((string name, OnnxValue? value, bool constant) in Arguments().Skip(1))
        {
            if (value == null)
                continue;
            if (constant)
                builder.Initializer(name, value);
            else
                builder.Input(name, value.Type, [.. value.Shape.Select((_, axis) => $"{name}_{axis}")]);
        }
        return builder;
    }

    /// <summary>Of the node's inputs; empty for one that is left out.</summary>
    public string[] Names()
    {
        string[] names = [.. Arguments().Select(argument => argument.Value == null ? "" : argument.Name)];
        return names[..(Array.FindLastIndex(names, name => name.Length > 0) + 1)];
    }

    /// <summary>What the graph is run with.</summary>
    public Dictionary<string, OnnxValue> Inputs() =>
        Arguments().Where(argument => argument is { Value: not null, Constant: false }).ToDictionary(argument => argument.Name, argument => argument.Value!);

    public IEnumerable<(string Name, object Value)> Attributes()
    {
        yield return ("hidden_size", Hidden);
        if (Direction != "forward")
            yield return ("direction", Direction);
        if (AllActivations is { } activations)
            yield return ("activations", activations);
        if (Alphas is { } alphas)
            yield return ("activation_alpha", alphas);
        if (Betas is { } betas)
            yield return ("activation_beta", betas);
        if (Clip is { } clip)
            yield return ("clip", clip);
        if (InputForget)
            yield return ("input_forget", 1);
        if (LinearBeforeReset)
            yield return ("linear_before_reset", 1);
        if (BatchFirst)
            yield return ("layout", 1);
    }

    /// <summary>All inputs in their order; null for one that is left out.</summary>
    private IEnumerable<(string Name, OnnxValue? Value, bool Constant)> Arguments()
    {
        long d = Directions, rows = Gates * Hidden;
        long[] state = BatchFirst ? [Batch, d, Hidden] : [d, Batch, Hidden];
        OnnxValue? Tensor(float[]? values, params long[] shape) => values == null ? null : OnnxValue.Of(values, shape);
        yield return ("X", Tensor(X, BatchFirst ? [Batch, Steps, Input] : [Steps, Batch, Input]), false);
        yield return ("W", Tensor(W, d, rows, Input), !WeightsAreInputs);
        yield return ("R", Tensor(R, d, rows, Hidden), !WeightsAreInputs);
        yield return ("B", Tensor(B, d, 2 * rows), !WeightsAreInputs);
        yield return ("lengths", Lengths == null ? null : OnnxValue.Of(Lengths, Batch), false);
        yield return ("initial_h", Tensor(H0, state), false);
        if (Operator != "LSTM")
            yield break;
        yield return ("initial_c", Tensor(C0, state), false);
        yield return ("P", Tensor(P, d, 3 * Hidden), !WeightsAreInputs);
    }

    private float[] Values(int stream, int count, float range)
    {
        var random = new Random((Seed * 31) + stream);
        var values = new float[count];
        foreach (ref float value in values.AsSpan())
            value = ((2 * random.NextSingle()) - 1) * range;
        return values;
    }
}
