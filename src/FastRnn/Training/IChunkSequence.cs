namespace FastRnn.Training;

/// <summary>
/// The windows of a pass over data, by number: a run that was stopped in the middle of a pass goes on from there. A window is valid until
/// the next one is asked for.
/// </summary>
public interface IChunkSequence : IEnumerable<SequenceChunk>
{
    /// <summary>Windows in the pass.</summary>
    int Count { get; }

    /// <summary>Number of the pass, from 0: it decides what is drawn by chance. Set it before a pass; <see cref="Count"/> may change.</summary>
    int Epoch { get; set; }

    /// <summary>Window <paramref name="index"/> of the pass, in a buffer that the next call may reuse.</summary>
    SequenceChunk this[int index] { get; }
}
