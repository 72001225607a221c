using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>What a cell with options needs beside <see cref="CellArgs"/>: the same for all rows and steps of a pass.</summary>
internal unsafe struct CellSettings
{
    /// <summary>Functions of the gates, of the candidate (or the simple cell), and of c on its way to h.</summary>
    public CellFunctionArgs Gate, Candidate, Output;

    /// <summary>f = 1 − i.</summary>
    public bool Coupled;

    /// <summary>Limits of pre-activations and of c, 0 for none.</summary>
    public float GateClip, CellClip;

    /// <summary>What the functions of the gates and of the candidate give at ∓<see cref="GateClip"/>, where there is such a limit.</summary>
    public float GateLow, GateHigh, CandidateLow, CandidateHigh;

    /// <summary>Limit of the pre-activations' gradients, 0 for none.</summary>
    public float GradientLimit;

    /// <summary>p of i, f and o: three rows of <see cref="UnitRow"/> floats; null for none.</summary>
    public float* Peephole;

    /// <summary>∂L/∂p of every sample of the batch on its own, [B, 3, UnitRow]; the cell adds to it.</summary>
    public float* PeepholeGradient;

    /// <summary>Units, padded.</summary>
    public nint UnitRow;

    /// <summary>Finds what the functions give at their limit; once, as the bits are those of any instruction set.</summary>
    public void SetCuts()
    {
        (GateLow, GateHigh) = (At(Gate, -GateClip), At(Gate, GateClip));
        (CandidateLow, CandidateHigh) = (At(Candidate, -GateClip), At(Candidate, GateClip));
    }

    private static float At(in CellFunctionArgs function, float x) => CellFunctions.Value<ScalarLanes, float>(function, x);
}
