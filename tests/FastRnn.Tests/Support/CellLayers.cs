using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;

namespace FastRnn.Tests.Support;

/// <summary>The layer that computes a cell.</summary>
internal static class CellLayers
{
    public static RecurrentLayer Create(CellType cell, int input, int hidden) => RecurrentInfo.Build(RecurrentInfo.Describe(CellRun.Fit(cell, hidden), input, hidden));
}
