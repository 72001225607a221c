using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>
/// Steps whose features all equal a value do not count, as in Keras: they go on as zeros, every recurrent layer behind keeps its state there and repeats
/// its last output – zeros before the first step that counts –, and a layer that reads backwards passes them over; all outputs of a
/// <see cref="Bidirectional"/> are zero there, and one answer for each sample stands at its last step that counts and all behind it. Maps [T, B, size] to
/// [T, B, size].
/// </summary>
/// <remarks>
/// For inference, in windows and sessions: a <c>Trainer</c> refuses a model with such a layer, whose lengths it would have to find in the data; say there which steps
/// count with <c>SequenceChunk.SetLength</c> or <c>SetInactive</c>. Steps of a session run as windows of one step.
/// </remarks>
/// <param name="size">Features of a step, at least 1.</param>
/// <param name="value">What all of them equal, usually 0.</param>
public sealed class Masking(int size, float value = 0) : Layer
{
    /// <summary>Features of a step.</summary>
    public int Size { get; } = Check.AtLeastOne(size);

    /// <summary>What all features of a step that does not count equal.</summary>
    public float Value { get; } = float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "must be finite");

    internal override int InputSize => Size;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"Masking({Size}, {Value})");

    internal override int OutputSize(int inputSize) => inputSize;

    /// <exception cref="NotSupportedException">The window is one to train on.</exception>
    internal override Workspace CreateWorkspace(int inputSize, int steps, int batch, Keep keep)
    {
        if (keep != Keep.Nothing)
            throw CannotTrain();
        return new MaskingWorkspace(steps, batch, Size) { Output = Backend.Allocate(steps * batch, Size) };
    }

    internal override void Forward(Workspace workspace, in LayerInput input, in PassContext pass)
    {
        var ws = (MaskingWorkspace)workspace;
        Backend.Read(input.Values, ws.Values);
        ws.Flags.Reset.Clear();
        pass.Flags?.Reset.CopyTo(ws.Flags.Reset);
        for (int row = 0; row < ws.Rows.Length; row++)
        {
            bool counts = (pass.Flags == null || pass.Flags.Active[row] != 0) && ws.Values.AsSpan(row * Size, Size).ContainsAnyExcept(Value);
            ws.Flags.Active[row] = counts ? (byte)1 : (byte)0;
            ws.Rows[row] = counts ? row : -1;
        }
        Backend.GatherRows(input.Values, ws.Rows, ws.Output, RowGather.Whole(GatherMode.Write, Size));
    }

    /// <summary>The pass of the layers behind, which this window's flags are part of.</summary>
    internal override PassContext Onward(Workspace workspace, in PassContext pass) =>
        pass with { Flags = ((MaskingWorkspace)workspace).Flags, RepeatsOutputs = true };

    internal override void Backward(
        Workspace workspace, in LayerInput input, DeviceBuffer outputGradient, DeviceBuffer? inputGradient, in PassContext pass) => throw CannotTrain();

    /// <summary>What a trainer says.</summary>
    internal NotSupportedException CannotTrain() =>
        new($"{this} finds the steps that count in the data, which is for inference; in training say which they are: SequenceChunk.SetLength, SetInactive");

    private protected override Parameter[] CreateParameters(int inputSize) => [];

    private protected override void Initialize(Parameter parameter, PhiloxStream random) =>
        throw new InvalidOperationException("a mask has no parameters");
}

/// <summary>One window, and which of its steps count.</summary>
internal sealed class MaskingWorkspace(int steps, int batch, int size) : Workspace(steps, batch, Keep.Nothing)
{
    public float[] Values { get; } = new float[steps * batch * size];

    /// <summary>For every row itself, or −1 where it does not count.</summary>
    public int[] Rows { get; } = new int[steps * batch];

    public StepFlags Flags { get; } = new(steps, batch);
}
