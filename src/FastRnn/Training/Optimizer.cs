using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>Whose definition of an optimiser, where frameworks mean different updates by the same name.</summary>
public enum UpdateForm
{
    /// <summary>PyTorch's.</summary>
    PyTorch,

    /// <summary>Keras's; numbers left out have its defaults, and weight decay acts beside the gradient: w −= rate·decay·w.</summary>
    Keras,
}

/// <summary>Turns gradients into new weights. One optimiser belongs to one <see cref="Trainer"/>.</summary>
public abstract class Optimizer
{
    private protected Optimizer(float learningRate, float weightDecay = 0f, UpdateForm form = UpdateForm.PyTorch)
    {
        if (!(learningRate > 0f) || !float.IsFinite(learningRate))
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "a learning rate is positive and finite");
        if (!Enum.IsDefined(form))
            throw new ArgumentOutOfRangeException(nameof(form), form, "not a form of an update");
        LearningRate = learningRate;
        WeightDecay = NotNegative(weightDecay, nameof(weightDecay));
        Form = form;
    }

    /// <summary>Step size; may be changed between steps. <see cref="Trainer.Schedule"/> multiplies it.</summary>
    public float LearningRate { get; set; }

    /// <summary>
    /// Pull of weights towards zero; <see cref="Trainer.SetWeightDecay"/> gives single parameters another one. In PyTorch's form a part of
    /// the gradient (g += decay·w, after clipping) except for AdamW; in Keras's always beside it (w −= rate·decay·w).
    /// </summary>
    public float WeightDecay { get; }

    /// <summary>Whose definition.</summary>
    public UpdateForm Form { get; }

    /// <summary>Kind, rate and all constants: two that say the same make the same updates.</summary>
    public abstract override string ToString();

    private protected string Common => FormattableString.Invariant($"rate {LearningRate}, weight decay {WeightDecay}, form {Form}");

    /// <summary>Names of the arrays kept for every parameter, for checkpoints.</summary>
    internal abstract IReadOnlyList<string> MomentNames { get; }

    /// <summary>Arrays kept, by [parameter][moment].</summary>
    internal DeviceBuffer[][] Moments { get; private set; } = [];

    /// <summary>What every array starts from.</summary>
    private protected virtual float InitialMoment => 0f;

    internal void Attach(Backend backend, Parameter[] parameters)
    {
        if (Moments.Length != 0)
            throw new InvalidOperationException("this optimizer belongs to another trainer already");
        Moments = new DeviceBuffer[parameters.Length][];
        for (int i = 0; i < parameters.Length; i++)
        {
            Moments[i] = new DeviceBuffer[MomentNames.Count];
            for (int k = 0; k < Moments[i].Length; k++)
            {
                Moments[i][k] = backend.Allocate(parameters[i].Value.Rows, parameters[i].Value.Columns);
                if (InitialMoment != 0)
                    backend.Write(Moments[i][k], (ReadOnlySpan<float>)[.. Enumerable.Repeat(InitialMoment, parameters[i].Length)]);
            }
        }
    }

    /// <summary>One update of parameter <paramref name="index"/>.</summary>
    internal abstract void Update(Backend backend, Parameter parameter, int index, in ParameterUpdate update);

    /// <summary>Clipping and weight decay, from which every rule starts.</summary>
    private protected UpdateStep Begin(in ParameterUpdate update, bool decoupled = false) => decoupled || Form == UpdateForm.Keras
        ? new UpdateStep { Scale = update.Scale, WeightFactor = 1.0 - (update.Rate * update.WeightDecay) }
        : new UpdateStep { Scale = update.Scale, L2 = update.WeightDecay };

    private protected static float Decay(float decay, string name) =>
        decay is >= 0f and < 1f ? decay : throw new ArgumentOutOfRangeException(name, decay, "a decay lies in [0, 1)");

    private protected static float Positive(float value, string name) =>
        value > 0f && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, "must be positive and finite");

    private protected static float NotNegative(float value, string name) =>
        value >= 0f && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(name, value, "must be finite and not negative");
}

/// <summary>What the trainer knows about one update of one parameter.</summary>
/// <param name="Step">Number of the parameter's update, from 1.</param>
/// <param name="Rate">Learning rate with the schedule's and the parameter's factors.</param>
/// <param name="Scale">Multiplies the gradient first.</param>
/// <param name="WeightDecay">The parameter's weight decay.</param>
internal readonly record struct ParameterUpdate(long Step, double Rate, float Scale, float WeightDecay);
