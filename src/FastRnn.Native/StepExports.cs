using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRnn.Inference;

namespace FastRnn.Native;

/// <summary>
/// The C# halves of what computes. Lengths, tokens and streams are looked at before the session is asked, so that a mistake of the caller's throws
/// nothing: exceptions allocate.
/// </summary>
internal static unsafe class StepExports
{
    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Step(ulong handle, float* x, nuint xLength, float* y, nuint yLength)
    {
        NativeSession? session = SessionExports.Enter(handle, out Status status);
        if (session == null)
            return status;
        try
        {
            Session s = session.Session;
            if (x == null || y == null)
                return NoPointer();
            return xLength <= int.MaxValue && yLength <= int.MaxValue && s.TryStep(new ReadOnlySpan<float>(x, (int)xLength), new(y, (int)yLength))
                ? Status.Ok
                : StepOtherwise(s, x, xLength, y, yLength);
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
        finally
        {
            session.Leave();
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step_token", CallConvs = [typeof(CallConvCdecl)])]
    public static Status StepToken(ulong handle, int token, float* y, nuint yLength)
    {
        NativeSession? session = SessionExports.Enter(handle, out Status status);
        if (session == null)
            return status;
        try
        {
            Session s = session.Session;
            if (y == null)
                return NoPointer();
            return yLength <= int.MaxValue && s.TryStep(token, new(y, (int)yLength)) ? Status.Ok : StepOtherwise(s, token, y, yLength);
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
        finally
        {
            session.Leave();
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_process", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Process(ulong handle, float* x, nuint xLength, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.Block, null, 0, x, null, xLength, y, yLength));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_process_tokens", CallConvs = [typeof(CallConvCdecl)])]
    public static Status ProcessTokens(ulong handle, int* tokens, nuint count, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.Block, null, 0, null, tokens, count, y, yLength));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step_batch", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Batch(ulong handle, float* x, nuint xLength, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.All, null, 0, x, null, xLength, y, yLength));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step_batch_tokens", CallConvs = [typeof(CallConvCdecl)])]
    public static Status BatchTokens(ulong handle, int* tokens, nuint count, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.All, null, 0, null, tokens, count, y, yLength));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step_streams", CallConvs = [typeof(CallConvCdecl)])]
    public static Status Streams(ulong handle, int* streams, nuint count, float* x, nuint xLength, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.Some, streams, count, x, null, xLength, y, yLength));

    [UnmanagedCallersOnly(EntryPoint = "managed_fastrnn_step_streams_tokens", CallConvs = [typeof(CallConvCdecl)])]
    public static Status StreamTokens(ulong handle, int* streams, nuint count, int* tokens, float* y, nuint yLength) =>
        Run(handle, new Rows(Work.Some, streams, count, null, tokens, count, y, yLength));

    private static Status Run(ulong handle, in Rows rows)
    {
        NativeSession? session = SessionExports.Enter(handle, out Status status);
        if (session == null)
            return status;
        try
        {
            Session s = session.Session;
            status = rows.Check(s);
            if (status == Status.Ok)
                rows.Run(s);
            return status;
        }
        catch (Exception e)
        {
            return LastError.Fail(e, touchesCaller: true);
        }
        finally
        {
            session.Leave();
        }
    }

    /// <summary>What is not the fast step: other steps, and refusals. Apart, as what they have on the stack would be cleared at every step.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status StepOtherwise(Session s, float* x, nuint xLength, float* y, nuint yLength)
    {
        if (xLength != (nuint)s.InputSize || yLength != (nuint)s.OutputSize || s.TakesTokens || s.Streams != 1)
            return Refuse(s, tokens: false, several: s.Streams != 1);
        s.Step(new ReadOnlySpan<float>(x, (int)xLength), new Span<float>(y, (int)yLength));
        return Status.Ok;
    }

    /// <inheritdoc cref="StepOtherwise(Session, float*, nuint, float*, nuint)"/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status StepOtherwise(Session s, int token, float* y, nuint yLength)
    {
        if (yLength != (nuint)s.OutputSize || !s.TakesTokens || s.Streams != 1)
            return Refuse(s, tokens: true, several: s.Streams != 1);
        if ((uint)token >= (uint)s.InputSize)
            return NoSuchToken();
        s.Step(token, new Span<float>(y, (int)yLength));
        return Status.Ok;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status NoSuchToken() => LastError.Fail(Status.Argument, "a token is not one of the model's input_size tokens"u8);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status NoPointer() => LastError.Fail(Status.Argument, "the input, the output or the list of streams is a null pointer"u8);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status NoSuchLength() => LastError.Fail(Status.Argument, "a length of the input or output does not fit the model"u8);

    /// <summary>Says why a call that reads tokens, or values, does not fit the session: lengths where nothing else applies.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Status Refuse(Session s, bool tokens, bool several)
    {
        if (s.TakesTokens != tokens)
            return s.TakesTokens
                ? LastError.Fail(Status.Unsupported, "this model reads tokens, not values"u8)
                : LastError.Fail(Status.Unsupported, "this model reads values, not tokens"u8);
        return several
            ? LastError.Fail(Status.Unsupported, "the session has several streams: step_batch and step_streams are for those"u8)
            : NoSuchLength();
    }

    private enum Work
    {
        Block,
        All,
        Some,
    }

    /// <summary>Inputs and outputs of a call on several steps or streams.</summary>
    private readonly struct Rows(Work work, int* streams, nuint count, float* values, int* tokens, nuint xLength, float* y, nuint yLength)
    {
        public Status Check(Session s)
        {
            bool empty = xLength == 0 && yLength == 0 && count == 0;
            if (!empty && (y == null || (values == null && tokens == null) || (work == Work.Some && streams == null)))
                return NoPointer();
            if (!empty && s.TakesTokens == (tokens == null))
                return Refuse(s, tokens != null, several: false);
            nuint step = (nuint)(s.TakesTokens ? 1 : s.InputSize);
            if (xLength > int.MaxValue || yLength > int.MaxValue || count > (nuint)s.Streams || xLength % step != 0)
                return NoSuchLength();
            nuint rows = xLength / step;
            bool fits = work switch
            {
                Work.Block => rows % (nuint)s.Streams == 0,
                Work.All => rows == (nuint)s.Streams,
                _ => rows == count,
            };
            if (!fits || (ulong)rows * (ulong)s.OutputSize != yLength)
                return NoSuchLength();
            return tokens == null && Overlap(s)
                ? LastError.Fail(Status.Argument, "the output overlaps the input: expected other memory, or the same where both sizes are equal"u8)
                : CheckNumbers(s);
        }

        public void Run(Session s)
        {
            if (xLength == 0)
                return;
            var ys = new Span<float>(y, (int)yLength);
            var xs = new ReadOnlySpan<float>(values, tokens == null ? (int)xLength : 0);
            var ids = new ReadOnlySpan<int>(tokens, tokens == null ? 0 : (int)xLength);
            var some = new ReadOnlySpan<int>(streams, (int)count);
            switch (work, tokens == null)
            {
                case (Work.Block, true):
                    s.Process(xs, ys);
                    break;
                case (Work.Block, false):
                    s.Process(ids, ys);
                    break;
                case (Work.All, true):
                    s.StepBatch(xs, ys);
                    break;
                case (Work.All, false):
                    s.StepBatch(ids, ys);
                    break;
                case (_, true):
                    s.StepBatch(some, xs, ys);
                    break;
                default:
                    s.StepBatch(some, ids, ys);
                    break;
            }
        }

        private bool Overlap(Session s)
        {
            nuint from = (nuint)values, to = (nuint)y;
            return from < to + (sizeof(float) * yLength) && to < from + (sizeof(float) * xLength) && (from != to || s.InputSize != s.OutputSize);
        }

        private Status CheckNumbers(Session s)
        {
            for (nuint i = 0; tokens != null && i < xLength; i++)
            {
                if ((uint)tokens[i] >= (uint)s.InputSize)
                    return NoSuchToken();
            }
            for (nuint i = 0; i < count; i++)
            {
                if ((uint)streams[i] >= (uint)s.Streams)
                    return LastError.Fail(Status.Argument, "a stream is not one of the session's"u8);
            }
            return work == Work.Some && s.Repeated(new ReadOnlySpan<int>(streams, (int)count)) >= 0
                ? LastError.Fail(Status.Argument, "a stream stands twice"u8)
                : Status.Ok;
        }
    }
}
