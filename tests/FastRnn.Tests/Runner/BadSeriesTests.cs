using System.IO.Compression;
using FastRnn.Runner;
using FastRnn.Tests.Support;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>Tables and options that cannot be used: one line that names file, row and column; the documented exit code; no file made.</summary>
public sealed class BadSeriesTests : IDisposable
{
    private readonly ForecastFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("day,v\n2020-01-01,1\n2020-01-02,two\n", "line 3, column 'v': 'two' is text in a column of numbers")]
    [InlineData("day,v\n2020-01-01,1\n2020-01-02\n", "line 3: 1 fields, expected 2")]
    [InlineData("day,w\n2020-01-01,1\n", "there is no column 'v'")]
    [InlineData("day,vv\n2020-01-01,1\n", "there is no column 'v', did you mean 'vv'?; columns: day, vv")]
    [InlineData("day,v\n2020-01-01,1\n2020-01-02,NaN\n", "line 3, column 'v': the value is missing")]
    [InlineData("day,v\n2020-01-01,1\n2020-01-02,Infinity\n", "line 3, column 'v': 'Infinity' is not finite")]
    [InlineData("day,v\n2020-01-01,1\n2020-01-02,-1e308\n", "line 3, column 'v': '-1e308' is too large, expected numbers up to 1E+30")]
    [InlineData("day,v\n2020-01-02,1\n2020-01-01,2\n", "line 3, column 'day': '2020-01-01' is before '2020-01-02'")]
    [InlineData("day,v\n2020-01-02,1\n2020-01-02,2\n", "line 3, column 'day': '2020-01-02' is also the date of line 2")]
    [InlineData("day,v\n", "there is a header and no row")]
    [InlineData("", "the file is empty")]
    public void Bad_tables_are_refused(string text, string problem)
    {
        string data = _folder.Write(text);
        _folder.Train(data, "--target", "v").Failed(ExitCodes.BadInput, data, problem);
        Assert.Equal(["table.csv"], _folder.Files);
    }

    [Theory]
    [InlineData("a part is empty", "--split", "0.98,0.01,0.01")]
    [InlineData("there must be windows to train on", "--split", "random:0,0.5,0.5")]
    [InlineData("27 windows for 30 folds", "--split", "fold:1/30", "--window", "13")]
    [InlineData("leave none of 40 to train on", "--split", "rolling:1/40")]
    [InlineData("takes 90, the series has 40", "--split", "50,20,20")]
    [InlineData("there must be rows to train on", "--split", "0,20,20")]
    [InlineData("1 together at most", "--split", "0.7,0.7,0.7")]
    [InlineData("rows 1 to 28 of the series hold no window: each needs 100 rows before it and 1 to forecast", "--window", "100")]
    [InlineData("rows 29 to 32 of the series hold no window: each needs 12 rows before it and 5 to forecast", "--horizon", "5")]
    [InlineData("rows 1 to 28 of the series hold no window: each needs 32 rows before it", "--difference", "20")]
    [InlineData("line 2, column 'sky': 'sun' is text in a column of numbers", "--features", "sky")]
    [InlineData("there is no column 'skye', did you mean 'sky'?", "--categories", "skye")]
    [InlineData("there is no column 'dai', did you mean 'day'?", "--date", "dai")]
    [InlineData("line 2, column 'v': '0' is not a date", "--date", "v")]
    [InlineData("a recursive forecast of several rows has no quantiles", "--mode", "recursive", "--horizon", "2", "--quantiles", "0.5")]
    [InlineData("quantiles of differences do not add up", "--difference", "1", "--horizon", "2", "--quantiles", "0.5")]
    [InlineData("the calendar needs the times", "--date", "none", "--calendar", "day-of-week")]
    public void What_the_table_does_not_offer_is_refused(string problem, params string[] options)
    {
        string data = Table();
        _folder.Train(data, [.. options.Contains("--target") ? [] : (string[])["--target", "v"], .. options]).Failed(ExitCodes.BadInput, data, problem);
        Assert.Equal(["table.csv"], _folder.Files);
    }

    [Theory]
    [InlineData("--target is missing", "--split", "0.7,0.1,0.2")]
    [InlineData("--split is '0.7,0.3'", "--target", "v", "--split", "0.7,0.3")]
    [InlineData("--split is 'fold:6/5'", "--target", "v", "--split", "fold:6/5")]
    [InlineData("--split is 'fold:1/1'", "--target", "v", "--split", "fold:1/1")]
    [InlineData("--split is 'random:8,1,1'", "--target", "v", "--split", "random:8,1,1")]
    [InlineData("--split is 'odd:0.7,0.1,0.2'", "--target", "v", "--split", "odd:0.7,0.1,0.2")]
    [InlineData("--split is 'a,b,c'", "--target", "v", "--split", "a,b,c")]
    [InlineData("--quantiles holds '1'", "--target", "v", "--quantiles", "0.5,1")]
    [InlineData("--quantiles holds 'x'", "--target", "v", "--quantiles", "x")]
    [InlineData("--quantiles is ',': something is missing beside a comma", "--target", "v", "--quantiles", ",")]
    [InlineData("--calendar is ',': something is missing", "--target", "v", "--calendar", ",")]
    [InlineData("--target is 'v,': something is missing", "--target", "v,")]
    [InlineData("--features is '': something is missing beside a comma, or all of it", "--target", "v", "--features", "")]
    [InlineData("--calendar holds 'moon'", "--target", "v", "--calendar", "moon")]
    [InlineData("--difference and --relative", "--target", "v", "--difference", "1", "--relative")]
    [InlineData("--loss goes without --quantiles", "--target", "v", "--quantiles", "0.5", "--loss", "mae")]
    [InlineData("--categories holds the target 'v'", "--target", "v", "--categories", "sky,v")]
    [InlineData("--window is '0', expected 1", "--target", "v", "--window", "0")]
    [InlineData("--embedding goes with the task", "--target", "v", "--embedding", "3")]
    public void Options_that_say_nothing_useful_are_refused(string problem, params string[] options)
    {
        _folder.Train(Table(), options).Failed(ExitCodes.Usage, problem);
        Assert.Equal(["table.csv"], _folder.Files);
    }

    [Fact]
    public void A_model_is_used_on_tables_like_its_own_only()
    {
        string data = Table();
        _folder.Train(data, "--target", "v", "--categories", "sky").Succeeded();
        string other = _folder.Write("day,w,sky\n2020-01-01,1,sun\n", "other.csv");
        _folder.Use("eval", other).Failed(ExitCodes.BadInput, other, "there is no column 'v'");
        _folder.Use("predict", other).Failed(ExitCodes.BadInput, other, "there is no column 'v'");
        string shorter = _folder.Write(string.Join('\n', File.ReadLines(data).Take(5)), "short.csv");
        _folder.Use("eval", shorter).Failed(ExitCodes.BadInput, shorter, "rows 1 to 4 of the series hold no window: each needs 12 rows");
        _folder.Use("predict", shorter).Failed(ExitCodes.BadInput, shorter, "needs 12 rows before it; the table has 4");
        string hail = _folder.Write(File.ReadAllText(data).Replace("rain", "hail", StringComparison.Ordinal), "hail.csv");
        _folder.Use("predict", hail).Failed(ExitCodes.BadInput, hail, "line 3, column 'sky': 'hail' is none of the known categories: rain, sun");
        _folder.Use("predict", data, "--steps", "2").Failed(ExitCodes.BadInput, data, "2 rows to forecast by a direct model of 1");
        _folder.Use("eval", _folder.At("none.csv")).Failed(ExitCodes.BadInput, "none.csv: no such file");
    }

    [Fact]
    public void A_horizon_of_more_values_than_an_array_holds_is_refused()
    {
        string data = _folder.Write("v\n" + string.Join('\n', Enumerable.Range(0, 60_000).Select(i => i % 7)));
        _folder.Train(data, "--split", "1,0,0", "--window", "2000", "--horizon", "50000", "--stride", "100")
            .Failed(ExitCodes.BadInput, data, "windows of 2000 rows, with 1 inputs and 50000 outputs a row, are more values than an array can hold");
    }

    [Fact]
    public void A_packed_table_that_was_cut_off_is_no_shorter_table()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
            gzip.Write(File.ReadAllBytes(ForecastFolder.Co2));
        string data = _folder.At("co2.csv.gz");
        File.WriteAllBytes(data, packed.ToArray()[..^8]); // all rows, without the checksum and length at the end
        using RunnerProcess train = RunnerProcess.Start(_folder.Root, _folder.TrainArguments(data, "--target", "CO2"));
        train.Wait().Failed(ExitCodes.BadInput, data, "damaged, or cut off");
    }

    [Fact]
    public void Forecasts_beyond_all_calendars_and_beyond_quantiles_are_refused()
    {
        string data = _folder.Write("day,v\n" + string.Join('\n', Enumerable.Range(0, 60).Select(i => $"{9900 + i}-01-01,{i % 7}")));
        _folder.Train(data, "--target", "v", "--mode", "recursive").Succeeded();
        _folder.Use("predict", data, "--steps", "40").Succeeded();
        _folder.Use("predict", data, "--steps", "41").Failed(ExitCodes.BadInput, data, "41 rows after 9959-01-01 go beyond the year 9999");
        _folder.Train(data, "--target", "v", "--mode", "recursive", "--quantiles", "0.1,0.9").Succeeded();
        _folder.Use("predict", data).Succeeded();
        _folder.Use("predict", data, "--steps", "2").Failed(ExitCodes.BadInput, data, "a recursive forecast of several rows has no quantiles");
    }

    private string Table() => _folder.Write(
        "day,v,sky\n" + string.Join('\n', Enumerable.Range(0, 40).Select(i => $"{new DateTime(2020, 1, 1).AddDays(i):yyyy-MM-dd},{i % 7},{(i % 3 == 0 ? "sun" : "rain")}")));
}
