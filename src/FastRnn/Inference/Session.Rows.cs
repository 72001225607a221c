namespace FastRnn.Inference;

/// <summary>Calls on several steps, and on several streams.</summary>
public sealed partial class Session
{
    /// <summary>
    /// T steps of every stream: the bits of T calls of <c>Step</c>, in less time, as the weights stay in the cache. One set of weights serves the whole block.
    /// </summary>
    /// <param name="xs">[T, streams, input width], time-major; T, which may be 0, is its length divided by the other two.</param>
    /// <param name="ys">[T, streams, output width], written; may not overlap xs unless it is the same memory and the widths are equal.</param>
    /// <exception cref="ArgumentException">A length is no multiple, or differs, or the model reads tokens.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Process(ReadOnlySpan<float> xs, Span<float> ys)
    {
        RefuseValues(nameof(xs));
        int steps = StepsOf(xs.Length, (long)Streams * _inputSize, nameof(xs));
        CheckLength(ys.Length, (long)steps * Streams * _outputSize, nameof(ys));
        if (xs.Overlaps(ys, out int offset) && (offset != 0 || _inputSize != _outputSize))
            throw new ArgumentException($"ys overlaps xs, {offset} values apart: expected other memory, or the same where widths are equal", nameof(ys));
        ProcessBlock(new SessionInput(xs), steps, ys);
    }

    /// <summary>T steps of every stream of a model that reads tokens; see <see cref="Process(ReadOnlySpan{float}, Span{float})"/>.</summary>
    /// <param name="tokens">[T, streams], time-major, each in [0, vocabulary).</param>
    /// <param name="ys">[T, streams, output width], written.</param>
    /// <exception cref="ArgumentException">A length is no multiple, or differs, or the model reads values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary; nothing has happened then.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void Process(ReadOnlySpan<int> tokens, Span<float> ys)
    {
        RefuseTokens(nameof(tokens));
        CheckTokens(tokens);
        ProcessBlock(new SessionInput(tokens), StepsOf(tokens.Length, Streams, nameof(tokens)), ys);
    }

    /// <summary>
    /// One step of all streams, which arrive together: the bits of each alone, in less time than as many single steps, as they share the pass over the weights.
    /// </summary>
    /// <param name="xs">[streams, input width]</param>
    /// <param name="ys">[streams, output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads tokens.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void StepBatch(ReadOnlySpan<float> xs, Span<float> ys)
    {
        RefuseValues(nameof(xs));
        StepRows(new SessionInput(xs), xs.Length, Streams, _inputSize, default, ys);
    }

    /// <summary>One step of all streams of a model that reads tokens.</summary>
    /// <param name="tokens">[streams], each in [0, vocabulary).</param>
    /// <param name="ys">[streams, output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, or the model reads values.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary; nothing has happened then.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void StepBatch(ReadOnlySpan<int> tokens, Span<float> ys)
    {
        RefuseTokens(nameof(tokens));
        CheckTokens(tokens);
        StepRows(new SessionInput(tokens), tokens.Length, Streams, 1, default, ys);
    }

    /// <summary>One step of some streams, those whose input is there; the others stay where they are.</summary>
    /// <param name="streams">[N], each in [0, streams of the session), in any order, none twice; none at all do nothing.</param>
    /// <param name="xs">[N, input width], in that order.</param>
    /// <param name="ys">[N, output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, a stream stands twice, or the model reads tokens; nothing has happened then.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream; nothing has happened then.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void StepBatch(ReadOnlySpan<int> streams, ReadOnlySpan<float> xs, Span<float> ys)
    {
        RefuseValues(nameof(xs));
        StepRows(new SessionInput(xs), xs.Length, streams.Length, _inputSize, streams, ys, some: true);
    }

    /// <summary>One step of some streams of a model that reads tokens.</summary>
    /// <param name="streams">[N], each in [0, streams of the session), in any order, none twice; none at all do nothing.</param>
    /// <param name="tokens">[N], in that order, each in [0, vocabulary).</param>
    /// <param name="ys">[N, output width], written.</param>
    /// <exception cref="ArgumentException">A length differs, a stream stands twice, or the model reads values; nothing has happened then.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stream or token; nothing has happened then.</exception>
    /// <exception cref="InvalidOperationException">(Where that is looked for) another thread is in the session.</exception>
    /// <exception cref="ObjectDisposedException">The session has been disposed of.</exception>
    public void StepBatch(ReadOnlySpan<int> streams, ReadOnlySpan<int> tokens, Span<float> ys)
    {
        RefuseTokens(nameof(tokens));
        CheckTokens(tokens);
        StepRows(new SessionInput(tokens), tokens.Length, streams.Length, 1, streams, ys, some: true);
    }

    private void StepRows(SessionInput input, int given, int rows, int width, ReadOnlySpan<int> streams, Span<float> ys, bool some = false)
    {
        CheckLength(given, (long)rows * width, input.Tokens.IsEmpty ? "xs" : "tokens");
        CheckLength(ys.Length, (long)rows * _outputSize, nameof(ys));
        Enter();
        try
        {
            if (some)
                CheckStreams(streams);
            if (rows == 0)
                return;
            if (_clock.Ticks != _ticks)
                TakeWeights();
            _engine.Step(input, streams, ys);
        }
        finally
        {
            Leave();
        }
    }

    private void ProcessBlock(SessionInput input, int steps, Span<float> ys)
    {
        CheckLength(ys.Length, (long)steps * Streams * _outputSize, nameof(ys));
        Enter();
        try
        {
            if (steps == 0)
                return;
            if (_clock.Ticks != _ticks)
                TakeWeights();
            _engine.Process(input, steps, ys);
        }
        finally
        {
            Leave();
        }
    }
}
