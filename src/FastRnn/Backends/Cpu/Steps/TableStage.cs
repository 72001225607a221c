namespace FastRnn.Backends;

/// <summary>A token's row of an embedding's table [V, E], where it stands.</summary>
internal sealed unsafe class TableStage(CpuBuffer table) : StepStage(1, table.Columns)
{
    public override float* Step(float* x) => table.Pointer + ((nint)(*(int*)x) * table.Stride);
}
