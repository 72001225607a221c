namespace FastRnn.OpenCL;

/// <summary>What a back end can be told beside its device.</summary>
public sealed record OpenClOptions
{
    /// <summary>Longest wait for the device; after that it is given up with an <see cref="OpenClException"/>. 60 s.</summary>
    public TimeSpan WaitLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Folder of compiled programs; null takes <c>fastrnn/opencl</c> in the user's cache folder (XDG_CACHE_HOME, ~/.cache, or the local application
    /// data), an empty text keeps none. With PoCL, which has a folder of its own, null keeps none either.
    /// </summary>
    public string? CacheFolder { get; init; }

    /// <summary>
    /// Told once, on a thread of its own, when a call into the driver that should return at once – the start of a kernel, a compilation – has not done so
    /// within <see cref="WaitLimit"/>. The calling thread is in the driver's hands then and may never come back: go on without it, or end the process.
    /// Null: nobody looks.
    /// </summary>
    public Action<OpenClException>? NotAnswering { get; init; }

    /// <summary>The most groups of work-items in y and in z: what NVIDIA's devices take; fewer in tests.</summary>
    internal int LargestGroups { get; init; } = 65535;

    /// <summary>How products are cut, for tests; null as the device wants it.</summary>
    internal ProductFamily? Products { get; init; }

    /// <summary>For which kind of device the kernels are compiled, if not for its own: tests run those of GPUs on a CPU.</summary>
    internal OpenClDeviceKind? KernelsFor { get; init; }

    /// <summary>Whether to do without double where there is double: tests of devices that have none.</summary>
    internal bool WithoutDouble { get; init; }
}
