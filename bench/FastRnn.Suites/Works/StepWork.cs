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

    public StepWork(IsaLevel isa, WorkShape shape)
    {
        _backend = new CpuBackend(1, isa);
        _model = Models.Create(_backend, shape);
        Prepare(_model);
        _session = _model.OpenSession();
        (_x, _y) = (Models.Values(shape.Input), new float[shape.Hidden]);
    }

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
        for (int i = 0; i < SilentSteps; i++)
        {
            Run(1);
            foreach (float h in Output)
                _subnormal += float.IsSubnormal(h) ? 1 : 0;
        }
    }

    public override IEnumerable<(string Name, double Value)> Figures(double seconds, double gigahertz) => [(MetricNames.Subnormal, _subnormal)];

    protected override void Prepare(Sequential model)
    {
        foreach (Parameter parameter in model.Parameters.Where(parameter => parameter.Name.Contains("bias", StringComparison.Ordinal)))
            parameter.Write(new float[parameter.Length]);
    }
}
