namespace FastRnn.OpenCL;

/// <summary>Host memory that the driver knows, so that it copies from and to it while the host goes on. Mapped for as long as the back end lives.</summary>
internal sealed unsafe class PinnedBlock : IDisposable
{
    private readonly DeviceContext _context;
    private readonly nint _memory;

    /// <param name="context">Whose.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="address">Where the address goes: it must outlive the wait even where nobody answers.</param>
    public PinnedBlock(DeviceContext context, int bytes, void** address)
    {
        context.Guard();
        (_context, Bytes) = (context, bytes);
        int code = 0;
        _memory = context.Calling.CreateBuffer(context.Handle, MemFlags.ReadWrite | MemFlags.AllocHostPtr, (nuint)bytes, null, &code);
        context.Returned();
        if (code != 0)
            throw context.Error(code, $"clCreateBuffer of {bytes} bytes of host memory");
        try
        {
            context.Wait(WaitRequest.Map(context.Queue, _memory, (nuint)bytes, address));
        }
        catch (OpenClException) when (!context.IsLost)
        {
            _ = context.Api.ReleaseMemObject(_memory);
            throw;
        }
        Pointer = (byte*)*address;
    }

    public int Bytes { get; }

    public byte* Pointer { get; }

    /// <summary>Only when the device has done all its work: it may copy from here and to here until then.</summary>
    public void Dispose()
    {
        if (_context.IsLost)
            return;
        // Some drivers keep memory that is released while it is mapped.
        _ = _context.Api.EnqueueUnmapMemObject(_context.Queue, _memory, Pointer, 0, null, null);
        _ = _context.Api.ReleaseMemObject(_memory);
    }
}
