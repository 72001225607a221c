using FastRnn.Backends;
using FastRnn.Memory;

namespace FastRnn.Graphs.Operators;

/// <summary>Functions of float32 by the back end's own kernels, a part of the elements at a time, so that what is copied there and back stays in the caches.</summary>
internal sealed class KernelFunction
{
    private const int Part = 1 << 14;

    private DeviceBuffer? _whole, _rest;
    private long _wholeBytes, _restBytes;

    /// <summary>Output 0 = f(input 0); a function of rows takes rows of <paramref name="width"/>.</summary>
    public static void Run(GraphCall call, ActivationFunction function, int width = 0)
    {
        var kept = (KernelFunction)(call.Scratch ??= new KernelFunction());
        ReadOnlySpan<float> x = call.Input(0).Values<float>();
        Span<float> y = call.Output(0).Values<float>();
        int part = Math.Min(function.IsOfRows ? width * Math.Max(1, Part / width) : Part, x.Length);
        for (int start = 0; start < x.Length; start += part)
        {
            int length = Math.Min(part, x.Length - start), rows = function.IsOfRows ? length / width : 1;
            DeviceBuffer buffer = length == part ? Fit(call, ref kept._whole, ref kept._wholeBytes, rows, length / rows) : Fit(call, ref kept._rest, ref kept._restBytes, rows, length / rows);
            call.Backend.Write(buffer, x.Slice(start, length));
            call.Backend.ActivationForward(function, buffer, buffer);
            call.Backend.Read(buffer, y.Slice(start, length));
        }
    }

    private static DeviceBuffer Fit(GraphCall call, ref DeviceBuffer? buffer, ref long bytes, int rows, int columns)
    {
        if (buffer?.Rows == rows && buffer.Columns == columns)
            return buffer;
        buffer = null;
        call.Memory.Reserve(ref bytes, (UInt128)rows * (UInt128)AlignedBuffer.Pad(columns) * sizeof(float), call.Node);
        return buffer = call.Backend.Allocate(rows, columns);
    }
}
