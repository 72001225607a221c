using System.Globalization;

namespace FastRnn.Suites;

/// <summary>Bytes of the data caches that one core reaches; the system's own statement, or the usual sizes where it makes none.</summary>
internal sealed record Caches(long L1, long L2, long L3)
{
    private const string Folder = "/sys/devices/system/cpu/cpu0/cache";

    public static Caches Read() => Read(Folder);

    internal static Caches Read(string folder)
    {
        var sizes = new Dictionary<int, long>();
        foreach (string index in Directory.Exists(folder) ? Directory.GetDirectories(folder, "index*") : [])
        {
            if (Line(index, "type") is "Data" or "Unified")
                sizes[int.Parse(Line(index, "level"), CultureInfo.InvariantCulture)] = Bytes(Line(index, "size"));
        }
        long l1 = sizes.GetValueOrDefault(1, 32 << 10), l2 = sizes.GetValueOrDefault(2, 1 << 20);
        return new Caches(l1, l2, Math.Max(sizes.GetValueOrDefault(3, 0), l2));
    }

    private static string Line(string index, string name) => File.ReadAllText(Path.Combine(index, name)).Trim();

    private static long Bytes(string size)
    {
        int shift = size[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        return long.Parse(shift == 0 ? size : size[..^1], CultureInfo.InvariantCulture) << shift;
    }
}
