using System.Buffers.Binary;

namespace FastRnn.Data.Audio;

/// <summary>
/// The sound of a WAV file (RIFF): PCM of 8, 16, 24 or 32 bits or floating point of 32 or 64, with any number of channels, of which the mean is
/// taken.
/// </summary>
public sealed class WaveFile
{
    private const int Pcm = 1, Float = 3, Extensible = 0xFFFE;

    private WaveFile(int sampleRate, float[] samples) => (SampleRate, Samples) = (sampleRate, samples);

    /// <summary>Samples a second.</summary>
    public int SampleRate { get; }

    /// <summary>The sound, full scale ±1.</summary>
    public ReadOnlyMemory<float> Samples { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataFormatException">It is no WAV file, is cut short, holds no sample, one that is not finite, or another kind of samples.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static WaveFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] file = DataLines.ReadBytes(path);
        if (file.Length < 12 || !file.AsSpan(0, 4).SequenceEqual("RIFF"u8) || !file.AsSpan(8, 4).SequenceEqual("WAVE"u8))
            throw new DataFormatException(path, "not a WAV file: it does not begin with RIFF and WAVE");
        Format? format = null;
        for (int at = 12; at + 8 <= file.Length;)
        {
            ReadOnlySpan<byte> name = file.AsSpan(at, 4);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 4));
            at += 8;
            if (length > file.Length - at)
                throw new DataFormatException(path, $"cut short: a part of {length} bytes at byte {at}, and {file.Length - at} are left");
            ReadOnlySpan<byte> part = file.AsSpan(at, (int)length);
            if (name.SequenceEqual("fmt "u8))
                format = Format.Read(path, part);
            else if (name.SequenceEqual("data"u8))
                return new WaveFile(Of(path, format).SampleRate, Of(path, format).Decode(path, part));
            at += (int)length + (int)(length & 1);
        }
        throw new DataFormatException(path, "there is no part named data");
    }

    /// <summary>Writes a sound of one channel as PCM of 16 bits. What is beyond full scale is clipped.</summary>
    /// <param name="path">The file, which is replaced.</param>
    /// <param name="samples">The sound, full scale ±1, all finite.</param>
    /// <param name="sampleRate">Samples a second, 1 to 1000000.</param>
    /// <exception cref="ArgumentException">A sample is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate is out of range.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<float> samples, int sampleRate)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampleRate, 1_000_000);
        var file = new byte[checked(44 + (2 * samples.Length))];
        Span<byte> header = file;
        "RIFF\0\0\0\0WAVEfmt "u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], file.Length - 8);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], 16);
        BinaryPrimitives.WriteInt16LittleEndian(header[20..], Pcm);
        BinaryPrimitives.WriteInt16LittleEndian(header[22..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], sampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(header[28..], 2 * sampleRate);
        BinaryPrimitives.WriteInt16LittleEndian(header[32..], 2);
        BinaryPrimitives.WriteInt16LittleEndian(header[34..], 16);
        "data"u8.CopyTo(header[36..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[40..], 2 * samples.Length);
        for (int i = 0; i < samples.Length; i++)
        {
            if (!float.IsFinite(samples[i]))
                throw new ArgumentException($"sample {i + 1} is {samples[i]}, expected a finite number", nameof(samples));
            BinaryPrimitives.WriteInt16LittleEndian(header[(44 + (2 * i))..], (short)Math.Clamp(MathF.Round(samples[i] * 32768), -32768, 32767));
        }
        File.WriteAllBytes(path, file);
    }

    private static Format Of(string path, Format? format) => format ?? throw new DataFormatException(path, "there is no part named fmt before the data");

    private sealed record Format(int Kind, int Channels, int SampleRate, int Bits)
    {
        private int Bytes => Bits / 8;

        public static Format Read(string path, ReadOnlySpan<byte> part)
        {
            if (part.Length < 16)
                throw new DataFormatException(path, $"the part fmt has {part.Length} bytes, expected at least 16");
            int kind = BinaryPrimitives.ReadUInt16LittleEndian(part), channels = BinaryPrimitives.ReadUInt16LittleEndian(part[2..]);
            int bits = BinaryPrimitives.ReadUInt16LittleEndian(part[14..]);
            uint rate = BinaryPrimitives.ReadUInt32LittleEndian(part[4..]);
            if (kind == Extensible && part.Length >= 26)
                kind = BinaryPrimitives.ReadUInt16LittleEndian(part[24..]);
            if ((kind, bits) is not ((Pcm, 8 or 16 or 24 or 32) or (Float, 32 or 64)))
                throw new DataFormatException(path, $"samples of {bits} bits and format {kind}, expected PCM (1) of 8, 16, 24 or 32 bits or floating point (3) of 32 or 64");
            return channels > 0 && rate is > 0 and <= 1_000_000
                ? new Format(kind, channels, (int)rate, bits)
                : throw new DataFormatException(path, $"{channels} channels at {rate} samples a second, expected at least one at 1 to 1000000");
        }

        public float[] Decode(string path, ReadOnlySpan<byte> data)
        {
            int step = Bytes * Channels;
            if (data.Length == 0 || data.Length % step != 0)
                throw new DataFormatException(path, data.Length == 0 ? "there is no sample" : $"{data.Length} bytes of samples are no whole number of steps of {step}");
            var samples = new float[data.Length / step];
            for (int i = 0; i < samples.Length; i++)
            {
                double sum = 0;
                for (int c = 0; c < Channels; c++)
                    sum += Value(data[((i * step) + (c * Bytes))..]);
                samples[i] = (float)(sum / Channels);
                if (!float.IsFinite(samples[i]))
                    throw new DataFormatException(path, $"sample {i + 1} is {samples[i]}, expected a finite number");
            }
            return samples;
        }

        private double Value(ReadOnlySpan<byte> bytes) => (Kind, Bits) switch
        {
            (Pcm, 8) => (bytes[0] - 128) / 128.0,
            (Pcm, 16) => BinaryPrimitives.ReadInt16LittleEndian(bytes) / 32768.0,
            (Pcm, 24) => (((sbyte)bytes[2] << 16) | (bytes[1] << 8) | bytes[0]) / 8388608.0,
            (Pcm, _) => BinaryPrimitives.ReadInt32LittleEndian(bytes) / 2147483648.0,
            (_, 32) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        };
    }
}
