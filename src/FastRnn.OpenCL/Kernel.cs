namespace FastRnn.OpenCL;

/// <summary>
/// A kernel and the arguments of its next run, given in the order in which the kernel declares them:
/// <code>kernel.Start().Buffer(x).Buffer(y).Int(n).Over(n);</code>
/// Nothing is allocated here, and nothing waits but the driver, should its queue be full.
/// </summary>
internal sealed unsafe class Kernel(DeviceContext context, nint handle, string name)
{
    private uint _index;

    public string Name { get; } = name;

    internal nint Handle { get; } = handle;

    /// <summary>Forgets the arguments.</summary>
    public Kernel Start()
    {
        context.Guard();
        _index = 0;
        return this;
    }

    /// <summary>The two arguments that BUFFER(x) declares: memory and first element. Without a buffer the memory is null.</summary>
    public Kernel Buffer(OpenClBuffer? buffer)
    {
        Memory(buffer?.Block);
        return Long(buffer?.First ?? 0);
    }

    /// <summary>A pointer to the start of a block.</summary>
    public Kernel Memory(DeviceBlock? block)
    {
        nint memory = block?.Memory ?? 0;
        return Argument((nuint)sizeof(nint), memory == 0 ? null : &memory);
    }

    /// <summary>So many bytes of local memory.</summary>
    public Kernel Local(int bytes) => Argument((nuint)bytes, null);

    public Kernel Int(int value) => Argument(sizeof(int), &value);

    public Kernel UInt(uint value) => Argument(sizeof(uint), &value);

    public Kernel Long(long value) => Argument(sizeof(long), &value);

    public Kernel ULong(ulong value) => Argument(sizeof(ulong), &value);

    public Kernel Float(float value) => Argument(sizeof(float), &value);

    /// <summary>One work-item for each of so many elements, in groups; the kernel returns where its number is not below them.</summary>
    public void Over(long elements)
    {
        if (elements > 0)
            Run(elements, 1, 1, ElementGroup, 1, 1);
    }

    /// <summary>One work-item for each (x, y): x in groups, y one by one.</summary>
    public void Over(long x, long y)
    {
        if (x > 0 && y > 0)
            Run(x, y, 1, ElementGroup, 1, 1);
    }

    /// <summary>
    /// Starts it over so many work-items, rounded up to whole groups. The group's size is always given: a driver that chose it by the sizes would compile
    /// anew for many of them. Beyond the groups that a device takes in y and z it is started in parts: kernels look at global numbers, not at groups'.
    /// </summary>
    public void Run(long globalX, long globalY, long globalZ, int localX, int localY, int localZ)
    {
        nuint* local = stackalloc nuint[3] { (nuint)localX, (nuint)localY, (nuint)localZ };
        nuint* first = stackalloc nuint[3] { 0, 0, 0 }, global = stackalloc nuint[3] { Up(globalX, localX), 0, 0 };
        long mostY = (long)context.Options.LargestGroups * localY, mostZ = (long)context.Options.LargestGroups * localZ;
        for (long z = 0; z < globalZ; z += mostZ)
        {
            for (long y = 0; y < globalY; y += mostY)
            {
                (first[1], first[2]) = ((nuint)y, (nuint)z);
                (global[1], global[2]) = (Up(Math.Min(globalY - y, mostY), localY), Up(Math.Min(globalZ - z, mostZ), localZ));
                Enqueue(y == 0 && z == 0 ? null : first, global, local);
            }
        }
    }

    private int ElementGroup => Math.Min(256, context.Device.LargestGroup);

    private static nuint Up(long size, int group) => (nuint)((size + group - 1) / group * group);

    private void Enqueue(nuint* first, nuint* global, nuint* local)
    {
        int code = context.Calling.EnqueueNdrangeKernel(context.Queue, Handle, 3, first, global, local, 0, null, null);
        context.Returned();
        context.LastOperation = Name;
        if (code != 0)
            context.Check(code, $"clEnqueueNDRangeKernel of {Name}");
        context.Launched();
    }

    private Kernel Argument(nuint size, void* value)
    {
        int code = context.Calling.SetKernelArg(Handle, _index++, size, value);
        context.Returned();
        if (code != 0)
            context.Check(code, $"clSetKernelArg {_index - 1} of {Name}");
        return this;
    }
}
