namespace FastRnn.Training;

/// <summary>
/// One sequence of any length, none included, with a target for each of its steps or one for its end. Inputs are tokens or values, and so
/// are targets. Arrays are not copied.
/// </summary>
public sealed class LabelledSequence
{
    private readonly ReadOnlyMemory<int> _inputs;
    private readonly ReadOnlyMemory<int> _targets;
    private readonly ReadOnlyMemory<float> _inputValues;
    private readonly ReadOnlyMemory<float> _targetValues;

    /// <summary>Tokens with target tokens or classes.</summary>
    /// <param name="inputs">L tokens.</param>
    /// <param name="targets">L targets, or one for the end; negative: not counted.</param>
    /// <exception cref="ArgumentException">Another number of targets.</exception>
    public LabelledSequence(ReadOnlyMemory<int> inputs, ReadOnlyMemory<int> targets)
        : this(inputs.Length, 0, targets.Length, 0) => (_inputs, _targets) = (inputs, targets);

    /// <summary>Tokens with target values.</summary>
    /// <param name="inputs">L tokens.</param>
    /// <param name="targets">L·O values, step by step, or O for the end.</param>
    /// <param name="outputs">O, at least 1.</param>
    /// <exception cref="ArgumentException">Another number of targets.</exception>
    public LabelledSequence(ReadOnlyMemory<int> inputs, ReadOnlyMemory<float> targets, int outputs)
        : this(inputs.Length, 0, StepsOf(targets, outputs), outputs) => (_inputs, _targetValues) = (inputs, targets);

    /// <summary>Values with target classes.</summary>
    /// <param name="inputs">L·F values, step by step.</param>
    /// <param name="features">F, at least 1.</param>
    /// <param name="targets">L targets, or one for the end; negative: not counted.</param>
    /// <exception cref="ArgumentException">Another number of targets, or inputs are no whole number of steps.</exception>
    public LabelledSequence(ReadOnlyMemory<float> inputs, int features, ReadOnlyMemory<int> targets)
        : this(StepsOf(inputs, features), features, targets.Length, 0) => (_inputValues, _targets) = (inputs, targets);

    /// <summary>Values with target values.</summary>
    /// <param name="inputs">L·F values, step by step.</param>
    /// <param name="features">F, at least 1.</param>
    /// <param name="targets">L·O values, step by step, or O for the end.</param>
    /// <param name="outputs">O, at least 1.</param>
    /// <exception cref="ArgumentException">Another number of targets, or inputs are no whole number of steps.</exception>
    public LabelledSequence(ReadOnlyMemory<float> inputs, int features, ReadOnlyMemory<float> targets, int outputs)
        : this(StepsOf(inputs, features), features, StepsOf(targets, outputs), outputs) => (_inputValues, _targetValues) = (inputs, targets);

    private LabelledSequence(int length, int features, int targetSteps, int outputs)
    {
        if (targetSteps != length && targetSteps != 1)
            throw new ArgumentException($"a sequence of {length} steps has {length} targets or one, {targetSteps} given");
        (Length, Features, Outputs, TargetSteps) = (length, features, outputs, targetSteps);
    }

    /// <summary>L.</summary>
    public int Length { get; }

    /// <summary>F, values a step that go in; 0 when tokens do.</summary>
    public int Features { get; }

    /// <summary>O, target values a step; 0 when targets are tokens or classes.</summary>
    public int Outputs { get; }

    /// <summary>Target tokens or classes, L or one; empty when targets are values.</summary>
    public ReadOnlySpan<int> TargetClasses => _targets.Span;

    /// <summary>Steps that have a target: L, or 1 for an answer at the end.</summary>
    internal int TargetSteps { get; }

    /// <summary>Fills sample b of a window of this kind that has no flags for it yet.</summary>
    internal void CopyTo(SequenceChunk chunk, int b, bool padLeft)
    {
        chunk.SetLength(b, Length, padLeft);
        int first = padLeft ? chunk.Steps - Length : 0, firstTarget = Length - TargetSteps;
        for (int t = 0; t < Length; t++)
        {
            int at = ((first + t) * chunk.Batch) + b, target = t - firstTarget;
            if (Features == 0)
                chunk.Inputs[at] = _inputs.Span[t];
            else
                _inputValues.Span.Slice(t * Features, Features).CopyTo(chunk.InputValues[(at * Features)..]);
            if (Outputs == 0)
                chunk.Targets[at] = target < 0 ? -1 : _targets.Span[target];
            else if (target >= 0)
                _targetValues.Span.Slice(target * Outputs, Outputs).CopyTo(chunk.TargetValues[(at * Outputs)..]);
        }
    }

    private static int StepsOf(ReadOnlyMemory<float> values, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        return values.Length % width == 0
            ? values.Length / width
            : throw new ArgumentException($"{values.Length} values are no whole number of steps of {width}", nameof(values));
    }
}
