using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>A span's steps once more, when their states are known.</summary>
internal unsafe partial struct RecurrentJob
{
    /// <summary>
    /// Whether the pre-activations of all steps are the input product and R·h_{t−1} of the stored h, row by row, in one product: not so with
    /// flags, which pack rows and reset states, nor in a cell with stages.
    /// </summary>
    public readonly bool CanRefillAtOnce => Active == null && !Options->Staged;

    /// <summary>First row of a step, or how many there are: packed ones with flags.</summary>
    public readonly nint RowAt(int step) => StepStart == null ? (nint)step * Batch : StepStart[step];

    /// <summary>All rows of the strips at which a chain of its own starts.</summary>
    public readonly void StartApartChains()
    {
        for (nint block = 0; ApartBias != null && block < UnitBlocks; block++)
            StartApartChain(0, (nint)BlockSteps * Batch, block);
    }

    /// <summary>The point-wise part on finished pre-activations; c goes along the steps, h gets the bits that it has.</summary>
    public static void RefillCells(void* context, int part, int parts)
    {
        RecurrentJob job = *(RecurrentJob*)context;
        (nint first, nint count) = CpuBackend.Part(job.Batch, part, parts);
        KernelTable table = job.Table;
        for (int t = job.FirstStep; t < job.FirstStep + job.BlockSteps; t++)
        {
            CellArgs cell = job.Cell(t, first, count);
            job.RunCells(table, cell, ((nint)(t - job.FirstStep) * job.Batch) + first, job.Kernel);
        }
    }
}
