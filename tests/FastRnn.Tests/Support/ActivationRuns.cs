using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Tests.Support;

/// <summary>Every function of a step's values.</summary>
internal static class ActivationRuns
{
    public static ActivationFunction[] All { get; } =
    [
        .. Enum.GetValues<ActivationKind>().Where(kind => kind != ActivationKind.Chosen).Select(kind => new ActivationFunction(kind)),
        .. new[]
        {
            CellActivation.Selu, CellActivation.Exponential, CellActivation.Identity, CellActivation.Softsign, CellActivation.LeakyRelu(0.25f),
            CellActivation.Elu(0.75f), CellActivation.ThresholdedRelu(0.5f), CellActivation.Clip(-3f, 2.5f), CellActivation.HardSigmoidKeras2,
            CellActivation.ScaledTanh(1.5f, 0.75f), CellActivation.Affine(0.5f, 0.25f),
        }.Select(function => new ActivationFunction(ActivationKind.Chosen, function)),
    ];

    /// <summary>By element: what <see cref="Activation"/> has.</summary>
    public static IEnumerable<ActivationFunction> OfElements => All.Where(function => !function.IsOfRows);

    public static ActivationLayer Layer(ActivationFunction function) => function.Kind switch
    {
        ActivationKind.Relu => Activation.Relu(),
        ActivationKind.Tanh => Activation.Tanh(),
        ActivationKind.Sigmoid => Activation.Sigmoid(),
        ActivationKind.HardSigmoid => Activation.HardSigmoid(),
        ActivationKind.Softplus => Activation.Softplus(),
        ActivationKind.Silu => Activation.Silu(),
        ActivationKind.Gelu => Activation.Gelu(),
        ActivationKind.Chosen => Activation.Of(function.Chosen),
        ActivationKind.LogSoftmax => new LogSoftmax(),
        _ => new Softmax(),
    };

    /// <summary>As a file, or PyTorch's results, name it.</summary>
    public static string Name(ActivationFunction function) => Layer(function) switch
    {
        Activation activation => activation.Function,
        LogSoftmax => "log_softmax",
        _ => "softmax",
    };
}
