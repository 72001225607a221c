using System.Numerics;

namespace FastRnn.Graphs.Operators;

internal readonly struct ExpFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Exp(x);
}

internal readonly struct LogFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Log(x);
}

internal readonly struct SqrtFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Sqrt(x);
}

internal readonly struct ReciprocalFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.One / x;
}

internal readonly struct SigmoidFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));
}

internal readonly struct TanhFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Tanh(x);
}

/// <summary>ln(1 + eˣ), written so that eˣ cannot overflow.</summary>
internal readonly struct SoftplusFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Max(x, T.Zero) + T.LogP1(T.Exp(-T.Abs(x)));
}

internal readonly struct SoftsignFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => x / (T.One + T.Abs(x));
}

internal readonly struct LeakyReluFunction(float alpha) : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * x : x;
}

internal readonly struct EluFunction(float alpha) : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * T.ExpM1(x) : x;
}

internal readonly struct HardSigmoidFunction(float alpha, float beta) : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Max(T.Zero, T.Min(T.One, (T.CreateTruncating(alpha) * x) + T.CreateTruncating(beta)));
}

internal readonly struct ThresholdedReluFunction(float alpha) : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => x > T.CreateTruncating(alpha) ? x : T.Zero;
}

/// <summary>The error function, computed in double.</summary>
internal readonly struct ErfFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(Erf(double.CreateTruncating(x)));

    /// <summary>
    /// 2/√π·e^(−x²)·Σ 2ⁿx^(2n+1)/(1·3·…·(2n+1)): Abramowitz, Stegun 7.1.6. All terms have one sign, so nothing cancels; beyond 6 the rest is below 10⁻¹⁶.
    /// </summary>
    public static double Erf(double x)
    {
        if (double.IsNaN(x))
            return x;
        double magnitude = Math.Abs(x);
        if (magnitude > 6)
            return Math.Sign(x);
        double term = magnitude, sum = magnitude;
        for (int n = 1; term > sum * 1e-17; n++)
        {
            term *= 2 * magnitude * magnitude / ((2 * n) + 1);
            sum += term;
        }
        return Math.CopySign(2 / Math.Sqrt(Math.PI) * Math.Exp(-magnitude * magnitude) * sum, x);
    }
}

/// <summary>x·Φ(x).</summary>
internal readonly struct GeluFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(0.5 * double.CreateTruncating(x) * (1 + ErfFunction.Erf(double.CreateTruncating(x) / Math.Sqrt(2))));
}

/// <summary>x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).</summary>
internal readonly struct TanhGeluFunction : IFloatFunction
{
    public T Apply<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        double wide = double.CreateTruncating(x);
        return T.CreateTruncating(0.5 * wide * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (wide + (0.044715 * wide * wide * wide)))));
    }
}
