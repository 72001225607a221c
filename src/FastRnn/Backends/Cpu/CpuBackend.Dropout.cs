using System.Runtime.Intrinsics;

namespace FastRnn.Backends;

/// <summary>Dropout, in portable code: what costs is the drawing, and integer arithmetic is the same everywhere.</summary>
public sealed unsafe partial class CpuBackend
{
    internal override void Dropout(DeviceBuffer x, DeviceBuffer y, in DropoutMask mask, int steps, int batch)
    {
        CheckShape(x, steps * batch, x.Columns);
        CheckShape(y, x.Rows, x.Columns);
        CpuBuffer from = Cpu(x), to = Cpu(y);
        if (mask.PerSample)
            DropSamples(from, to, mask, batch);
        else
            DropSteps(from, to, mask, batch);
        to.Written();
        GC.KeepAlive(from);
    }

    private static void DropSteps(CpuBuffer from, CpuBuffer to, in DropoutMask mask, int batch)
    {
        for (int r = 0; r < from.Rows; r++)
        {
            float* source = from.Pointer + ((nint)r * from.Stride), target = to.Pointer + ((nint)r * to.Stride);
            for (int c = 0; c < from.Columns; c += 4)
                Drop(DropoutDraw.Quad(mask, r / batch, r % batch, c / 4), mask.Rate, source + c, target + c);
        }
    }

    /// <summary>A draw is made once for all steps.</summary>
    private static void DropSamples(CpuBuffer from, CpuBuffer to, in DropoutMask mask, int batch)
    {
        for (int b = 0; b < Math.Min(batch, from.Rows); b++)
        {
            for (int c = 0; c < from.Columns; c += 4)
            {
                var draws = DropoutDraw.SampleQuad(mask, b, c / 4);
                for (nint r = b; r < from.Rows; r += batch)
                    Drop(draws, mask.Rate, from.Pointer + (r * from.Stride) + c, to.Pointer + (r * to.Stride) + c);
            }
        }
    }

    /// <summary>Four values without a branch, which nobody could predict; in the padding zeros stay zeros.</summary>
    private static void Drop((float U0, float U1, float U2, float U3) draw, float rate, float* source, float* target)
    {
        Vector128<float> kept = Vector128.GreaterThanOrEqual(Vector128.Create(draw.U0, draw.U1, draw.U2, draw.U3), Vector128.Create(rate));
        (kept & (Vector128.Load(source) * (1f / (1f - rate)))).Store(target);
    }
}
