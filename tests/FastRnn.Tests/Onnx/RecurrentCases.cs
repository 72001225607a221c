namespace FastRnn.Tests.Onnx;

/// <summary>The matrix of nodes: every attribute alone, the combinations that meet in one place, and random ones.</summary>
internal static class RecurrentCases
{
    public static string[] Operators { get; } = ["RNN", "GRU", "LSTM"];

    public static string[] Directions { get; } = ["forward", "reverse", "bidirectional"];

    private static readonly int[] _lengths = [4, 0, 5];

    /// <summary>Functions with numbers of their own, which no other has.</summary>
    private static readonly (string Name, float[] Alpha, float[] Beta)[] _functions =
    [
        ("Relu", [], []), ("Softsign", [], []), ("Softplus", [], []), ("Tanh", [], []), ("Sigmoid", [], []), ("LeakyRelu", [0.07f], []),
        ("ThresholdedRelu", [0.3f], []), ("Elu", [0.6f], []), ("HardSigmoid", [0.3f], [0.45f]), ("Affine", [0.4f], [0.15f]), ("ScaledTanh", [0.9f], [0.7f]),
    ];

    public static IEnumerable<RecurrentCase> Of(string kind, string direction)
    {
        int seed = 1000 * (1 + Array.IndexOf(Operators, kind)) + (100 * Array.IndexOf(Directions, direction));
        foreach (RecurrentCase plain in Common(new RecurrentCase(kind, direction, "plain", seed)))
            yield return plain with { Seed = seed++ };
        foreach (RecurrentCase own in Own(new RecurrentCase(kind, direction, "own", seed)))
            yield return own with { Seed = seed++ };
        for (int i = 0; i < 8; i++)
            yield return Random(kind, direction, seed++);
        bool lstm = kind == "LSTM";
        foreach (int opset in (int[])[7, 22])
        {
            yield return new RecurrentCase(kind, direction, $"opset {opset}", seed++)
            {
                Opset = opset,
                InitialHidden = true,
                InitialCell = lstm,
                Peepholes = lstm,
                Lengths = _lengths,
                Clip = 0.6f,
            };
        }
    }

    private static IEnumerable<RecurrentCase> Common(RecurrentCase plain)
    {
        yield return plain;
        yield return plain with { Name = "no bias", Bias = false };
        yield return plain with { Name = "lengths", Lengths = _lengths };
        yield return plain with { Name = "all lengths short", Lengths = [2, 3, 1] };
        yield return plain with { Name = "initial", InitialHidden = true, InitialCell = plain.Operator == "LSTM" };
        yield return plain with { Name = "initial, lengths", InitialHidden = true, InitialCell = plain.Operator == "LSTM", Lengths = _lengths };
        yield return plain with { Name = "clip", Clip = 0.35f };
        yield return plain with { Name = "Y", Wanted = [true, false, false] };
        yield return plain with { Name = "Y_h", Wanted = [false, true, false], Lengths = _lengths };
        yield return plain with { Name = "batch first", BatchFirst = true };
        yield return plain with { Name = "batch first, everything", BatchFirst = true, InitialHidden = true, InitialCell = plain.Operator == "LSTM", Lengths = _lengths, Clip = 0.5f };
        yield return plain with { Name = "one step", Steps = 1, InitialHidden = true };
        yield return plain with { Name = "one sample", Batch = 1 };
        yield return plain with { Name = "one unit", Hidden = 1, Input = 1 };
        yield return plain with { Name = "16 units", Hidden = 16, Batch = 9, Steps = 12 };
        yield return plain with { Name = "weights as inputs", WeightsAreInputs = true };
        yield return plain with { Name = "usual numbers", Activations = Functions(plain, "HardSigmoid", "LeakyRelu", "Elu") };
        foreach ((string name, float[] alpha, float[] beta) in _functions.Where((_, i) => plain.Operator == "RNN" || i % 2 == 0))
            yield return Everywhere(plain, name, alpha, beta);
    }

    private static IEnumerable<RecurrentCase> Own(RecurrentCase plain)
    {
        if (plain.Operator == "GRU")
        {
            RecurrentCase linear = plain with { Name = "linear before reset", LinearBeforeReset = true };
            yield return linear;
            yield return linear with { Name = "linear, no bias", Bias = false };
            yield return linear with { Name = "linear, clip", Clip = 0.3f };
            yield return linear with { Name = "linear, initial, lengths", InitialHidden = true, Lengths = _lengths };
            yield return linear with { Name = "linear, batch first", BatchFirst = true };
            yield return linear with { Name = "linear, functions", Activations = ["HardSigmoid", "Affine"], Alphas = Twice(linear, 0.25f, 0.6f), Betas = Twice(linear, 0.4f, -0.1f) };
        }
        else if (plain.Operator == "LSTM")
        {
            RecurrentCase peepholes = plain with { Name = "peepholes", Peepholes = true };
            yield return peepholes;
            yield return peepholes with { Name = "peepholes, initial c", InitialCell = true };
            yield return peepholes with { Name = "peepholes, clip, lengths", Clip = 0.4f, Lengths = _lengths, InitialCell = true, InitialHidden = true };
            yield return peepholes with { Name = "peepholes, input_forget", InputForget = true };
            yield return plain with { Name = "input_forget", InputForget = true };
            yield return peepholes with { Name = "peepholes, input_forget, clip", InputForget = true, Clip = 0.4f, Bias = false };
            yield return plain with { Name = "Y_c", Wanted = [false, false, true], Lengths = _lengths };
            yield return plain with { Name = "initial c alone", InitialCell = true };
            yield return plain with
            {
                Name = "functions",
                Activations = ["HardSigmoid", "ScaledTanh", "Affine"],
                Alphas = Twice(plain, 0.25f, 0.8f, 0.6f),
                Betas = Twice(plain, 0.4f, 1.3f, -0.1f),
            };
        }
        if (plain.Directions == 2)
            yield return plain with
            {
                Name = "a function for each direction",
                Activations = Functions(plain, "Sigmoid", "LeakyRelu", "Tanh"),
                SecondActivations = Functions(plain, "HardSigmoid", "Softsign", "Elu"),
                Alphas = plain.Operator switch { "RNN" => [0.3f], "GRU" => [0.05f, 0.3f], _ => [0.05f, 0.3f, 0.8f] },
                Betas = plain.Operator == "RNN" ? null : [0.45f],
            };
    }

    private static RecurrentCase Random(string kind, string direction, int seed)
    {
        var random = new Random(seed);
        bool Sometimes() => random.Next(2) == 0;
        int batch = random.Next(1, 6), steps = random.Next(1, 9), functions = new RecurrentCase(kind, direction, "", 0).Functions;
        var chosen = Enumerable.Range(0, direction == "bidirectional" ? 2 * functions : functions).Select(_ => _functions[random.Next(_functions.Length)]).ToArray();
        bool choose = Sometimes();
        return new RecurrentCase(kind, direction, "random", seed)
        {
            Steps = steps,
            Batch = batch,
            Input = random.Next(1, 20),
            Hidden = random.Next(1, 20),
            Bias = Sometimes(),
            InitialHidden = Sometimes(),
            InitialCell = kind == "LSTM" && Sometimes(),
            Peepholes = kind == "LSTM" && Sometimes(),
            InputForget = kind == "LSTM" && Sometimes(),
            LinearBeforeReset = kind == "GRU" && Sometimes(),
            Clip = Sometimes() ? 0.2f + random.NextSingle() : null,
            BatchFirst = random.Next(4) == 0,
            Lengths = Sometimes() ? [.. Enumerable.Range(0, batch).Select(_ => random.Next(steps + 1))] : null,
            Activations = choose ? [.. chosen.Take(functions).Select(function => function.Name)] : null,
            SecondActivations = choose ? [.. chosen.Skip(functions).Select(function => function.Name)] : null,
            Alphas = choose ? [.. chosen.SelectMany(function => function.Alpha)] : null,
            Betas = choose ? [.. chosen.SelectMany(function => function.Beta)] : null,
        };
    }

    private static string[] Functions(RecurrentCase plain, string gate, string candidate, string output) =>
        plain.Operator switch { "LSTM" => [gate, candidate, output], "GRU" => [gate, candidate], _ => [candidate] };

    private static RecurrentCase Everywhere(RecurrentCase plain, string name, float[] alpha, float[] beta) => plain with
    {
        Name = name,
        Steps = plain.Operator != "RNN" && name is "Softplus" or "ThresholdedRelu" ? 2 : plain.Steps, // behind gates without bound every rounding grows from step to step
        Activations = [.. Enumerable.Repeat(name, plain.Functions)],
        Alphas = alpha.Length == 0 ? null : [.. Enumerable.Repeat(alpha[0], plain.Functions * plain.Directions)],
        Betas = beta.Length == 0 ? null : [.. Enumerable.Repeat(beta[0], plain.Functions * plain.Directions)],
    };

    private static float[] Twice(RecurrentCase plain, params float[] numbers) => plain.Directions == 1 ? numbers : [.. numbers, .. numbers];
}
