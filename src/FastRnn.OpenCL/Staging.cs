using System.Runtime.InteropServices;

namespace FastRnn.OpenCL;

/// <summary>
/// Carries host data to the device and back. Writes go through a ring of stages: the caller's memory is free at once, the copy to the device runs when
/// its turn comes, and a stage is used again after the marker behind its last write. Only reads, and writers that are a whole ring ahead, wait.
/// </summary>
internal sealed unsafe class Staging : IDisposable
{
    private const int Stages = 4;

    private readonly DeviceContext _context;
    private readonly int _stageBytes;
    private readonly nint[] _behind = new nint[Stages];
    private readonly void** _addresses = (void**)NativeMemory.AllocZeroed(2, (nuint)sizeof(void*));
    private PinnedBlock? _ring, _back;
    private int _stage, _used;

    public Staging(DeviceContext context, int stageBytes = 1 << 20) => (_context, _stageBytes) = (context, stageBytes);

    public void Dispose()
    {
        if (_context.IsLost)
            return; // whatever it was told to write may still be written
        foreach (nint marker in _behind)
        {
            if (marker != 0)
                _ = _context.Api.ReleaseEvent(marker);
        }
        _ring?.Dispose();
        _back?.Dispose();
        NativeMemory.Free(_addresses);
    }

    /// <summary>Room for host data, at most so many bytes, but perhaps fewer; <see cref="Send"/> uses it.</summary>
    public Span<byte> Room(long bytes)
    {
        _context.Guard();
        _ring ??= new PinnedBlock(_context, Stages * _stageBytes, &_addresses[0]);
        if (_stageBytes - _used < Math.Min(bytes, _stageBytes / 4))
            NextStage();
        return new Span<byte>(_ring.Pointer + ((long)_stage * _stageBytes) + _used, (int)Math.Min(bytes, _stageBytes - _used));
    }

    /// <summary>Starts the copy of the first bytes of the last <see cref="Room"/> to the device.</summary>
    public void Send(nint memory, long offset, int bytes)
    {
        byte* host = _ring!.Pointer + ((long)_stage * _stageBytes) + _used;
        _used += (bytes + 63) & ~63;
        _context.LastOperation = "a write";
        _context.Check(
            _context.Calling.EnqueueWriteBuffer(_context.Queue, memory, false, (nuint)offset, (nuint)bytes, host, 0, null, null), "clEnqueueWriteBuffer");
    }

    public void Write(nint memory, long offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            Span<byte> room = Room(data.Length);
            data[..room.Length].CopyTo(room);
            Send(memory, offset, room.Length);
            offset += room.Length;
            data = data[room.Length..];
        }
    }

    /// <summary>Waits for all that was started, then copies device memory, at most <see cref="ReadBytes"/> of it, to the host; valid until the next call.</summary>
    public ReadOnlySpan<byte> Read(nint memory, long offset, int bytes)
    {
        _context.Guard();
        _back ??= new PinnedBlock(_context, _stageBytes, &_addresses[1]);
        _context.Wait(WaitRequest.Read(_context.Queue, memory, (nuint)offset, (nuint)bytes, _back.Pointer));
        return new ReadOnlySpan<byte>(_back.Pointer, bytes);
    }

    public int ReadBytes => _stageBytes;

    private void NextStage()
    {
        nint marker = 0;
        _context.Check(_context.Calling.EnqueueMarkerWithWaitList(_context.Queue, 0, null, &marker), "clEnqueueMarkerWithWaitList");
        _behind[_stage] = marker;
        _context.Check(_context.Calling.Flush(_context.Queue), "clFlush");
        (_stage, _used) = ((_stage + 1) % Stages, 0);
        marker = _behind[_stage];
        if (marker == 0)
            return;
        _behind[_stage] = 0;
        _context.Wait(WaitRequest.Event(marker));
        _context.Check(_context.Calling.ReleaseEvent(marker), "clReleaseEvent");
    }
}
