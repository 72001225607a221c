namespace FastRnn.Backends;

/// <summary>Rows of a batch: so many, <see cref="Stride"/> floats apart.</summary>
internal readonly unsafe struct BatchRows(float* first, nint stride, nint count)
{
    public float* First => first;

    public nint Stride => stride;

    public nint Count => count;

    public float* Row(nint row) => first + (row * stride);
}

/// <summary>
/// One layer's step for rows of independent streams that come together: it owns the states of all streams and reads weights that are never written again,
/// so that stages of many sessions share them. The bits are those of each stream alone.
/// </summary>
internal abstract unsafe class BatchStage(int input, int output)
{
    /// <summary>Width of the input.</summary>
    public int Input => input;

    /// <summary>Width of the output.</summary>
    public int Output => output;

    /// <summary>Floats of a stream's state.</summary>
    public virtual int StateLength => 0;

    /// <summary>One step of some rows.</summary>
    /// <param name="x">[rows, <see cref="Input"/>], with nothing readable behind a row; for an embedding tokens.</param>
    /// <param name="streams">Which stream each row is of; null: row r is of stream r, and all are there.</param>
    /// <returns>[rows, <see cref="Output"/>], rows 64-byte aligned and zero up to a multiple of 16; the stage's own until the next step.</returns>
    public abstract BatchRows Step(BatchRows x, int* streams);

    /// <summary>A stream's state, h and then c where the layer has it.</summary>
    public virtual void Read(int stream, Span<float> state)
    {
    }

    /// <summary>Takes over such a state.</summary>
    public virtual void Write(int stream, ReadOnlySpan<float> state)
    {
    }

    /// <summary>A stage with the same weights and zero states of its own for so many streams.</summary>
    public BatchStage Fork(int streams)
    {
        var fork = (BatchStage)MemberwiseClone();
        fork.MakeState(streams);
        return fork;
    }

    /// <summary>Goes on with the weights of another stage, of the same layer of the same model.</summary>
    public abstract void Share(BatchStage other);

    /// <summary>Memory that is not the weights.</summary>
    protected abstract void MakeState(int streams);
}
