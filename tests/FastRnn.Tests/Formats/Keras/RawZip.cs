using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using FastRnn.Formats.Dialects.Keras;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Writes zip archives byte by byte, true ones and such as no program would write.</summary>
internal static class RawZip
{
    /// <summary>What an entry holds, and what it says of itself where that differs.</summary>
    public sealed record Entry(string Name, byte[] Data, bool Deflate = false, uint? Length = null);

    /// <summary>The archive, and where each entry's data begin.</summary>
    public static (byte[] File, long[] At) Write(params Entry[] entries)
    {
        var file = new MemoryStream();
        var directory = new MemoryStream();
        var at = new List<long>();
        foreach (Entry entry in entries)
        {
            byte[] name = Encoding.UTF8.GetBytes(entry.Name), data = entry.Deflate ? Deflated(entry.Data) : entry.Data;
            var common = new byte[26];
            U16(common, 0, 20);
            U16(common, 4, entry.Deflate ? 8 : 0);
            U32(common, 10, ZipCrc.Add(0, entry.Data));
            U32(common, 14, (uint)data.Length);
            U32(common, 18, entry.Length ?? (uint)entry.Data.Length);
            U16(common, 22, name.Length);
            var central = new byte[46];
            U32(central, 0, 0x02014b50);
            U16(central, 4, 20);
            common.CopyTo(central, 6);
            U32(central, 42, (uint)file.Length);
            directory.Write([.. central, .. name]);
            file.Write([0x50, 0x4b, 3, 4, .. common, .. name]);
            at.Add(file.Length);
            file.Write(data);
        }
        var end = new byte[22];
        U32(end, 0, 0x06054b50);
        U16(end, 8, entries.Length);
        U16(end, 10, entries.Length);
        U32(end, 12, (uint)directory.Length);
        U32(end, 16, (uint)file.Length);
        return ([.. file.ToArray(), .. directory.ToArray(), .. end], [.. at]);
    }

    private static byte[] Deflated(byte[] data)
    {
        var packed = new MemoryStream();
        using (var deflater = new DeflateStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            deflater.Write(data);
        return packed.ToArray();
    }

    private static void U16(byte[] bytes, int at, int value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), (ushort)value);

    private static void U32(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);
}
