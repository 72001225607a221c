using FastRnn.Backends;
using FastRnn.Inference;
using FastRnn.Layers;
using FastRnn.Numerics;

namespace FastRnn.Suites;

/// <summary>One step of a session, as an application calls it: values in a span, values out, the state carried on.</summary>
internal class StepWork : Work
{
    private readonly CpuBackend _backend;
    private readonly Sequential _model;
    private readonly Session _session;
    private readonly float[] _x, _y;

    public StepWork(IsaLevel isa, WorkShape shape, WeightPrecision weights = WeightPrecision.Float32)
    {
        _backend = new CpuBackend(1, isa);
        _model = Models.Create(_backend, shape);
        Prepare(_model);
        _session = _model.OpenSession(new SessionOptions { Weights = weights });
        (_x, _y) = (Models.Values(shape.Input), new float[shape.Hidden]);
    }

    protected Session Session => _session;

    /// <summary>What is read at every step.</summary>
    protected Span<float> Input => _x;

    /// <summary>h after the last step.</summary>
    protected ReadOnlySpan<float> Output => _y;

    public override void Run(int units)
    {
        Session session = _session;
        float[] x = _x, y = _y;
        for (int i = 0; i < units; i++)
            session.Step(x, y);
    }

    public override void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
        base.Dispose();
    }

    /// <summary>Changes weights before the session is opened.</summary>
    protected virtual void Prepare(Sequential model)
    {
    }
}

/// <summary>
/// A state that nothing comes into any more: biases are zero, so that 10⁵ steps of zeros let h and c decay as far as they go. Numbers below
/// 2⁻¹²⁶ would be subnormal, and many CPUs slow.
/// </summary>
internal sealed class DecayedStepWork : StepWork
{
    private const int SilentSteps = 100_000;
    private int _subnormal;

    public DecayedStepWork(IsaLevel isa, WorkShape shape, bool silent)
        : base(isa, shape)
    {
        Run(100);
        if (!silent)
            return;
        Input.Clear();
        using var c = new StateReader(Session, shape.Hidden);
        for (int i = 0; i < SilentSteps; i++)
        {
            Run(1);
            _subnormal += Subnormal(Output) + Subnormal(c.Read());
        }
    }

    private static int Subnormal(ReadOnlySpan<float> values)
    {
        int count = 0;
        foreach (float value in values)
            count += float.IsSubnormal(value) ? 1 : 0;
        return count;
    }

    public override IEnumerable<(string Name, double Value)> Figures(double seconds, double gigahertz) => [(MetricNames.Subnormal, _subnormal)];

    protected override void Prepare(Sequential model)
    {
        foreach (Parameter parameter in model.Parameters.Where(parameter => parameter.Name.Contains("bias", StringComparison.Ordinal)))
            parameter.Write(new float[parameter.Length]);
    }
}

/// <summary>c of the only layer of a session.</summary>
internal sealed class StateReader : IDisposable
{
    private readonly CpuBackend _backend = new(1);
    private readonly StepStage _stage;
    private readonly DeviceBuffer _hidden, _cell;
    private readonly float[] _values;

    public StateReader(Session session, int hidden)
    {
        _stage = session.Plan?.Stages.Single() ?? throw new NotSupportedException("this session has no stages to read the state of");
        (_hidden, _cell, _values) = (_backend.Allocate(1, hidden), _backend.Allocate(1, hidden), new float[hidden]);
    }

    public ReadOnlySpan<float> Read()
    {
        _stage.GetState(_hidden, _cell);
        _backend.Read(_cell, _values);
        return _values;
    }

    public void Dispose() => _backend.Dispose();
}
