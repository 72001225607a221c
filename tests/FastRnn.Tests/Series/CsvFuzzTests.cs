using System.Text;
using FastRnn.Data;
using FastRnn.Series;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Tables with anything in them are read or refused in one way.</summary>
public sealed class CsvFuzzTests
{
    private static readonly string[] _pieces =
    [
        ",", ";", "\"", "\"\"", "\n", "\r", "\r\n", "\n\n", "\t", "\0", "NaN", "1e400", "-1e-400", "inf", "2020-13-01", "2020-02-29", "0001-01-01", "9999-12-31 23:59:59",
        "sep=;\n", "\uFEFF", "\ud83d\ude00", "é", "9999999999999999999", "1,2", "#", " ", "a=b", "sky=sun", "\\", "'",
    ];

    [Fact]
    public void Changed_tables_meet_only_the_data_exception()
    {
        const string table = "day,v,\"w \"\"x\"\"\",sky\n2020-02-28,1,2.5,sun\n2020-02-29,,-3e2,rain\n2020-03-01,4,5,sun\n2020-03-02,NA,0.5,\"fog\"\n";
        int accepted = 0;
        for (int seed = 0; seed < 4_000; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = Mutate(Encoding.UTF8.GetBytes(table), random);
            var options = new CsvSeriesOptions
            {
                Columns = random.Next(3) == 0 ? ["v"] : null,
                DateColumn = random.Next(3) switch { 0 => null, 1 => "day", _ => CsvSeriesOptions.DetectDates },
                Categories = random.Next(4) == 0 ? [] : new Dictionary<string, IReadOnlyList<string>?> { ["sky"] = null },
                Missing = (MissingPolicy)random.Next(3),
                Sort = random.Next(2) == 0,
            };
            Exception? error = Record.Exception(() =>
            {
                SeriesTable read = CsvSeries.Read(new MemoryStream(bytes), "t", options, out _);
                Assert.All(read.Names, name => Assert.DoesNotContain(read[name].ToArray(), value => !double.IsFinite(value)));
                accepted++;
            });
            Assert.True(error is null or DataFormatException, $"seed={seed}: {error}");
            Assert.StartsWith("t", error?.Message ?? "t", StringComparison.Ordinal);
        }
        Assert.InRange(accepted, 100, 2_000);
    }

    private static byte[] Mutate(byte[] table, Random random)
    {
        List<byte> bytes = [.. table];
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes.RemoveRange(at, random.Next(Math.Min(12, bytes.Count - at)));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                default:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(_pieces[random.Next(_pieces.Length)]));
                    break;
            }
        }
        return [.. bytes];
    }
}
