using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Tests.Support;

/// <summary>8-bit weights by their definition: plain loops, quotients in double, sums in long.</summary>
internal static class ReducedReference
{
    /// <summary>v as integers and their scale.</summary>
    public static (int[] Values, float Scale) Quantize(ReadOnlySpan<float> v)
    {
        double greatest = 0;
        bool finite = true;
        foreach (float x in v)
        {
            finite &= float.IsFinite(x);
            greatest = Math.Max(greatest, Math.Abs((double)x));
        }
        var q = new int[v.Length];
        if (!finite)
            return (q, float.NaN);
        if (greatest < Math.Pow(2, -100))
            return (q, 0f);
        double inverse = (float)(127.0 / greatest);
        for (int k = 0; k < q.Length; k++)
            q[k] = (int)Math.Round((float)(v[k] * inverse), MidpointRounding.ToEven);
        return (q, (float)(greatest / 127.0));
    }

    /// <summary>init + W x for every row of W [rows, K].</summary>
    public static float[] Product(float[] init, float[] w, float[] x)
    {
        (int[] q, float scale) = Quantize(x);
        var y = new float[init.Length];
        for (int row = 0; row < y.Length; row++)
        {
            (int[] weights, float rowScale) = Quantize(w.AsSpan(row * x.Length, x.Length));
            long sum = 0;
            for (int k = 0; k < x.Length; k++)
                sum += (long)q[k] * weights[k];
            y[row] = MathF.FusedMultiplyAdd(scale * rowScale, sum, init[row]);
        }
        return y;
    }

    /// <summary>A step of the LSTM: pre-activations by definition, functions as the engine computes them one at a time.</summary>
    public static void Lstm(float[] w, float[] r, float[] bias, float[] x, float[] h, float[] c)
    {
        float[] a = Product(Product(bias, w, x), r, h);
        int hidden = h.Length;
        for (int u = 0; u < hidden; u++)
        {
            (float i, float f, float g, float o) = (a[u], a[hidden + u], a[(2 * hidden) + u], a[(3 * hidden) + u]);
            LstmCell.Forward<ScalarLanes, float>(ref i, ref f, ref g, ref o, c[u], out c[u], out h[u]);
        }
    }

    /// <summary>A step of the GRU that resets after the product: the candidate's recurrent chain starts at its own bias.</summary>
    public static unsafe void Gru(float[] w, float[] r, float[] inputBias, float[] recurrentBias, float[] x, float[] h)
    {
        int hidden = h.Length;
        var input = new float[3 * hidden];
        for (int row = 0; row < input.Length; row++)
            input[row] = row < 2 * hidden ? inputBias[row] + recurrentBias[row] : inputBias[row];
        input = Product(input, w, x);
        float[] state = [.. input.AsSpan(0, 2 * hidden), .. recurrentBias.AsSpan(2 * hidden)];
        state = Product(state, r, h);
        for (int u = 0; u < hidden; u++)
        {
            float reset = state[u], update = state[hidden + u], candidate = input[(2 * hidden) + u];
            h[u] = GruCell.Forward<ScalarLanes, float, SigmoidActivation, TanhActivation>(
                null, ref candidate, ref reset, ref update, state[(2 * hidden) + u], h[u]);
        }
    }
}
