using FastRnn.Data;
using FastRnn.Series;

namespace FastRnn.Runner;

/// <summary>A table that was read once, for training by options or for use by what a model says.</summary>
internal sealed class ForecastData(byte[] bytes, string path)
{
    /// <summary>The table, and which of its columns are read how; constants are not set yet.</summary>
    /// <exception cref="DataFormatException">The table has not what the options name, or is none.</exception>
    public (SeriesTable Table, ForecastSpec Plan) Read(ForecastSettings settings)
    {
        IReadOnlyList<string> header = CsvSeries.ReadHeader(Open(), path);
        string? date = settings.Date switch { null => CsvSeriesOptions.DetectDates, "none" => null, string name => name };
        string[] targets = settings.Targets.Length > 0 ? settings.Targets : [OnlyColumn(header, date)];
        string[] features = settings.Features is ["all"] ? Others(header, date, targets, settings.Categories) : settings.Features;
        string[] numbers = [.. features.Except(settings.Categories)];
        SeriesTable table = Read(
            new CsvSeriesOptions
            {
                Columns = [.. targets.Concat(numbers).Concat(settings.Categories).Distinct()],
                DateColumn = date,
                Categories = settings.Categories.ToDictionary(name => name, _ => (IReadOnlyList<string>?)null),
                Missing = settings.Missing,
                Sort = settings.Sort,
            },
            out string? dateColumn);
        return (table, new ForecastSpec
        {
            Columns =
            [
                .. targets.Select(name => new SeriesColumn { Name = name, Scale = settings.Scale, Difference = settings.Difference, Relative = settings.Relative }),
                .. numbers.Select(name => new SeriesColumn { Name = name, Scale = settings.Scale }),
                .. settings.Categories.SelectMany(text => table.Names.Where(name => name.StartsWith(text + "=", StringComparison.Ordinal))
                    .Select(name => new SeriesColumn { Name = name, Text = text, Scale = SeriesScale.None })),
            ],
            Targets = targets.Length,
            Window = settings.Window,
            Horizon = settings.Horizon,
            Mode = settings.Mode,
            Quantiles = settings.Quantiles,
            DateColumn = dateColumn,
            Missing = settings.Missing,
            Season = settings.Season,
        });
    }

    /// <summary>The table as a model reads it.</summary>
    /// <exception cref="DataFormatException">The table has not what the model reads, or is none.</exception>
    public SeriesTable Read(ForecastSpec spec, bool sort) => Read(
        new CsvSeriesOptions
        {
            Columns = [.. spec.Columns.Select(column => column.Text ?? column.Name).Distinct()],
            DateColumn = spec.DateColumn,
            Categories = spec.Columns.Where(column => column.Text != null).GroupBy(column => column.Text!)
                .ToDictionary(group => group.Key, group => (IReadOnlyList<string>?)[.. group.Select(column => column.Name[(group.Key.Length + 1)..])]),
            Missing = spec.Missing,
            Sort = sort,
        },
        out _);

    private SeriesTable Read(CsvSeriesOptions options, out string? dateColumn) => CsvSeries.Read(Open(), path, options, out dateColumn);

    private string OnlyColumn(IReadOnlyList<string> header, string? date)
    {
        if (header.Count <= 2)
        {
            SeriesTable table = Read(new CsvSeriesOptions { DateColumn = date, Missing = MissingPolicy.Interpolate, Sort = true }, out _);
            if (table.Names.Count == 1)
                return table.Names[0];
        }
        throw new CliException(ExitCodes.Usage, $"--target is missing: the column of {path} to forecast; columns: {string.Join(", ", header)}");
    }

    private string[] Others(IReadOnlyList<string> header, string? date, string[] targets, string[] categories)
    {
        string? found = date;
        if (date == CsvSeriesOptions.DetectDates)
            Read(new CsvSeriesOptions { Columns = targets, Missing = MissingPolicy.Interpolate, Sort = true }, out found);
        return [.. header.Where(name => name.Length > 0 && name != found).Except(targets).Except(categories)];
    }

    private Stream Open() => DataFile.Unpack(new MemoryStream(bytes), path);
}
