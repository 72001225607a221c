using System.Runtime.InteropServices;
using FastRnn.Backends;

namespace FastRnn.OpenCL;

// Arrays and the way to them.
public sealed partial class OpenClBackend
{
    internal override DeviceBuffer Allocate(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        var buffer = new OpenClBuffer(_pool, rows, columns);
        Fill(buffer, 0);
        return buffer;
    }

    internal override DeviceBuffer View(DeviceBuffer buffer, int firstRow, int rows) => Own(buffer).View(firstRow, rows);

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<float> values)
    {
        CheckLength(buffer, values.Length);
        OpenClBuffer target = Own(buffer);
        _staging.Write(target.Block.Memory, target.First * sizeof(float), MemoryMarshal.AsBytes(values));
        target.Written();
    }

    internal override void Write(DeviceBuffer buffer, ReadOnlySpan<double> values)
    {
        CheckLength(buffer, values.Length);
        OpenClBuffer target = Own(buffer);
        long offset = target.First * sizeof(float);
        while (!values.IsEmpty)
        {
            Span<float> room = MemoryMarshal.Cast<byte, float>(_staging.Room((long)values.Length * sizeof(float)));
            for (int i = 0; i < room.Length; i++)
                room[i] = (float)values[i];
            _staging.Send(target.Block.Memory, offset, room.Length * sizeof(float));
            offset += room.Length * sizeof(float);
            values = values[room.Length..];
        }
        target.Written();
    }

    internal override void Read(DeviceBuffer buffer, Span<float> values)
    {
        CheckLength(buffer, values.Length);
        OpenClBuffer source = Own(buffer);
        for (int done = 0; done < values.Length;)
        {
            ReadOnlySpan<float> read = ReadPart(source, done, values.Length - done);
            read.CopyTo(values[done..]);
            done += read.Length;
        }
        GC.KeepAlive(source);
    }

    internal override void Read(DeviceBuffer buffer, Span<double> values)
    {
        CheckLength(buffer, values.Length);
        OpenClBuffer source = Own(buffer);
        for (int done = 0; done < values.Length;)
        {
            foreach (float value in ReadPart(source, done, values.Length - done))
                values[done++] = value;
        }
        GC.KeepAlive(source);
    }

    internal override void Zero(DeviceBuffer buffer)
    {
        OpenClBuffer target = Own(buffer);
        Fill(target, 0);
        target.Written();
    }

    internal override void Copy(DeviceBuffer source, DeviceBuffer destination)
    {
        CheckShape(destination, source.Rows, source.Columns);
        OpenClBuffer from = Own(source);
        CopyElements(from, 0, Own(destination), 0, from.Elements);
    }

    internal override void CopyRows(DeviceBuffer source, int sourceRow, DeviceBuffer destination, int destinationRow, int rows)
    {
        RowRange.Check(source, sourceRow, destination, destinationRow, rows);
        OpenClBuffer from = Own(source), to = Own(destination);
        long first = (long)sourceRow * source.Columns, target = (long)destinationRow * destination.Columns, count = (long)rows * source.Columns;
        if (from.Block != to.Block || Math.Abs(from.First + first - to.First - target) >= count)
        {
            CopyElements(from, first, to, target, count);
            return;
        }
        // OpenCL copies no rows onto themselves.
        var between = new OpenClBuffer(_pool, rows, source.Columns);
        CopyElements(from, first, between, 0, count);
        CopyElements(between, 0, to, target, count);
        between.Block.Dispose();
    }

    internal override void Accumulate(DeviceBuffer source, DeviceBuffer destination)
    {
        CheckShape(destination, source.Rows, source.Columns);
        OpenClBuffer from = Own(source), to = Own(destination);
        _programs.Get("memory.cl", "add_to").Start().Buffer(from).Buffer(to).Long(from.Elements).Over(from.Elements);
        to.Written();
    }

    private ReadOnlySpan<float> ReadPart(OpenClBuffer source, int first, int count) => MemoryMarshal.Cast<byte, float>(_staging.Read(
        source.Block.Memory, (source.First + first) * sizeof(float), (int)Math.Min((long)count * sizeof(float), _staging.ReadBytes)));

    private unsafe void CopyElements(OpenClBuffer source, long sourceFirst, OpenClBuffer destination, long destinationFirst, long count)
    {
        _context.Guard();
        if (count > 0)
        {
            _context.LastOperation = "a copy";
            _context.Check(
                _context.Calling.EnqueueCopyBuffer(
                    _context.Queue, source.Block.Memory, destination.Block.Memory, (nuint)((source.First + sourceFirst) * sizeof(float)),
                    (nuint)((destination.First + destinationFirst) * sizeof(float)), (nuint)(count * sizeof(float)), 0, null, null),
                "clEnqueueCopyBuffer");
        }
        destination.Written();
        GC.KeepAlive(source);
    }

    private unsafe void Fill(OpenClBuffer buffer, float value)
    {
        _context.Guard();
        if (buffer.Elements == 0)
            return;
        _context.LastOperation = "a fill";
        _context.Check(
            _context.Calling.EnqueueFillBuffer(
                _context.Queue, buffer.Block.Memory, &value, sizeof(float), (nuint)(buffer.First * sizeof(float)),
                (nuint)(buffer.Elements * sizeof(float)), 0, null, null),
            "clEnqueueFillBuffer");
    }
}
