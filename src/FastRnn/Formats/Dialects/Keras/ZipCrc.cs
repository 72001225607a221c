namespace FastRnn.Formats.Dialects.Keras;

/// <summary>The cyclic redundancy check of zip archives: polynomial 0xedb88320, reflected.</summary>
internal static class ZipCrc
{
    private static readonly uint[] _table = Table();

    /// <summary>Goes on from the check of what came before, 0 at first.</summary>
    public static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        foreach (byte value in bytes)
            crc = _table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] Table()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
            table[i] = crc;
        }
        return table;
    }
}
