using System.Globalization;
using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// The function of a simple recurrent cell, or of the gates of another. All of them rise with their argument, and their slope follows from their
/// value: a cell keeps nothing else for its backward pass. The default value is <see cref="Tanh"/>.
/// </summary>
public readonly record struct CellActivation
{
    private CellActivation(CellFunction function, float alpha = 0, float beta = 0) => Args = new(function, alpha, beta);

    /// <summary>tanh(x)</summary>
    public static CellActivation Tanh => default;

    /// <summary>max(x, 0)</summary>
    public static CellActivation Relu => new(CellFunction.Relu);

    /// <summary>1/(1 + e⁻ˣ)</summary>
    public static CellActivation Sigmoid => new(CellFunction.Sigmoid);

    /// <summary>x</summary>
    public static CellActivation Identity => new(CellFunction.Identity);

    /// <summary>min(max(x/6 + ½, 0), 1): the hard sigmoid of PyTorch and Keras 3.</summary>
    public static CellActivation HardSigmoid => HardSigmoidOf(1f / 6f, 0.5f);

    /// <summary>min(max(x/5 + ½, 0), 1): the hard sigmoid of Keras 1 and 2, and of ONNX unless it says otherwise.</summary>
    public static CellActivation HardSigmoidKeras2 => HardSigmoidOf(0.2f, 0.5f);

    /// <summary>x/(1 + |x|); NaN at ±∞.</summary>
    public static CellActivation Softsign => new(CellFunction.Softsign);

    /// <summary>log(1 + eˣ)</summary>
    public static CellActivation Softplus => new(CellFunction.Softplus);

    /// <summary>eˣ</summary>
    public static CellActivation Exponential => new(CellFunction.Exponential);

    /// <summary>λ·x for x ≥ 0, else λ·α·(eˣ − 1), with λ = 1.0507… and α = 1.6733… (Klambauer et al. 2017).</summary>
    public static CellActivation Selu => new(CellFunction.Selu);

    internal CellFunctionArgs Args { get; }

    /// <summary>min(max(α·x + β, 0), 1): ONNX's form.</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or a number is not finite.</exception>
    public static CellActivation HardSigmoidOf(float alpha, float beta) => new(CellFunction.HardSigmoid, Positive(alpha), Finite(beta));

    /// <summary>x for x ≥ 0, else α·(eˣ − 1).</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or not finite.</exception>
    public static CellActivation Elu(float alpha = 1f) => new(CellFunction.Elu, Positive(alpha));

    /// <summary>x for x ≥ 0, else α·x.</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or not finite.</exception>
    public static CellActivation LeakyRelu(float alpha = 0.01f) => new(CellFunction.LeakyRelu, Positive(alpha));

    /// <summary>x for x &gt; α, else 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or not finite.</exception>
    public static CellActivation ThresholdedRelu(float alpha = 1f) => new(CellFunction.ThresholdedRelu, Positive(alpha));

    /// <summary>α·tanh(β·x).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not above 0, or not finite.</exception>
    public static CellActivation ScaledTanh(float alpha, float beta) => new(CellFunction.ScaledTanh, Positive(alpha), Positive(beta));

    /// <summary>α·x + β.</summary>
    /// <exception cref="ArgumentOutOfRangeException">α is not above 0, or a number is not finite.</exception>
    public static CellActivation Affine(float alpha, float beta) => new(CellFunction.Affine, Positive(alpha), Finite(beta));

    /// <summary>With any numbers, as a node of a graph may have it: those that the other methods refuse compute forward only.</summary>
    internal static CellActivation OfNode(CellFunction function, float alpha, float beta) => new(function, alpha, beta);

    /// <summary>min(max(x, low), high), of slope 0 at both: −1 and 1 are PyTorch's Hardtanh, 0 and 6 are ReLU6.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not finite, or high is not above low.</exception>
    public static CellActivation Clip(float low, float high) => new(
        CellFunction.Clip, Finite(low), Finite(high) > low ? high : throw new ArgumentOutOfRangeException(nameof(high), high, "must be above low"));

    /// <summary>As model files have it, for example <c>tanh</c> or <c>hard_sigmoid(0.2,0.5)</c>.</summary>
    public override string ToString()
    {
        string name = Name(Args.Function);
        return Numbers(Args.Function) switch
        {
            0 => name,
            1 => string.Create(CultureInfo.InvariantCulture, $"{name}({Args.Alpha:R})"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{name}({Args.Alpha:R},{Args.Beta:R})"),
        };
    }

    /// <summary>What <see cref="ToString"/> has written; null for anything else.</summary>
    internal static CellActivation? Parse(string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal);
        string name = open < 0 ? text : text[..open];
        foreach (CellFunction function in Enum.GetValues<CellFunction>())
        {
            if (name != Name(function))
                continue;
            string[] numbers = open < 0 ? [] : text[(open + 1)..].TrimEnd(')').Split(',');
            var values = new float[2];
            for (int i = 0; i < Math.Min(2, numbers.Length); i++)
            {
                if (!float.TryParse(numbers[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]) || !float.IsFinite(values[i]))
                    return null;
            }
            bool rises = numbers.Length == 0 || (function == CellFunction.Clip
                ? values[0] < values[1]
                : values[0] > 0 && (function != CellFunction.ScaledTanh || values[1] > 0));
            var result = new CellActivation(function, values[0], values[1]);
            return rises && numbers.Length == Numbers(function) && result.ToString() == text ? result : null;
        }
        return null;
    }

    private static string Name(CellFunction function) => function switch
    {
        CellFunction.Tanh => "tanh",
        CellFunction.Relu => "relu",
        CellFunction.Sigmoid => "sigmoid",
        CellFunction.Identity => "identity",
        CellFunction.HardSigmoid => "hard_sigmoid",
        CellFunction.Softsign => "softsign",
        CellFunction.Softplus => "softplus",
        CellFunction.Elu => "elu",
        CellFunction.LeakyRelu => "leaky_relu",
        CellFunction.ThresholdedRelu => "thresholded_relu",
        CellFunction.ScaledTanh => "scaled_tanh",
        CellFunction.Affine => "affine",
        CellFunction.Selu => "selu",
        CellFunction.Exponential => "exponential",
        _ => "clip",
    };

    private static int Numbers(CellFunction function) => function switch
    {
        CellFunction.HardSigmoid or CellFunction.ScaledTanh or CellFunction.Affine or CellFunction.Clip => 2,
        CellFunction.Elu or CellFunction.LeakyRelu or CellFunction.ThresholdedRelu => 1,
        _ => 0,
    };

    private static float Positive(float value) =>
        value > 0 && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "must be above 0 and finite");

    private static float Finite(float value) =>
        float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "must be finite");
}
