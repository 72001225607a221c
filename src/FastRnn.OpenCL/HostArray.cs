using System.Runtime.InteropServices;

namespace FastRnn.OpenCL;

/// <summary>
/// Indices, flags and constants of the host that kernels read: device memory that is written again for each use, and grows when it must. Commands run in
/// order, so what was started before still sees what was there before.
/// </summary>
internal sealed class HostArray(DevicePool pool, Staging staging)
{
    private DeviceBlock? _block;

    /// <summary>Starts the copy; pass the block to <see cref="Kernel.Memory"/> before the next call.</summary>
    public DeviceBlock Set<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        DeviceBlock block = Room(bytes.Length);
        staging.Write(block.Memory, 0, bytes);
        return block;
    }

    /// <summary>At least so many bytes that hold anything: scratch of one operation.</summary>
    public DeviceBlock Room(long bytes)
    {
        if (_block == null || _block.Bytes < bytes)
        {
            // The new one first: where there is no memory for it, this array still has the old one.
            DeviceBlock grown = pool.Take(bytes);
            _block?.Dispose();
            _block = grown;
        }
        return _block;
    }
}
