using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>A cell of every kind, with stages and without, and the precisions that sessions know.</summary>
internal static class SessionCells
{
    private static readonly (string Name, CellType Cell)[] _all =
    [
        ("lstm", CellType.Lstm), ("gru", CellType.Gru), ("tanh", CellType.Rnn()), ("relu", CellType.Rnn(CellActivation.Relu)),
        ("sigmoid", CellType.Rnn(CellActivation.Sigmoid)), ("identity", CellType.Rnn(CellActivation.Identity)),
        ("peepholes", CellType.Lstm with { Peepholes = true }), ("coupled", CellType.Lstm with { Coupled = true }),
        ("projection", CellType.Lstm with { Projection = 3 }), ("clip", CellType.Lstm with { GateClip = 1, CellClip = 2 }),
        ("lstm norm", CellType.Lstm with { LayerNorm = true }), ("gru before", CellType.Gru with { ResetBefore = true }),
        ("gru norm", CellType.Gru with { LayerNorm = true }), ("zoneout", CellType.Rnn() with { Zoneout = 0.2f }),
    ];

    public static TheoryData<string, WeightPrecision> WithPrecisions
    {
        get
        {
            var data = new TheoryData<string, WeightPrecision>();
            foreach ((string name, _) in _all)
            {
                foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
                    data.Add(name, precision);
            }
            return data;
        }
    }

    /// <summary>A layer of the cell and an affine one.</summary>
    public static Sequential Model(Backend backend, string cell, int input, int hidden, int output, ulong seed = 1)
    {
        RecurrentLayer layer = CellLayers.Create(_all.Single(known => known.Name == cell).Cell, input, hidden);
        return new Sequential(backend, seed, layer, new Linear(layer.OutputSize(input), output));
    }

    public static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (random.NextSingle() * 4) - 2;
        return values;
    }
}
