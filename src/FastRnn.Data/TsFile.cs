using System.Globalization;

namespace FastRnn.Data;

/// <summary>
/// A <c>.ts</c> file of the archives of time series classification: lines with <c>@</c> describe the set, those with <c>#</c> or <c>%</c> are
/// comments; after <c>@data</c> a series a line, channels parted by colons, values by commas, the class last. Lengths may differ from series
/// to series.
/// </summary>
public sealed class TsFile
{
    private readonly string _path;
    private readonly List<LabelledSeries> _series = [];
    private bool _labelled;
    private int _dimensions, _length;

    private TsFile(string path) => _path = path;

    /// <summary>The classes in the order of <c>@classLabel</c>; empty when it says that there are none.</summary>
    public IReadOnlyList<string> Classes { get; private set; } = [];

    /// <summary>Channels, the same in every series.</summary>
    public int Channels => _series[0].Channels;

    /// <summary>The series in order.</summary>
    public IReadOnlyList<LabelledSeries> Series => _series;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataFormatException">
    /// There is no series; a line breaks the format; a value is missing or not finite; a class was not declared; numbers of channels or steps differ.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TsFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = new TsFile(path);
        bool inData = false;
        foreach ((long line, string text) in DataLines.Read(path))
        {
            string content = text.Trim();
            if (content.Length == 0 || content[0] is '#' or '%')
                continue;
            if (inData)
                file.AddSeries(content, line);
            else if (content[0] != '@')
                throw new DataFormatException(path, "a line before @data begins with @ or #", line);
            else
                inData = file.ReadHeader(content, line);
        }
        if (!inData)
            throw new DataFormatException(path, "there is no line @data");
        return file._series.Count > 0 ? file : throw new DataFormatException(path, "there is no series after @data");
    }

    /// <summary>A series without a class, as a line after <c>@data</c> has it.</summary>
    /// <param name="text">Channels parted by colons, values by commas.</param>
    /// <param name="source">Where it comes from, for messages.</param>
    /// <param name="line">Its line there.</param>
    /// <exception cref="DataFormatException">A value is missing or not finite, or numbers of steps differ.</exception>
    public static LabelledSeries ParseSeries(string text, string source, long line)
    {
        ArgumentNullException.ThrowIfNull(text);
        var file = new TsFile(source);
        file.AddSeries(text, line);
        return file._series[0];
    }

    /// <summary>One line of the header; true for <c>@data</c>. What is not known describes the set for people.</summary>
    private bool ReadHeader(string content, long line)
    {
        string[] words = content.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        switch (words[0].ToLowerInvariant())
        {
            case "@data":
                return true;
            case "@classlabel":
                _labelled = Flag(words, line);
                Classes = _labelled ? words[2..] : [];
                if (_labelled && Classes.Count == 0)
                    throw new DataFormatException(_path, "@classLabel true names no class", line);
                if (Classes.Distinct(StringComparer.Ordinal).Count() < Classes.Count)
                    throw new DataFormatException(_path, "@classLabel names a class twice", line);
                break;
            case "@timestamps" when Flag(words, line):
                throw new DataFormatException(_path, "series with time stamps are not read, only evenly spaced values", line);
            case "@targetlabel" when Flag(words, line):
                throw new DataFormatException(_path, "the series have target values, not classes", line);
            case "@dimension" or "@dimensions":
                _dimensions = Number(words, line);
                break;
            case "@univariate" when Flag(words, line):
                _dimensions = 1;
                break;
            case "@serieslength":
                _length = Number(words, line);
                break;
        }
        return false;
    }

    private bool Flag(string[] words, long line) => words.Length > 1 && bool.TryParse(words[1], out bool value)
        ? value
        : throw new DataFormatException(_path, $"{words[0]} is followed by true or false", line);

    private int Number(string[] words, long line) =>
        words.Length > 1 && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? value
            : throw new DataFormatException(_path, $"{words[0]} is followed by a number of at least 1", line);

    private void AddSeries(string content, long line)
    {
        string[] parts = content.Split(':');
        string? label = _labelled ? parts[^1].Trim() : null;
        if (label != null && !Classes.Contains(label))
            throw new DataFormatException(_path, $"class '{label}' at the end of the line is not one of @classLabel: {string.Join(", ", Classes)}", line);
        int channels = parts.Length - (_labelled ? 1 : 0);
        int expected = _dimensions > 0 ? _dimensions : _series.Count > 0 ? Channels : channels;
        if (channels != expected || channels == 0)
            throw new DataFormatException(_path, $"{channels} channels, expected {Math.Max(expected, 1)}", line);
        string[][] values = [.. parts.Take(channels).Select(part => part.Split(','))];
        int length = _length > 0 ? _length : values[0].Length;
        if (Array.FindIndex(values, one => one.Length != length) is >= 0 and var odd) // before memory is taken for what the header claims
            throw new DataFormatException(_path, $"channel {odd + 1} has {values[odd].Length} values, expected {length}", line);
        var steps = new float[length * channels];
        for (int f = 0; f < channels; f++)
        {
            for (int t = 0; t < length; t++)
                steps[(t * channels) + f] = Value(values[f][t], f, t, line);
        }
        _series.Add(new LabelledSeries(label, steps, channels, _path, line));
    }

    private float Value(string text, int channel, int step, long line)
    {
        bool isNumber = float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value);
        return isNumber && float.IsFinite(value)
            ? value
            : throw new DataFormatException(
                _path, $"value {step + 1} of channel {channel + 1} is '{text.Trim()}', expected a finite number{(text.Trim() == "?" ? "; missing values are not read" : "")}", line);
    }
}
