using FastRnn.Mutations.Formats;

namespace FastRnn.Mutations.Runs;

/// <summary>A file that did harm; <see cref="Index"/> and the seed make it again.</summary>
internal sealed record Failure(long Index, string Harm);

/// <summary>Counts of a run.</summary>
internal sealed class Tally
{
    public long Files { get; set; }

    public long Accepted { get; set; }

    public TimeSpan LongestTime { get; set; }

    /// <summary>Of a refused file.</summary>
    public long MostBytes { get; set; }

    public List<Failure> Failures { get; } = [];

    public void Add(Tally other)
    {
        (Files, Accepted) = (Files + other.Files, Accepted + other.Accepted);
        LongestTime = other.LongestTime > LongestTime ? other.LongestTime : LongestTime;
        MostBytes = Math.Max(MostBytes, other.MostBytes);
        Failures.AddRange(other.Failures);
    }
}

/// <summary>Mutants of one format, by number: the same number and seed give the same file anywhere.</summary>
internal sealed class Campaign(FileFormat format, int seed)
{
    private long _index = -1;

    /// <summary>The file that is being read; any thread may look.</summary>
    public long Index => Volatile.Read(ref _index);

    /// <summary>Told of every file before it is read.</summary>
    public Action<long>? Begins { get; init; }

    /// <summary>Told of every file that did harm, at once: the process may not live to its end.</summary>
    public Action<Failure>? Fails { get; init; }

    public byte[] File(long index) => format.Mutant(new Random(HashCode(index)));

    /// <summary>Reads the files from one number to before another.</summary>
    public Tally Run(long from, long to)
    {
        var tally = new Tally();
        for (long index = from; index < to; index++)
        {
            byte[] file = File(index);
            Volatile.Write(ref _index, index);
            Begins?.Invoke(index);
            Verdict verdict = Verdict.Of(format, file);
            if (verdict.Harm != null && verdict.Time > Verdict.Longest)
                verdict = Verdict.Of(format, file); // A busy machine is slow once, such a file always.
            tally.Files++;
            tally.Accepted += verdict.Accepted ? 1 : 0;
            tally.LongestTime = verdict.Time > tally.LongestTime ? verdict.Time : tally.LongestTime;
            if (!verdict.Accepted)
                tally.MostBytes = Math.Max(tally.MostBytes, verdict.Bytes);
            if (verdict.Harm == null)
                continue;
            tally.Failures.Add(new(index, verdict.Harm));
            Fails?.Invoke(tally.Failures[^1]);
        }
        return tally;
    }

    /// <summary>The multiplier is a prime, so that neighbouring seeds have different files.</summary>
    private int HashCode(long index) => unchecked((int)((seed * 1_000_003L) + index));
}
