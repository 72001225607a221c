namespace FastRnn.Data.Audio;

/// <summary>
/// Discrete Fourier transform X_k = Σ_n x_n·exp(−2πi·kn/N) of N = 2^m complex numbers, in place: radix 2, decimation in time (Cooley, Tukey 1965).
/// </summary>
internal sealed class Fft
{
    private readonly double[] _cos, _sin;

    public Fft(int size)
    {
        if (size < 1 || !System.Numerics.BitOperations.IsPow2(size))
            throw new ArgumentOutOfRangeException(nameof(size), size, "a power of 2");
        Size = size;
        (_cos, _sin) = (new double[size / 2], new double[size / 2]);
        for (int k = 0; k < size / 2; k++)
            (_sin[k], _cos[k]) = Math.SinCos(-2 * Math.PI * k / size);
    }

    public int Size { get; }

    public void Transform(Span<double> real, Span<double> imaginary)
    {
        if (real.Length != Size || imaginary.Length != Size)
            throw new ArgumentException($"{real.Length} real and {imaginary.Length} imaginary parts for a transform of {Size}");
        ReverseBits(real, imaginary);
        for (int half = 1; half < Size; half *= 2)
        {
            int stride = Size / (2 * half);
            for (int block = 0; block < Size; block += 2 * half)
            {
                for (int k = 0; k < half; k++)
                {
                    int a = block + k, b = a + half;
                    double cos = _cos[k * stride], sin = _sin[k * stride];
                    double re = (real[b] * cos) - (imaginary[b] * sin), im = (real[b] * sin) + (imaginary[b] * cos);
                    (real[b], imaginary[b]) = (real[a] - re, imaginary[a] - im);
                    (real[a], imaginary[a]) = (real[a] + re, imaginary[a] + im);
                }
            }
        }
    }

    private void ReverseBits(Span<double> real, Span<double> imaginary)
    {
        for (int i = 0, j = 0; i < Size; i++)
        {
            if (i < j)
            {
                (real[i], real[j]) = (real[j], real[i]);
                (imaginary[i], imaginary[j]) = (imaginary[j], imaginary[i]);
            }
            int bit = Size >> 1;
            for (; (j & bit) != 0; bit >>= 1)
                j ^= bit;
            j |= bit;
        }
    }
}
