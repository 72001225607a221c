namespace FastRnn.Backends;

/// <summary>A token's row of an embedding's table [V, E], where it stands.</summary>
internal sealed unsafe class TableStage(CpuBuffer table) : StepStage(1, table.Columns)
{
    private CpuBuffer _table = table;

    public override float* Step(float* x) => _table.Pointer + ((nint)(*(int*)x) * _table.Stride);

    public override void Share(StepStage other) => _table = ((TableStage)other)._table;

    protected override void MakeState()
    {
    }
}
