using System.Globalization;

namespace FastRnn.Suites;

/// <summary>What a probe's loop looks like.</summary>
internal enum LoadLoop
{
    /// <summary>Streams of lines side by side, put together by exclusive or.</summary>
    Streams,

    /// <summary>One pointer, two loads for an operation: for an L1 that answers two a clock.</summary>
    Pairs,

    /// <summary>Two panels of weights times a broadcast value.</summary>
    Panels,

    /// <summary>The library's own kernel for a step of one sample.</summary>
    Kernel,
}

/// <summary>
/// How a probe walks through its block: so many streams, with or without a prefetch ahead, always from the start or to and fro – line by line, or in parts
/// that are each read forwards –, so that a sweep finds what the one before read last in the nearer cache.
/// </summary>
internal readonly record struct LoadPattern(LoadLoop Loop, int Streams, bool Prefetch, bool ToAndFro, int Parts)
{
    /// <summary>All that are tried. The fastest counts, so that no slow probe can flatter a kernel.</summary>
    public static IReadOnlyList<LoadPattern> All { get; } =
    [
        .. from parts in new[] { 4, 8, 16, 32 }
           from back in new[] { false, true }
           select new LoadPattern(LoadLoop.Kernel, 0, false, back, parts),
        new LoadPattern(LoadLoop.Pairs, 1, false, false, 1),
        .. from how in new (LoadLoop Loop, int Streams)[] { (LoadLoop.Panels, 0), (LoadLoop.Streams, 1), (LoadLoop.Streams, 2), (LoadLoop.Streams, 4), (LoadLoop.Streams, 8) }
           from way in new (bool Prefetch, bool Back, int Parts)[] { (false, false, 1), (true, false, 1), (false, true, 1), (false, true, 16), (true, true, 16) }
           select new LoadPattern(how.Loop, how.Streams, way.Prefetch, way.Back, way.Parts),
    ];

    public override string ToString() =>
        (Loop == LoadLoop.Kernel ? "step kernel" : Loop == LoadLoop.Panels ? "panels" : Loop == LoadLoop.Pairs ? "pairs" : string.Create(CultureInfo.InvariantCulture, $"{Streams} stream{(Streams == 1 ? "" : "s")}"))
        + (Prefetch ? ", prefetch" : "") + (ToAndFro ? ", to and fro" : "");
}
