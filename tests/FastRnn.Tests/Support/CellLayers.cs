using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Tests.Support;

/// <summary>The layer that computes a cell.</summary>
internal static class CellLayers
{
    public static RecurrentLayer Create(CellType cell, int input, int hidden) => cell.Kind switch
    {
        CellKind.Lstm => new Lstm(input, hidden)
        {
            GateActivation = cell.GateActivation,
            CandidateActivation = cell.Activation,
            OutputActivation = cell.OutputActivation,
            Peepholes = cell.Peepholes,
            CoupledGates = cell.Coupled,
            Projection = CellRun.Fit(cell, hidden).Projection,
            GateClip = cell.GateClip,
            CellClip = cell.CellClip,
            CellZoneout = cell.CellZoneout,
            LayerNorm = cell.LayerNorm,
            RecurrentDropout = cell.RecurrentDropout,
            Zoneout = cell.Zoneout,
        },
        CellKind.Gru => new Gru(input, hidden)
        {
            GateActivation = cell.GateActivation,
            CandidateActivation = cell.Activation,
            ResetBefore = cell.ResetBefore,
            GateClip = cell.GateClip,
            LayerNorm = cell.LayerNorm,
            RecurrentDropout = cell.RecurrentDropout,
            Zoneout = cell.Zoneout,
        },
        _ => new Rnn(input, hidden, cell.Activation)
        {
            GateClip = cell.GateClip,
            LayerNorm = cell.LayerNorm,
            RecurrentDropout = cell.RecurrentDropout,
            Zoneout = cell.Zoneout,
        },
    };
}
