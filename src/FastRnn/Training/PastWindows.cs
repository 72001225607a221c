using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// What the gradient goes back through behind the running window: inputs, states and activations of the last steps, as they were computed
/// with the weights of their time, of all layers up to the last that carries a state – the layers above it get nothing from later windows.
/// A backward pass overwrites activations, so past windows are kept aside, and the steps it goes through are put together in one long window.
/// </summary>
internal sealed class PastWindows(Sequential model, int layers, int limit, int batch)
{
    private readonly List<Past> _past = []; // oldest first
    private readonly Stack<LongWindow> _free = [];
    private readonly Dictionary<int, LongWindow> _lengths = [];
    private LongWindow? _longest;
    private Past? _newest;
    private int _steps, _capacity;

    /// <summary>Steps that the gradient goes back through at most.</summary>
    public int Limit => limit;

    public int Batch => batch;

    /// <summary>Steps that are kept.</summary>
    public int Steps => _steps;

    /// <summary>The last of the layers whose windows are kept.</summary>
    public int LastLayer => layers - 1;

    /// <summary>Makes what windows of such shapes come to hold at most, and notes the scratch of long ones. Called where blocks are only counted.</summary>
    public void Plan(ScratchPlan scratch, WindowShape[] shapes, bool stepNorms)
    {
        int shortest = Math.Min(shapes.Min(shape => shape.Steps), limit - 1), longest = Math.Min(shapes.Max(shape => shape.Steps), limit - 1);
        var pass = new PlannedPass(true, shapes.Any(shape => shape.Masked), false, stepNorms);
        if (shapes.Any(shape => shape.Steps < limit))
            model.Plan(scratch, Window(limit).Workspace, pass);
        int windows = shortest == 0 ? 0 : ((limit - 2) / shortest) + 2; // one is on its way while the oldest is still within reach
        for (int i = 0; i < windows; i++)
            model.Plan(new ScratchPlan(), Free(longest).Workspace, pass); // nothing runs in these
    }

    /// <summary>The streams end: nothing goes back beyond this point.</summary>
    public void Clear()
    {
        ForgetOld();
        Release(ref _newest);
    }

    /// <summary>The window that was run forward last, behind as many steps of those before it as there are within the limit.</summary>
    public LongWindow Join(SequentialWorkspace workspace, SequenceChunk chunk, in LayerInput input)
    {
        int earlier = Math.Min(limit - chunk.Steps, _steps);
        LongWindow window = Window(earlier + chunk.Steps);
        window.Inputs.Begin(chunk.Flags != null || _past.Exists(past => past.Window.Inputs.Flags != null));
        int skip = _steps - earlier, at = 0;
        foreach (Past past in _past)
        {
            int count = past.Steps - skip;
            if (count > 0)
            {
                window.Append(model.Backend, past.Window.Workspace, past.Window.Inputs.Input, new StepRange(past.Window.Inputs.Flags, skip, window.Inputs.Flags, at, count));
                at += count;
            }
            skip = Math.Max(0, -count);
        }
        window.Append(model.Backend, workspace, input, new StepRange(chunk.Flags, 0, window.Inputs.Flags, at, chunk.Steps));
        DeviceBuffer gradient = window.Workspace.OutputGradient;
        model.Backend.Zero(gradient);
        model.Backend.CopyRows(workspace.Layers[LastLayer].OutputGradient!, 0, gradient, at * batch, chunk.Steps * batch);
        return window;
    }

    /// <summary>Before a window: lets go of what neither it nor a later one can reach, and of a window whose step has failed.</summary>
    public void Begin()
    {
        Release(ref _newest);
        while (_past.Count > 0 && _steps - _past[0].Steps >= limit - 1) // a window has a step at least
        {
            _steps -= _past[0].Steps;
            _free.Push(_past[0].Window);
            _past.RemoveAt(0);
        }
    }

    /// <summary>Takes a copy of a window that has been run forward and not yet backward. It counts when its step is made.</summary>
    public void Keep(SequentialWorkspace workspace, SequenceChunk chunk, in LayerInput input)
    {
        int count = Math.Min(chunk.Steps, limit - 1);
        if (count == 0)
            return;
        LongWindow window = Free(count);
        window.Inputs.Begin(chunk.Flags != null);
        window.Append(model.Backend, workspace, input, new StepRange(chunk.Flags, chunk.Steps - count, window.Inputs.Flags, 0, count));
        _newest = new Past(window, count);
    }

    /// <summary>The step is made: what was kept lies behind the next window, and all before it too unless streams started with it.</summary>
    public void Commit(bool starts)
    {
        if (starts)
            ForgetOld();
        if (_newest is not { } made)
            return;
        _past.Add(made);
        _steps += made.Steps;
        _newest = null;
    }

    private void ForgetOld()
    {
        foreach (Past past in _past)
            _free.Push(past.Window);
        _past.Clear();
        _steps = 0;
    }

    private void Release(ref Past? past)
    {
        if (past is { } released)
            _free.Push(released.Window);
        past = null;
    }

    /// <summary>A window that is free and long enough, or a new one, as long as any so far: a short one would soon be of no use.</summary>
    private LongWindow Free(int steps)
    {
        _capacity = Math.Max(_capacity, steps);
        while (_free.TryPop(out LongWindow? window))
        {
            if (window.Workspace.Steps >= steps)
                return window;
        }
        return new LongWindow(Create(_capacity), new WindowInputs(model, _capacity, batch));
    }

    private LongWindow Window(int steps)
    {
        _longest ??= new LongWindow(Create(limit), new WindowInputs(model, limit, batch));
        if (steps == limit)
            return _longest;
        if (!_lengths.TryGetValue(steps, out LongWindow? window))
        {
            SequentialWorkspace workspace = _longest.Workspace.Shorter(model.Backend, steps) ?? Create(steps);
            _lengths.Add(steps, window = new LongWindow(workspace, _longest.Inputs.Shorter(model.Backend, steps)));
        }
        return window;
    }

    private SequentialWorkspace Create(int steps) => model.CreateWorkspace(steps, batch, Backends.Keep.Everything, layers);

    /// <summary>A window's first steps, as many as are in use.</summary>
    private readonly record struct Past(LongWindow Window, int Steps);
}

/// <summary>Steps of other windows, one behind the other.</summary>
internal sealed record LongWindow(SequentialWorkspace Workspace, WindowInputs Inputs)
{
    public void Append(Backend backend, SequentialWorkspace workspace, in LayerInput input, in StepRange range)
    {
        Inputs.Append(backend, input, range);
        Workspace.CopySteps(backend, workspace, range);
    }
}

/// <summary>What the first layer has read, and the flags: the caller's window is filled anew for its next turn.</summary>
internal sealed class WindowInputs
{
    private readonly int[] _tokens;
    private readonly DeviceBuffer? _values;
    private readonly int _steps, _batch;
    private StepFlags? _flags;
    private bool _flagged;

    public WindowInputs(Sequential model, int steps, int batch)
        : this(
            steps, batch, model.TakesTokens ? new int[steps * batch] : [],
            model.TakesTokens ? null : model.Backend.Allocate(steps * batch, model.InputSize))
    {
    }

    private WindowInputs(int steps, int batch, int[] tokens, DeviceBuffer? values) =>
        (_steps, _batch, _tokens, _values) = (steps, batch, tokens, values);

    public StepFlags? Flags => _flagged ? _flags : null;

    public LayerInput Input => _values == null ? new LayerInput(_tokens.AsMemory(0, _steps * _batch)) : new LayerInput(_values);

    public WindowInputs Shorter(Backend backend, int steps) =>
        new(steps, _batch, _tokens, _values == null ? null : backend.View(_values, 0, steps * _batch));

    /// <summary>Before new steps are appended.</summary>
    public void Begin(bool flagged)
    {
        _flagged = flagged;
        if (!flagged)
            return;
        _flags ??= new StepFlags(_steps, _batch);
        _flags.Active.Fill(1);
        _flags.Reset.Clear();
    }

    public void Append(Backend backend, in LayerInput source, in StepRange range)
    {
        int first = range.SourceStep * _batch, to = range.Step * _batch, rows = range.Count * _batch;
        if (_values == null)
            source.Tokens.Span.Slice(first, rows).CopyTo(_tokens.AsSpan(to));
        else
            backend.CopyRows(source.Values, first, _values, to, rows);
        if (range.SourceFlags == null || !_flagged)
            return;
        range.SourceFlags.Active.Slice(first, rows).CopyTo(_flags!.Active[to..]);
        range.SourceFlags.Reset.Slice(first, rows).CopyTo(_flags.Reset[to..]);
    }
}
