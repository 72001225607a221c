using FastRnn.Data;
using FastRnn.Data.Audio;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Data;

/// <summary>Sound: the transform against its definition, frames against numpy, files against those of Python's wave module.</summary>
public sealed class AudioTests() : FileTest("sound.wav")
{
    private const string Stereo16 = "UklGRjAAAABXQVZFZm10IBAAAAABAAIAESsAAESsAAAEABAAZGF0YQwAAAAAQADA/3//fwCAAAA=";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(128)]
    public void Transform_is_that_of_the_definition(int size)
    {
        double[] real = [.. Enumerable.Range(0, size).Select(n => Math.Sin((n * n) + 0.3))], imaginary = [.. real.Select(x => Math.Cos(7 * x))];
        double[] re = [.. real], im = [.. imaginary];
        new Fft(size).Transform(re, im);
        for (int k = 0; k < size; k++)
        {
            System.Numerics.Complex expected = 0;
            for (int n = 0; n < size; n++)
                expected += new System.Numerics.Complex(real[n], imaginary[n]) * System.Numerics.Complex.Exp(new(0, -2 * Math.PI * k * n / size));
            Assert.Equal(expected.Real, re[k], 1e-11);
            Assert.Equal(expected.Imaginary, im[k], 1e-11);
        }
    }

    [Fact]
    public void Transform_of_another_size_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Fft(12));
        Assert.Throws<ArgumentException>(() => new Fft(4).Transform(new double[4], new double[3]));
    }

    [Fact]
    public void Frames_are_those_of_numpy()
    {
        var truth = new TruthFile("log_mel.json");
        var settings = new AudioSettings { SampleRate = truth.Size("rate"), Window = truth.Size("window"), Hop = truth.Size("hop"), Bands = truth.Size("bands") };
        float[] frames = new LogMel(settings).Frames(truth.Floats("samples"));
        double[] expected = truth.Expected["frames"];
        Assert.Equal(expected.Length, frames.Length);
        for (int i = 0; i < frames.Length; i++)
            Assert.True(Math.Abs(frames[i] - expected[i]) <= 2e-6 * Math.Max(1, Math.Abs(expected[i])), $"value {i}: {frames[i]}, expected {expected[i]}");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(200, 1)]
    [InlineData(279, 1)]
    [InlineData(280, 2)]
    public void Silence_is_finite_and_a_short_sound_is_one_frame(int samples, int frames)
    {
        float[] values = new LogMel(AudioSettings.FromMilliseconds(8000)).Frames(new float[samples]);
        Assert.Equal(frames * 40, values.Length);
        Assert.All(values, value => Assert.Equal(-23.0258509, value, 1e-5));
    }

    [Fact]
    public void Settings_in_milliseconds_and_their_bounds()
    {
        Assert.Equal(new AudioSettings { SampleRate = 8000, Window = 200, Hop = 80, Bands = 40 }, AudioSettings.FromMilliseconds(8000));
        Assert.Contains("Window", Assert.Throws<ArgumentOutOfRangeException>(() => AudioSettings.FromMilliseconds(8000, window: 0.1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => AudioSettings.FromMilliseconds(8000, hop: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => AudioSettings.FromMilliseconds(8000, bands: 1025));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogMel(new AudioSettings { SampleRate = 0, Window = 2, Hop = 1, Bands = 1 }));
        Assert.Throws<ArgumentException>(() => new LogMel(AudioSettings.FromMilliseconds(8000)).Frames([]));
    }

    [Theory]
    [InlineData("UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQQAAAAAQID/", 8000, new double[] { -1, -0.5, 0, 127 / 128.0 })]
    [InlineData(Stereo16, 11025, new double[] { 0, 32767 / 32768.0, -0.5 })]
    [InlineData("UklGRi0AAABXQVZFZm10IBAAAAABAAEARKwAAMwEAgADABgAZGF0YQkAAAAAAEAAAIABAAA=", 44100, new double[] { 0.5, -1, 1 / 8388608.0 })]
    [InlineData("UklGRjAAAABXQVZFZm10IBAAAAABAAEAAHcBAADcBQAEACAAZGF0YQwAAAAAAABAAAAAgAMAAAA=", 96000, new double[] { 0.5, -1, 3 / 2147483648.0 })]
    public void Integers_are_read_as_shares_of_full_scale_and_channels_as_their_mean(string base64, int rate, double[] expected)
    {
        File.WriteAllBytes(Target, Convert.FromBase64String(base64));
        WaveFile wave = WaveFile.Read(Target);
        Assert.Equal(rate, wave.SampleRate);
        Assert.Equal(expected.Select(x => (float)x), wave.Samples.ToArray());
    }

    [Theory]
    [InlineData(3, 32, new byte[0])]
    [InlineData(3, 64, new byte[0])]
    [InlineData(0xFFFE, 32, new byte[] { 22, 0, 32, 0, 0, 0, 0, 0, 3, 0, 0, 0 })]
    public void Floating_point_is_read_behind_parts_of_other_kinds(int kind, int bits, byte[] extension)
    {
        double[] values = [0.25, -1.5];
        byte[] data = [.. values.SelectMany(x => bits == 64 ? BitConverter.GetBytes(x) : BitConverter.GetBytes((float)x))];
        File.WriteAllBytes(Target, Wave(kind, bits, extension, data));
        Assert.Equal([0.25f, -1.5f], WaveFile.Read(Target).Samples.ToArray());
    }

    [Theory]
    [InlineData(1, 12, 2, "samples of 12 bits and format 1, expected PCM (1) of 8, 16, 24 or 32 bits or floating point (3) of 32 or 64")]
    [InlineData(2, 16, 2, "samples of 16 bits and format 2")]
    [InlineData(1, 16, 3, "3 bytes of samples are no whole number of steps of 2")]
    [InlineData(1, 16, 0, "there is no sample")]
    [InlineData(3, 32, 4, "sample 1 is NaN, expected a finite number")]
    public void Samples_that_cannot_be_used_are_refused(int kind, int bits, int bytes, string problem)
    {
        File.WriteAllBytes(Target, Wave(kind, bits, [], [.. Enumerable.Repeat((byte)0xFF, bytes)]));
        Assert.StartsWith($"{Target}: {problem}", Assert.Throws<DataFormatException>(() => WaveFile.Read(Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_is_read_or_refused_by_name()
    {
        byte[] good = Convert.FromBase64String(Stereo16);
        IEnumerable<byte[]> bad = Enumerable.Range(0, good.Length).Select(length => good[..length])
            .Concat(Enumerable.Range(0, good.Length * 2).Select(i => good.Select((value, at) => at == i / 2 ? (byte)(i % 2 == 0 ? 0xFF : 0) : value).ToArray()));
        int refused = 0;
        foreach (byte[] bytes in bad)
        {
            File.WriteAllBytes(Target, bytes);
            if (Record.Exception(() => WaveFile.Read(Target)) is { } error)
            {
                Assert.StartsWith(Target, Assert.IsType<DataFormatException>(error).Message, StringComparison.Ordinal);
                refused++;
            }
        }
        Assert.InRange(refused, good.Length, 2 * good.Length);
    }

    [Fact]
    public void Class_is_the_folder_or_the_start_of_the_name()
    {
        AudioSettings settings = AudioSettings.FromMilliseconds(11025, bands: 5);
        foreach (string name in (string[])["7_jackson_0.wav", "1_jackson_0.WAV"])
            File.WriteAllBytes(Path.Combine(_folder, name), Convert.FromBase64String(Stereo16));
        Assert.Equal(["1", "7"], WaveFolder.Read(_folder, settings).Select(sound => sound.Label));
        Assert.Equal(11025, WaveFolder.SampleRate(_folder));

        string inner = Directory.CreateDirectory(Path.Combine(_folder, "yes")).FullName;
        File.WriteAllBytes(Path.Combine(inner, "a.wav"), Convert.FromBase64String(Stereo16));
        Assert.Contains("lies beside folders of classes such as 'yes'", Refused(_folder), StringComparison.Ordinal);
        foreach (string path in Directory.GetFiles(_folder))
            File.Delete(path);
        LabelledSeries sound = Assert.Single(WaveFolder.Read(_folder, settings));
        Assert.Equal(("yes", 5, 1), (sound.Label, sound.Channels, sound.Length));

        string Refused(string folder) => Assert.Throws<DataFormatException>(() => WaveFolder.Read(folder, settings)).Message;
    }

    [Fact]
    public void Folders_that_cannot_be_used_are_refused()
    {
        AudioSettings settings = AudioSettings.FromMilliseconds(8000);
        Assert.False(WaveFolder.HoldsSound(_folder));
        Assert.Contains("hold no .wav file", Assert.Throws<DataFormatException>(() => WaveFolder.Read(_folder, settings)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(Target, Convert.FromBase64String(Stereo16));
        Assert.True(WaveFolder.HoldsSound(_folder));
        Assert.Contains("the name tells no class", Assert.Throws<DataFormatException>(() => WaveFolder.Read(_folder, settings)).Message, StringComparison.Ordinal);
        Assert.Equal(
            $"{Target}: 11025 samples a second, expected 8000 as in the first file or the model",
            Assert.Throws<DataFormatException>(() => WaveFolder.ReadFile(Target, settings)).Message);
    }

    /// <summary>One channel at 8000 samples a second, with a part of an odd length that nobody knows before the samples.</summary>
    /// <summary>The bytes are those of Python's wave module.</summary>
    [Fact]
    public void Written_sound_is_clipped_at_full_scale_and_read_back()
    {
        WaveFile.Write(Target, [0, 0.5f, -1.5f, 1, -3 / 32768f], 11025);
        Assert.Equal("UklGRi4AAABXQVZFZm10IBAAAAABAAEAESsAACJWAAACABAAZGF0YQoAAAAAAABAAID/f/3/", Convert.ToBase64String(File.ReadAllBytes(Target)));
        WaveFile wave = WaveFile.Read(Target);
        Assert.Equal(11025, wave.SampleRate);
        Assert.Equal([0, 0.5f, -1, 32767 / 32768f, -3 / 32768f], wave.Samples.ToArray());
    }

    [Fact]
    public void Sound_that_cannot_be_written_leaves_no_file()
    {
        Assert.Contains("sample 2 is NaN", Assert.Throws<ArgumentException>(() => WaveFile.Write(Target, [0, float.NaN], 8000)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => WaveFile.Write(Target, [0], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => WaveFile.Write(Target, [0], 1_000_001));
        Assert.Throws<ArgumentException>(() => WaveFile.Write("", [0], 8000));
        Assert.False(File.Exists(Target));
    }

    private static byte[] Wave(int kind, int bits, byte[] extension, byte[] data)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write("RIFF"u8);
        writer.Write(0);
        writer.Write("WAVEfmt "u8);
        writer.Write(16 + extension.Length);
        writer.Write((ushort)kind);
        writer.Write((ushort)1);
        writer.Write(8000);
        writer.Write(8000 * bits / 8);
        writer.Write((ushort)(bits / 8));
        writer.Write((ushort)bits);
        writer.Write(extension);
        writer.Write("LIST"u8);
        writer.Write(3);
        writer.Write("abc\0data"u8);
        writer.Write(data.Length);
        writer.Write(data);
        return bytes.ToArray();
    }
}
