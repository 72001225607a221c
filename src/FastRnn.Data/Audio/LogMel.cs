using System.Numerics;
using FastRnn.Training;

namespace FastRnn.Data.Audio;

/// <summary>
/// Log energies in mel bands (Davis, Mermelstein 1980): frames under a periodic Hann window, power spectrum |X_k|² of the frame padded to a power
/// of 2, triangles of height 1 with corners evenly spaced on the scale 2595·log₁₀(1 + f/700) from 0 to half the sample rate, natural logarithm of
/// energies of at least <see cref="Floor"/>.
/// </summary>
public sealed class LogMel
{
    /// <summary>The least energy of a band: silence has the logarithm of this, about −23.</summary>
    public const double Floor = 1e-10;

    private readonly AudioSettings _settings;
    private readonly Fft _fft;
    private readonly double[] _window, _real, _imaginary;
    private readonly double[][] _filters;

    /// <summary>Frames by these settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size lies outside its bounds.</exception>
    public LogMel(AudioSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        _settings = settings;
        _fft = new Fft((int)BitOperations.RoundUpToPowerOf2((uint)settings.Window));
        (_real, _imaginary) = (new double[_fft.Size], new double[_fft.Size]);
        _window = [.. Enumerable.Range(0, settings.Window).Select(n => 0.5 - (0.5 * Math.Cos(2 * Math.PI * n / settings.Window)))];
        _filters = Filters(settings, _fft.Size);
    }

    /// <summary>
    /// T·bands values of a sound, frame by frame. A frame that would reach over the end is left out; a sound shorter than a frame is padded with
    /// silence to one.
    /// </summary>
    /// <param name="samples">At least one, within ±1.</param>
    public float[] Frames(ReadOnlySpan<float> samples)
    {
        if (samples.IsEmpty)
            throw new ArgumentException("a sound needs at least one sample", nameof(samples));
        int count = 1 + (Math.Max(0, samples.Length - _settings.Window) / _settings.Hop);
        var frames = new float[count * _settings.Bands];
        for (int t = 0; t < count; t++)
            Frame(samples[(t * _settings.Hop)..], frames.AsSpan(t * _settings.Bands, _settings.Bands));
        return frames;
    }

    private void Frame(ReadOnlySpan<float> samples, Span<float> bands)
    {
        Array.Clear(_real);
        Array.Clear(_imaginary);
        for (int n = 0; n < Math.Min(_window.Length, samples.Length); n++)
            _real[n] = samples[n] * _window[n];
        _fft.Transform(_real, _imaginary);
        for (int k = 0; k <= _fft.Size / 2; k++)
            _real[k] = (_real[k] * _real[k]) + (_imaginary[k] * _imaginary[k]);
        for (int band = 0; band < bands.Length; band++)
        {
            double energy = 0;
            for (int k = 0; k < _filters[band].Length; k++)
                energy += _filters[band][k] * _real[k];
            bands[band] = (float)Math.Log(Math.Max(energy, Floor));
        }
    }

    private static double[][] Filters(AudioSettings settings, int size)
    {
        double top = Mel(settings.SampleRate / 2.0);
        double[] corners = [.. Enumerable.Range(0, settings.Bands + 2).Select(i => Hertz(top * i / (settings.Bands + 1)))];
        return [.. Enumerable.Range(0, settings.Bands).Select(Filter)];

        double[] Filter(int band) =>
        [
            .. Enumerable.Range(0, (size / 2) + 1).Select(k =>
            {
                double f = k * (double)settings.SampleRate / size;
                double rise = (f - corners[band]) / (corners[band + 1] - corners[band]), fall = (corners[band + 2] - f) / (corners[band + 2] - corners[band + 1]);
                return Math.Max(0, Math.Min(rise, fall));
            }),
        ];
    }

    private static double Mel(double hertz) => 2595 * Math.Log10(1 + (hertz / 700));

    private static double Hertz(double mel) => 700 * (Math.Pow(10, mel / 2595) - 1);
}
