using FastRnn.Memory;

namespace FastRnn.Backends;

/// <summary>Another layer's stage with its input beside it; null where that layer does nothing in inference.</summary>
internal sealed unsafe class ResidualBatchStage(BatchStage? inner, ResidualRow row) : BatchStage(row.Input, row.Width)
{
    private BatchStage? _inner = inner;
    private AlignedBuffer _y = new(0);

    public override int StateLength => _inner?.StateLength ?? 0;

    public override BatchRows Step(BatchRows x, int* streams)
    {
        BatchRows f = _inner?.Step(x, streams) ?? x;
        var y = new BatchRows(_y.Pointer, AlignedBuffer.Pad(Output), x.Count);
        for (nint i = 0; i < x.Count; i++)
            row.Write(x.Row(i), f.Row(i), y.Row(i));
        return y;
    }

    public override void Read(int stream, Span<float> state) => _inner?.Read(stream, state);

    public override void Write(int stream, ReadOnlySpan<float> state) => _inner?.Write(stream, state);

    public override void Share(BatchStage other) => _inner?.Share(((ResidualBatchStage)other)._inner!);

    protected override void MakeState(int streams) => (_inner, _y) = (_inner?.Fork(streams), new((nint)streams * AlignedBuffer.Pad(Output)));
}
