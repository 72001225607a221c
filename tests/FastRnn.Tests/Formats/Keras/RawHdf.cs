using System.Buffers.Binary;

namespace FastRnn.Tests.Formats.Keras;

/// <summary>Writes HDF5 files of superblock version 0 whose root is one object, byte by byte, such as no program would write.</summary>
internal static class RawHdf
{
    public const int Dataspace = 1, Datatype = 3, Layout = 8, Filters = 11, Continuation = 16;

    /// <summary>Of the root's header.</summary>
    public const int At = 96;

    /// <summary>float32, little-endian.</summary>
    public static byte[] Float32 { get; } = [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];

    /// <summary>Deflate alone.</summary>
    public static byte[] Deflate { get; } = [1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>A file of so many bytes at least: the superblock, a version 1 header of those messages, zeros.</summary>
    public static byte[] File(int length, params (int Kind, byte[] Body)[] messages)
    {
        int bytes = messages.Sum(message => 8 + message.Body.Length);
        var file = new byte[Math.Max(length, At + 16 + bytes)];
        KerasSamples.Entry("k22_lstm.h5").AsSpan(0, At).CopyTo(file);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(40), file.Length);
        BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(64), At);
        file[At] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(At + 2), (ushort)messages.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(At + 4), 1);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(At + 8), bytes);
        int at = At + 16;
        foreach ((int kind, byte[] body) in messages)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), (ushort)kind);
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at + 2), (ushort)body.Length);
            body.CopyTo(file, at + 8);
            at += 8 + body.Length;
        }
        return file;
    }

    public static byte[] Sizes(params int[] shape) => [1, (byte)shape.Length, 0, 0, 0, 0, 0, 0, .. shape.SelectMany(size => BitConverter.GetBytes((long)size))];

    /// <summary>Layout version 3: chunks in a tree.</summary>
    public static byte[] Chunks(long address, params int[] chunk) =>
        [3, 2, (byte)(chunk.Length + 1), .. BitConverter.GetBytes(address), .. chunk.SelectMany(BitConverter.GetBytes), 4, 0, 0, 0];

    /// <summary>Layout version 4: one chunk.</summary>
    public static byte[] OneChunk(byte flags, long address, params int[] chunk) =>
        [4, 2, flags, (byte)(chunk.Length + 1), 4, .. chunk.SelectMany(BitConverter.GetBytes), 4, 0, 0, 0, 1, .. BitConverter.GetBytes(address)];
}
