using System.Buffers.Binary;
using System.IO.Compression;

namespace FastRnn.Tests.Support;

/// <summary>A picture as browsers write it: 8 bits for each of red, green and blue, perhaps alpha, not interlaced.</summary>
internal sealed class Png
{
    private readonly byte[] _pixels;
    private readonly int _channels;

    public Png(byte[] file)
    {
        if (!file.AsSpan(1, 3).SequenceEqual("PNG"u8))
            throw new InvalidDataException("not a PNG");
        var packed = new MemoryStream();
        for (int at = 8; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            ReadOnlySpan<byte> name = file.AsSpan(at + 4, 4), content = file.AsSpan(at + 8, length);
            if (name.SequenceEqual("IHDR"u8))
            {
                (Width, Height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
                _channels = (content[8], content[9], content[12]) switch
                {
                    (8, 2, 0) => 3,
                    (8, 6, 0) => 4,
                    _ => throw new InvalidDataException($"depth {content[8]}, colours {content[9]}, interlaced {content[12]}"),
                };
            }
            else if (name.SequenceEqual("IDAT"u8))
                packed.Write(content);
            at += length + 12;
        }
        packed.Position = 0;
        _pixels = Unfilter(new ZLibStream(packed, CompressionMode.Decompress));
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>0xRRGGBB</summary>
    public int this[int x, int y]
    {
        get
        {
            ReadOnlySpan<byte> pixel = _pixels.AsSpan(((y * Width) + x) * _channels, 3);
            return (pixel[0] << 16) | (pixel[1] << 8) | pixel[2];
        }
    }

    /// <summary>How many pixels have each colour.</summary>
    public Dictionary<int, int> Colours()
    {
        var colours = new Dictionary<int, int>();
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
                colours[this[x, y]] = colours.GetValueOrDefault(this[x, y]) + 1;
        }
        return colours;
    }

    /// <summary>Every row begins with its filter: each byte was written less a guess from those left, above, and left above.</summary>
    private byte[] Unfilter(Stream rows)
    {
        int stride = Width * _channels;
        byte[] pixels = new byte[Height * stride], row = new byte[stride + 1];
        for (int y = 0; y < Height; y++)
        {
            rows.ReadExactly(row);
            for (int i = 0; i < stride; i++)
            {
                int left = i < _channels ? 0 : pixels[(y * stride) + i - _channels], up = y == 0 ? 0 : pixels[((y - 1) * stride) + i];
                int corner = y == 0 || i < _channels ? 0 : pixels[((y - 1) * stride) + i - _channels];
                int guess = row[0] switch
                {
                    0 => 0,
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    4 => Paeth(left, up, corner),
                    _ => throw new InvalidDataException($"filter {row[0]}"),
                };
                pixels[(y * stride) + i] = (byte)(row[i + 1] + guess);
            }
        }
        return pixels;
    }

    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner, a = Math.Abs(estimate - left), b = Math.Abs(estimate - up), c = Math.Abs(estimate - corner);
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }
}
