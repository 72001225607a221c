namespace FastRnn.Backends;

/// <summary>
/// One layer's step for one sample, at its lowest latency: it owns the state and the weights packed as its kernel wants them, and nothing is set up
/// or looked up between the call and the arithmetic. The bits are those of the layer's pass over a whole sequence. What keeps a stage alive
/// keeps its memory; whoever calls <see cref="Step"/> keeps the stage alive across the call. Packed weights are never written again, so that stages of
/// many sessions share them.
/// </summary>
internal abstract unsafe class StepStage(int input, int output)
{
    /// <summary>Width of the input.</summary>
    public int Input => input;

    /// <summary>Width of the output.</summary>
    public int Output => output;

    /// <summary>
    /// One step.
    /// </summary>
    /// <param name="x">[<see cref="Input"/>], of any alignment, with nothing readable behind it; for an embedding the token.</param>
    /// <returns>[<see cref="Output"/>], 64-byte aligned and readable up to a multiple of 16; the stage's own until the next step.</returns>
    public abstract float* Step(float* x);

    /// <summary>Whether several steps at once are less work than one after the other.</summary>
    public virtual bool HasBlocks => false;

    /// <summary>Steps for rows that are there at once, at most <see cref="StepPlan.BlockSteps"/>.</summary>
    /// <param name="x">[steps, <see cref="Input"/>]; for an embedding tokens.</param>
    /// <param name="y">[steps, <see cref="Output"/>], written up to a multiple of 16.</param>
    /// <param name="yStride">Floats from one row of it to the next.</param>
    public virtual void StepBlock(BatchRows x, float* y, nint yStride)
    {
        int padded = Memory.AlignedBuffer.Pad(Output);
        for (nint t = 0; t < x.Count; t++, y += yStride)
            new ReadOnlySpan<float>(Step(x.Row(t)), padded).CopyTo(new Span<float>(y, padded));
    }

    /// <summary>Floats of <see cref="Read"/> and <see cref="Write"/>.</summary>
    public virtual int StateLength => 0;

    /// <summary>Back to the zero state.</summary>
    public virtual void Reset()
    {
    }

    /// <summary>Copies the state, h and then c where the layer has it.</summary>
    public virtual void Read(Span<float> state)
    {
    }

    /// <summary>Takes over such a state.</summary>
    public virtual void Write(ReadOnlySpan<float> state)
    {
    }

    /// <summary>A stage with the same weights and a zero state of its own.</summary>
    public StepStage Fork()
    {
        var fork = (StepStage)MemberwiseClone();
        fork.MakeState();
        return fork;
    }

    /// <summary>Goes on with the weights of another stage, of the same layer of the same model.</summary>
    public abstract void Share(StepStage other);

    /// <summary>Memory that is not the weights.</summary>
    protected abstract void MakeState();

    /// <summary>Takes over a state of one sample, h [1, P] and c [1, H] where the layer has them.</summary>
    public virtual void SetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
    }

    /// <summary>Hands out the state; see <see cref="SetState"/>.</summary>
    public virtual void GetState(DeviceBuffer hidden, DeviceBuffer? cell)
    {
    }

    /// <summary>Copies the row of a buffer, if there is one, to where a stage keeps it.</summary>
    protected void Take(DeviceBuffer? row, float* to)
    {
        if (row is not CpuBuffer buffer)
            return;
        buffer.Row(0).CopyTo(new Span<float>(to, Output));
        GC.KeepAlive(buffer);
        GC.KeepAlive(this);
    }

    /// <summary>Copies what a stage keeps to the row of a buffer, if there is one.</summary>
    protected void Hand(float* from, DeviceBuffer? row)
    {
        if (row is not CpuBuffer buffer)
            return;
        new ReadOnlySpan<float>(from, Output).CopyTo(buffer.Row(0));
        buffer.Written();
        GC.KeepAlive(this);
    }

    /// <summary>Copies numbers that a stage keeps.</summary>
    protected void Hand(float* from, Span<float> to)
    {
        new ReadOnlySpan<float>(from, to.Length).CopyTo(to);
        GC.KeepAlive(this);
    }

    /// <summary>Copies numbers to where a stage keeps them.</summary>
    protected void Take(ReadOnlySpan<float> from, float* to)
    {
        from.CopyTo(new Span<float>(to, from.Length));
        GC.KeepAlive(this);
    }
}
