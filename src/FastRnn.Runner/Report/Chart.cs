namespace FastRnn.Runner;

/// <summary>Curves over one axis. Where x or y is not finite there is a gap.</summary>
internal sealed record Chart
{
    /// <summary>What it shows, for those who cannot see it.</summary>
    public required string Title { get; init; }

    /// <summary>A line of text above it, where no heading stands there.</summary>
    public string? Heading { get; init; }

    public required string XName { get; init; }

    public required string YName { get; init; }

    public IReadOnlyList<ChartLine> Lines { get; init; } = [];

    /// <summary>An area between two curves, behind the lines.</summary>
    public ChartBand? Band { get; init; }

    /// <summary>Straight lines through the whole chart.</summary>
    public IReadOnlyList<ChartMark> Marks { get; init; } = [];

    /// <summary>y by its logarithm; only for values above 0.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>x is counted: its marks are whole numbers.</summary>
    public bool CountedX { get; init; }

    /// <summary>Whether the y axis begins at 0.</summary>
    public bool FromZero { get; init; }

    /// <summary>Both axes from 0 to 1, equally long.</summary>
    public bool UnitSquare { get; init; }

    /// <summary>What stands below a whole x in place of its number; the list begins at <see cref="FirstLabel"/>.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>x of the first label.</summary>
    public int FirstLabel { get; init; }
}

/// <param name="Name">For the legend; empty: not in it.</param>
/// <param name="Points">In rising order of x.</param>
/// <param name="Colour">Index in the palette; −1 is quiet.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, int Colour)
{
    /// <summary>Drawn in dashes, so that it is told from others without its colour too.</summary>
    public bool Dashed { get; init; }

    /// <summary>Points are marked where they are few.</summary>
    public bool Dots { get; init; }
}

internal sealed record ChartBand(string Name, IReadOnlyList<(double X, double Low, double High)> Points, int Colour);

/// <param name="At">Position on the axis.</param>
/// <param name="Name">Stands beside it.</param>
/// <param name="Vertical">At is an x; otherwise a y.</param>
internal sealed record ChartMark(double At, string Name, bool Vertical);
