using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Training;

namespace FastRnn.Suites;

/// <summary>Work on whole windows, on any back end.</summary>
internal abstract class WindowWork(Backend backend) : Work
{
    private readonly float[] _value = new float[1];
    private DeviceBuffer? _seen;

    /// <summary>Where it computes; this work's to dispose.</summary>
    protected Backend Backend { get; } = backend;

    /// <summary>What the units so far came to.</summary>
    public abstract float[] Results();

    /// <summary>Until a device has done all that it was given: it does one thing after the other, and this is read last.</summary>
    public void Wait() => Backend.Read(_seen ??= Backend.Allocate(1, 1), _value);

    public override void Dispose()
    {
        Backend.Dispose();
        base.Dispose();
    }

    protected float[] Read(DeviceBuffer buffer)
    {
        var values = new float[buffer.Length];
        Backend.Read(buffer, values);
        return values;
    }
}

/// <summary>A forward pass over a batch of sequences, or forward and backward with the gradients of all weights and of the input.</summary>
internal sealed class SequenceWork : WindowWork
{
    private readonly Sequential _model;
    private readonly SequentialWorkspace _workspace;
    private readonly LayerInput _input;
    private readonly DeviceBuffer? _inputGradient;
    private readonly PassContext _pass;

    public SequenceWork(IsaLevel isa, int threads, WorkShape shape, bool training, StepFlags? flags = null)
        : this(new CpuBackend(threads, isa), shape, training, flags)
    {
    }

    public SequenceWork(Backend backend, WorkShape shape, bool training, StepFlags? flags = null)
        : base(backend)
    {
        _model = Models.Create(backend, shape);
        int rows = shape.Steps * shape.Batch;
        _workspace = _model.CreateWorkspace(shape.Steps, shape.Batch, training ? Keep.Everything : Keep.Nothing);
        _input = new LayerInput(Models.Buffer(backend, rows, shape.Input));
        _pass = new PassContext(flags, training, 1, 0, false);
        if (!training)
            return;
        _inputGradient = backend.Allocate(rows, shape.Input);
        backend.Write(_workspace.OutputGradient, Models.Values(rows * shape.Hidden, seed: 2));
    }

    public override void Run(int units)
    {
        for (int i = 0; i < units; i++)
        {
            _model.Forward(_workspace, _input, null, _pass);
            if (_inputGradient != null)
                _model.Backward(_workspace, _input, _inputGradient, _pass);
        }
    }

    /// <summary>Outputs, and the gradient of the input.</summary>
    public override float[] Results() => [.. Read(_workspace.Layers[^1].Output), .. _inputGradient == null ? [] : Read(_inputGradient)];

    public override void Dispose()
    {
        _model.Dispose();
        base.Dispose();
    }

    /// <summary>Lengths spread evenly over 1…T and not in order: half of all positions are padding.</summary>
    public static StepFlags SpreadLengths(int steps, int batch)
    {
        var flags = new StepFlags(steps, batch);
        for (int i = 0; i < steps * batch; i++)
        {
            int t = i / batch, sample = i % batch * 13 % batch;
            flags.Active[i] = (byte)(t < 1 + (sample * (steps - 1) / Math.Max(1, batch - 1)) ? 1 : 0);
        }
        return flags;
    }
}

/// <summary>Whole training steps: forward, mean squared error of all outputs, backward, clipping by the global norm 5, Adam.</summary>
internal sealed class TrainerWork : WindowWork
{
    private readonly Sequential _model;
    private readonly Trainer _trainer;
    private readonly SequenceChunk _chunk;

    public TrainerWork(IsaLevel isa, int threads, WorkShape shape)
        : this(new CpuBackend(threads, isa), shape)
    {
    }

    public TrainerWork(Backend backend, WorkShape shape)
        : base(backend)
    {
        _model = Models.Create(backend, shape);
        _trainer = new Trainer(_model, new MeanSquaredError(), new Adam(1e-3f)) { ClipNorm = 5, CarryState = false };
        _chunk = new SequenceChunk(shape.Steps, shape.Batch, shape.Input, shape.Hidden);
        Models.Values(_chunk.InputValues.Length).CopyTo(_chunk.InputValues);
        Models.Values(_chunk.TargetValues.Length, seed: 2).CopyTo(_chunk.TargetValues);
    }

    public override void Run(int units)
    {
        for (int i = 0; i < units; i++)
            _trainer.Step(_chunk);
    }

    /// <summary>The weights.</summary>
    public override float[] Results() => [.. _model.Parameters.SelectMany(parameter => Read(parameter.Value))];

    public override void Dispose()
    {
        _model.Dispose();
        base.Dispose();
    }
}
