using System.IO.Compression;
using FastRnn.Data;
using FastRnn.Series;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Series;

/// <summary>Tables as people have them.</summary>
public sealed class CsvSeriesTests() : FileTest("table.csv")
{
    [Theory]
    [InlineData("a,b\n1,2\n3,4.5\n")]
    [InlineData("a;b\n1;2\n3;4.5\n")]
    [InlineData("a\tb\r\n1\t2\r\n3\t4.5")]
    [InlineData("a|b\n1|2\n3|4.5\n")]
    [InlineData("\uFEFF\"a\", b \n\"1\", 2 \n\"3\",4.5e0\n\n")]
    public void Separators_quotes_and_marks_are_read(string text)
    {
        SeriesTable table = Read(text);
        Assert.Equal(["a", "b"], table.Names);
        Assert.Equal([1.0, 3.0], table["a"].ToArray());
        Assert.Equal([2.0, 4.5], table["b"].ToArray());
        Assert.Null(table.Times);
    }

    [Fact]
    public void A_quoted_field_holds_separators_quotes_and_line_breaks()
    {
        SeriesTable table = Read("\"a, \"\"b\"\"\nc\",d\n1,2\n", new() { Columns = ["a, \"b\"\nc"] });
        Assert.Equal([1.0], table["a, \"b\"\nc"].ToArray());
        Assert.Single(table.Names);
    }

    [Fact]
    public void Packed_files_are_unpacked()
    {
        string path = Target + ".gz";
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
            gzip.Write("x\n1\n2\n"u8);
        Assert.Equal([1.0, 2.0], CsvSeries.Read(path)["x"].ToArray());
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, [1, 2, 3, .. bytes]);
        Assert.StartsWith(path, Assert.Throws<DataFormatException>(() => CsvSeries.Read(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1981-01-02", "1981-01-03", "1981-01-02T00:00:00", "1981-01-03T00:00:00")]
    [InlineData("1/2/1981", "1/13/1981", "1981-01-02T00:00:00", "1981-01-13T00:00:00")]
    [InlineData("1/2/1981", "13/2/1981", "1981-02-01T00:00:00", "1981-02-13T00:00:00")]
    [InlineData("1/2/1981", "2/1/1981", "1981-01-02T00:00:00", "1981-02-01T00:00:00")]
    [InlineData("2016-07-01 00:00:00", "2016-07-01 13:30:00", "2016-07-01T00:00:00", "2016-07-01T13:30:00")]
    [InlineData("2016-07-01T09:00:00+02:00", "2016-07-01T08:00:00Z", "2016-07-01T07:00:00", "2016-07-01T08:00:00")]
    [InlineData("1749-01", "1749-02", "1749-01-01T00:00:00", "1749-02-01T00:00:00")]
    [InlineData("2.1.1981", "13.1.1981", "1981-01-02T00:00:00", "1981-01-13T00:00:00")]
    [InlineData("04/30/2021 7:05", "05/07/2021 7:05", "2021-04-30T07:05:00", "2021-05-07T07:05:00")]
    public void Dates_are_found_and_read(string first, string second, string expected, string then)
    {
        SeriesTable table = CsvSeries.Read(Bytes($"v,day\n1,{first}\n2,{second}\n"), "it", new CsvSeriesOptions(), out string? column);
        Assert.Equal("day", column);
        Assert.Equal(["v"], table.Names);
        Assert.Equal([expected, then], table.Times!.Select(time => time.ToString("s")));
        Assert.All(table.Times!, time => Assert.Equal(DateTimeKind.Utc, time.Kind));
    }

    [Fact]
    public void Numbers_are_dates_only_when_a_column_is_named()
    {
        const string text = "year,v\n1949,1\n1950,2\n";
        Assert.Null(Read(text).Times);
        Assert.Equal([1949, 1950], Read(text, new() { DateColumn = "year" }).Times!.Select(time => time.Year));
    }

    [Fact]
    public void Without_a_date_column_dates_are_text()
    {
        Fails("day,v\n1981-01-02,1\n", new() { DateColumn = null }, "line 2, column 'day'", "'1981-01-02' is text in a column of numbers");
    }

    [Fact]
    public void Rows_are_sorted_when_asked()
    {
        const string newestFirst = "day,v\n2021-04-30,3\n2021-04-23,2\n2021-04-16,1\n";
        Fails(newestFirst, new(), "line 3, column 'day'", "'2021-04-23' is before '2021-04-30'");
        SeriesTable table = Read(newestFirst, new() { Sort = true });
        Assert.Equal([1.0, 2.0, 3.0], table["v"].ToArray());
        Assert.Equal([16, 23, 30], table.Times!.Select(time => time.Day));
    }

    [Fact]
    public void Gaps_are_filled_in_order_of_time_when_rows_are_sorted()
    {
        SeriesTable table = Read("day,v\n2021-04-30,\n2021-04-23,NA\n2021-04-16,1\n", new() { Sort = true, Missing = MissingPolicy.CarryForward });
        Assert.Equal([1.0, 1.0, 1.0], table["v"].ToArray());
    }

    [Fact]
    public void Text_becomes_columns_of_categories_when_asked()
    {
        const string text = "v,sky\n1,sun\n2,rain\n3,sun\n";
        Fails(text, new(), "line 2, column 'sky'", "'sun' is text in a column of numbers");
        SeriesTable table = Read(text, new() { Categories = new Dictionary<string, IReadOnlyList<string>?> { ["sky"] = null } });
        Assert.Equal(["v", "sky=rain", "sky=sun"], table.Names);
        Assert.Equal([0.0, 1.0, 0.0], table["sky=rain"].ToArray());
        Assert.Equal([1.0, 0.0, 1.0], table["sky=sun"].ToArray());
        var known = new CsvSeriesOptions { Categories = new Dictionary<string, IReadOnlyList<string>?> { ["sky"] = ["fog", "sun"] } };
        Fails(text, known, "line 3, column 'sky'", "'rain' is none of the known categories: fog, sun");
        Fails("sky=fog,sky\n1,sun\n", known, "column 'sky=fog'", "makes a column that there is already");
        Fails("v,sky\n1,\n", known, "line 2, column 'sky'", "missing");
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("a,b\n", "there is a header and no row")]
    [InlineData("1,2\n3,4\n", "line 1: the line holds numbers ('1'), expected a header")]
    [InlineData("a,a\n1,2\n", "line 1, column 'a': fields 1 and 2 of the header are the same")]
    [InlineData("a,b\n1,2\n3\n", "line 3: 1 fields, expected 2 as in the header")]
    [InlineData("a,b\n1,2,3\n", "line 2: 3 fields, expected 2")]
    [InlineData("a,b\n1,two\n", "line 2, column 'b': 'two' is text in a column of numbers")]
    [InlineData("a;b\n1;2,5\n", "line 2, column 'b': '2,5' is text in a column of numbers; decimals are written with a point")]
    [InlineData("a,b\n1,inf\n", "line 2, column 'b': 'inf' is text in a column")]
    [InlineData("a,b\n1,1e999\n", "line 2, column 'b': '1e999' is not finite")]
    [InlineData("a,b\n\n1,2\n1,-Infinity\n", "line 4, column 'b': '-Infinity' is not finite")]
    [InlineData("a,b\n1,\n", "line 2, column 'b': the value is missing, expected a number")]
    [InlineData("a,b\n1,2\n1,NaN\n", "line 3, column 'b': the value is missing")]
    [InlineData("day,v\n2020-01-01,1\n2020-01-01,2\n", "line 3, column 'day': '2020-01-01' is also the date of line 2")]
    [InlineData("day,v\n2020-01-01,1\nyesterday,2\n", "line 3, column 'day': 'yesterday' is not a date of the same form as '2020-01-01'")]
    [InlineData("day,v\n2020-01-01,1\n2020-02-30,2\n", "line 3, column 'day': '2020-02-30' is not a date")]
    [InlineData("day\n2020-01-01\n", "there is no column of values")]
    [InlineData("a,b\n\"1,2\n", "line 2")]
    [InlineData("a,b\n1,\"2\"x\n", "line 2")]
    public void Bad_tables_are_refused_by_line_and_column(string text, string problem) => Fails(text, new(), problem);

    [Fact]
    public void An_unknown_column_suggests_the_nearest_and_lists_all()
    {
        Fails("date,HUFL,OT\n2016-07-01,1,2\n", new() { Columns = ["HUFL", "OTT"] }, "there is no column 'OTT', did you mean 'OT'?", "columns: date, HUFL, OT");
        Fails("date,HUFL,OT\n2016-07-01,1,2\n", new() { Columns = ["ot"] }, "did you mean 'OT'?");
        Fails("date,HUFL,OT\n2016-07-01,1,2\n", new() { DateColumn = "dates" }, "there is no column 'dates', did you mean 'date'?");
    }

    [Fact]
    public void Missing_values_are_carried_or_interpolated()
    {
        const string text = "v\n?\n1\nNA\nnull\n4\n-\n";
        double[] column = Read(text, new() { Missing = MissingPolicy.Interpolate })["v"].ToArray();
        Assert.Equal([1.0, 1.0, 2.0, 3.0, 4.0, 4.0], column);
        Fails(text, new() { Missing = MissingPolicy.CarryForward }, "line 2, column 'v'", "there is none before it to carry forward");
        Assert.Equal([1.0, 1.0, 1.0, 4.0, 4.0], Read(text.Replace("?\n", "", StringComparison.Ordinal), new() { Missing = MissingPolicy.CarryForward })["v"].ToArray());
        Fails("v\nNA\nNA\n", new() { Missing = MissingPolicy.Interpolate }, "line 2, column 'v'", "as all values of the column are");
    }

    [Fact]
    public void Real_tables_are_read()
    {
        SeriesTable co2 = CsvSeries.Read(Path.Combine(Repository.Root, "tests", "data", "mauna-loa-co2.csv"));
        Assert.Equal((741, 315.70, 413.35), (co2.Rows, co2["CO2"][0], co2["adjusted CO2"][740]));
        Assert.Equal(new DateTime(2020, 4, 1), co2.Times![^1]);
        SeriesTable weather = CsvSeries.Read(
            Path.Combine(Repository.Root, "tests", "data", "seattle-weather.csv"), new() { Columns = ["temp_max", "weather"], Categories = new Dictionary<string, IReadOnlyList<string>?> { ["weather"] = null } });
        Assert.Equal(["temp_max", "weather=drizzle", "weather=fog", "weather=rain", "weather=snow", "weather=sun"], weather.Names);
        Assert.Equal((1461, 12.8, 1.0), (weather.Rows, weather["temp_max"][0], weather["weather=drizzle"][0]));
    }

    [Fact]
    public void A_header_alone_can_be_read() => Assert.Equal(["day", "v"], CsvSeries.ReadHeader(Bytes("day,v\n"), "it"));

    private static MemoryStream Bytes(string text) => new(System.Text.Encoding.UTF8.GetBytes(text));

    private string Write(string text)
    {
        File.WriteAllText(Target, text);
        return Target;
    }

    private SeriesTable Read(string text, CsvSeriesOptions? options = null) => CsvSeries.Read(Write(text), options);

    private void Fails(string text, CsvSeriesOptions options, params string[] parts)
    {
        string message = Assert.Throws<DataFormatException>(() => Read(text, options)).Message;
        Assert.StartsWith(Target, message, StringComparison.Ordinal);
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }
}
