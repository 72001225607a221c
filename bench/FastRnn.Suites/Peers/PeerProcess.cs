using System.Globalization;
using System.Text.Json;

namespace FastRnn.Suites;

/// <summary>
/// Another library behind the line protocol: its first line says who it is; <c>prepare ID MODE CELL I H LAYERS T B</c> is answered by <c>ready ID</c> or
/// <c>missing ID REASON</c>, <c>run ID SECONDS</c> by <c>times ID NS NS …</c> (all lines: bench/peers/README.md). It runs on the cores of the thread that started it. A peer that ends or
/// answers something else is not asked again: from then on every row says why.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly ChildProgram? _process;
    private readonly TimeSpan _patience;

    private PeerProcess(string name, ChildProgram? process, TimeSpan patience)
    {
        (Name, _process, _patience) = (name, process, patience);
        Version = new PeerVersion(name, null, null, null);
    }

    public string Name { get; }

    public PeerVersion Version { get; private set; }

    /// <summary>Why it is of no use any more.</summary>
    public string? Broken { get; private set; }

    /// <summary>Starts a peer and reads its greeting.</summary>
    /// <param name="script">How.</param>
    /// <param name="name">Which.</param>
    /// <param name="threads">That it may use.</param>
    /// <param name="patience">How long an answer may take beyond the seconds asked for.</param>
    public static PeerProcess Start(PeerScript script, string name, int threads, TimeSpan patience)
    {
        if (!File.Exists(script.File))
            return new PeerProcess(name, null, patience).Give($"{script.File} does not exist");
        ChildProgram process;
        try
        {
            process = ChildProgram.Start("sh", script.File, name, threads.ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException e)
        {
            return new PeerProcess(name, null, patience).Give(e.Message);
        }
        var peer = new PeerProcess(name, process, patience);
        peer.ReadGreeting();
        return peer;
    }

    /// <summary>Makes a row ready, once a small one of the same widths has given the right results. Null, or why it cannot.</summary>
    public string? Prepare(Row row)
    {
        WorkShape shape = row.Shape!;
        string small = row.Id + "-check";
        if (Prepare(small, row.PeerMode!, shape with { Steps = Math.Min(shape.Steps, 3), Batch = Math.Min(shape.Batch, 4) }) is { } reason)
            return reason;
        string? wrong = Verify(small);
        Release(small);
        return wrong ?? Broken ?? Prepare(row.Id, row.PeerMode!, shape);
    }

    private string? Prepare(string id, string mode, WorkShape shape)
    {
        string? answer = Ask(string.Create(
            CultureInfo.InvariantCulture, $"prepare {id} {mode} {shape.CellName} {shape.Input} {shape.Hidden} {shape.Layers} {shape.Steps} {shape.Batch}"), 0);
        if (answer == null)
            return Broken;
        return answer == $"ready {id}" ? null : Refusal("missing", id, answer) ?? Break($"answered '{answer}' to prepare {id}");
    }

    /// <summary>
    /// A time for another function would be worth nothing: the peer compares its results with a plain computation of its own, which takes long, so that few
    /// steps and samples do. Null, or what is wrong.
    /// </summary>
    private string? Verify(string id)
    {
        string? answer = Ask($"verify {id}", 0);
        if (answer == null)
            return Broken;
        return answer.StartsWith($"verified {id} ", StringComparison.Ordinal)
            ? null
            : Refusal("missing", id, answer) ?? Refusal("wrong", id, answer) ?? Break($"answered '{answer}' to verify {id}");
    }

    /// <summary>Frees what the row holds.</summary>
    public void Release(string id)
    {
        if (Ask($"release {id}", 0) is { } answer && answer != $"released {id}")
            Break($"answered '{answer}' to release {id}");
    }

    private static string? Refusal(string word, string id, string answer)
    {
        string start = $"{word} {id} ";
        return answer.StartsWith(start, StringComparison.Ordinal) ? answer[start.Length..] : null;
    }

    /// <summary>Runs a row that is ready. Median seconds of a unit, or null when the peer has broken.</summary>
    public double? Run(string id, double seconds)
    {
        string? answer = Ask(string.Create(CultureInfo.InvariantCulture, $"run {id} {seconds:R}"), seconds);
        if (answer == null)
            return null;
        string[] words = answer.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var times = new double[Math.Max(0, words.Length - 2)];
        bool valid = times.Length > 0 && words[0] == "times" && words[1] == id;
        for (int i = 0; i < times.Length && valid; i++)
            valid = double.TryParse(words[i + 2], NumberStyles.Float, CultureInfo.InvariantCulture, out times[i]) && times[i] > 0 && double.IsFinite(times[i]);
        if (valid)
            return Statistics.Median(times) / 1e9;
        Break($"answered '{(answer.Length > 80 ? answer[..80] + "…" : answer)}' to run {id}");
        return null;
    }

    public void Dispose()
    {
        if (_process == null)
            return;
        try
        {
            if (!_process.Wait(TimeSpan.Zero))
            {
                _process.WriteLine("quit");
                _process.CloseInput();
                if (!_process.Wait(TimeSpan.FromSeconds(5)))
                    _process.Kill();
            }
        }
        catch (IOException)
        {
            _process.Kill(); // it has closed its input: whatever still runs is of no use
        }
        _process.Dispose();
    }

    private void ReadGreeting()
    {
        string? line = ReadLine(0);
        if (line == null)
            return;
        try
        {
            PeerVersion greeting = SuiteText.ReadGreeting(line);
            Version = greeting with { Peer = Name };
            if (greeting.Missing != null || greeting.Version == null)
                Break(greeting.Missing ?? "states no version");
        }
        catch (JsonException)
        {
            Break($"greeted with '{line}'");
        }
    }

    private PeerProcess Give(string reason)
    {
        Break(reason);
        return this;
    }

    private string Break(string reason)
    {
        Broken ??= reason;
        Version = Version with { Missing = Broken };
        return Broken;
    }

    private string? Ask(string line, double seconds)
    {
        if (Broken != null)
            return null;
        try
        {
            _process!.WriteLine(line);
        }
        catch (IOException)
        {
            Break("ended");
            return null;
        }
        return ReadLine(seconds);
    }

    private string? ReadLine(double seconds)
    {
        TimeSpan limit = _patience + TimeSpan.FromSeconds(seconds);
        string? line;
        try
        {
            line = _process!.ReadLine(limit);
        }
        catch (TimeoutException)
        {
            _process!.Kill();
            Break(FormattableString.Invariant($"gave no answer within {limit.TotalSeconds:F0} s"));
            return null;
        }
        if (line != null)
            return line;
        bool ended = _process.Wait(TimeSpan.FromSeconds(5));
        Break("ended" + (ended ? FormattableString.Invariant($" with exit code {_process.ExitCode}") : ""));
        return null;
    }
}
