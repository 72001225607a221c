using FastRnn.Numerics;
using Xunit;

namespace FastRnn.Tests.Support;

/// <summary>
/// A test of long training. Bits do not depend on the instruction set, which other tests show, so it runs on the widest one whichever is
/// forced; where the CPU has only portable code it would take many minutes, and is reported as skipped.
/// </summary>
internal sealed class WideFactAttribute : FactAttribute
{
    public WideFactAttribute()
    {
        if (Isa.Widest == IsaLevel.Scalar)
            Skip = "needs AVX2 or AVX-512: minutes of training in portable code, which has the same bits";
    }
}
