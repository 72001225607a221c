namespace FastRnn.OpenCL;

/// <summary>How products are cut for a device. Both families give the same bits.</summary>
internal enum ProductFamily
{
    /// <summary>For CPUs: a work-item computes a register tile of wide vectors.</summary>
    Vector,

    /// <summary>For everything else: a work-group computes a tile in local memory.</summary>
    Local,
}
