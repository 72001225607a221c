namespace FastRnn.OpenCL;

/// <summary>A product's B: [<see cref="Depth"/>, <see cref="Columns"/>] as panels [panel][k][<see cref="PanelColumns"/>], zero padded.</summary>
internal sealed class PackedMatrix(DevicePool pool, int depth, int columns, int panelColumns)
{
    public int Depth { get; } = depth;

    public int Columns { get; } = columns;

    public int PanelColumns { get; } = panelColumns;

    public string Options { get; } = $"-DPANEL={panelColumns}";

    public int Panels => (Columns + PanelColumns - 1) / PanelColumns;

    public OpenClBuffer Storage { get; } = new(pool, (columns + panelColumns - 1) / panelColumns, depth * panelColumns);

    /// <summary>The source's version that was packed, −1 before; set once that has been started without an error.</summary>
    public int Version { get; set; } = -1;
}
