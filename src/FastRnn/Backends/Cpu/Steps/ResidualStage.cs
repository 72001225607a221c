using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>A row of x + f(x), or of [f(x), x].</summary>
/// <param name="Input">Width of x.</param>
/// <param name="Inner">Width of f(x).</param>
/// <param name="Besides">Whether x comes after f(x) instead of being added to it.</param>
internal readonly unsafe record struct ResidualRow(int Input, int Inner, bool Besides)
{
    public int Width => Besides ? Inner + Input : Input;

    /// <summary>Writes the row; f(x) may stand where it goes already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(float* x, float* f, float* y)
    {
        if (Besides)
        {
            if (f != y)
                StepPlan.HandOn(f, ref *y, Inner);
            StepPlan.HandOn(x, ref y[Inner], Input);
            return;
        }
        nint i = 0;
        for (; i <= Input - Vector256<float>.Count; i += Vector256<float>.Count)
            (Vector256.Load(x + i) + Vector256.Load(f + i)).Store(y + i);
        for (; i < Input; i++)
            y[i] = x[i] + f[i];
    }
}

/// <summary>Another layer's stage with its input beside it; null where that layer does nothing in inference.</summary>
internal sealed unsafe class ResidualStage(StepStage? inner, ResidualRow row) : StepStage(row.Input, row.Width)
{
    private StepStage? _inner = inner;
    private AlignedBuffer _y = new(AlignedBuffer.Pad(row.Width));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float* Step(float* x)
    {
        row.Write(x, _inner == null ? x : _inner.Step(x), _y.Pointer);
        return _y.Pointer;
    }

    public override bool HasBlocks => _inner is { HasBlocks: true };

    public override void StepBlock(BatchRows x, float* y, nint yStride)
    {
        if (_inner == null)
        {
            base.StepBlock(x, y, yStride);
            return;
        }
        _inner.StepBlock(x, y, yStride);
        for (nint t = 0; t < x.Count; t++, y += yStride)
            row.Write(x.Row(t), y, y);
    }

    public override int StateLength => _inner?.StateLength ?? 0;

    public override void Reset() => _inner?.Reset();

    public override void Read(Span<float> state) => _inner?.Read(state);

    public override void Write(ReadOnlySpan<float> state) => _inner?.Write(state);

    public override void Share(StepStage other) => _inner?.Share(((ResidualStage)other)._inner!);

    protected override void MakeState() => (_inner, _y) = (_inner?.Fork(), new(AlignedBuffer.Pad(Output)));
}
