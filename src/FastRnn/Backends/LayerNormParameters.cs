namespace FastRnn.Backends;

/// <summary>y = γ·(x − mean)/√(variance + ε) + β over a row, the variance with 1/F; γ and β [1, F].</summary>
internal readonly record struct LayerNormParameters(DeviceBuffer Gamma, DeviceBuffer Beta, float Epsilon)
{
    public int Width => Gamma.Columns;
}
