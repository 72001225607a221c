using FastRnn.Backends;
using FastRnn.Numerics;

namespace FastRnn.Layers;

/// <summary>How a session wants weights packed.</summary>
/// <param name="Weights">Stored so.</param>
/// <param name="Use">For what.</param>
internal readonly record struct WeightForm(WeightPrecision Weights, WeightUse Use);

internal enum WeightUse
{
    /// <summary>Steps of one stream.</summary>
    Steps,

    /// <summary>Products of many rows.</summary>
    Rows,
}

/// <summary>
/// The weights of a model at one moment, never written again: see <see cref="Sequential.Snapshot"/> and <see cref="Sequential.Replace"/>. Models and sessions
/// on any threads may share one. Its memory goes with the last of whoever holds it.
/// </summary>
public sealed class WeightSet
{
    private readonly Lock _gate = new();
    private readonly List<WeightForm> _prepared = [];
    private readonly BatchPlan?[] _batches = new BatchPlan?[(int)WeightPrecision.Int8 + 1];
    private readonly StepPlan?[] _steps = new StepPlan?[(int)WeightPrecision.Int8 + 1];

    internal WeightSet(Sequential source)
        : this(source, source.Backend)
    {
    }

    private WeightSet(Sequential source, Backend? backend)
    {
        Source = source;
        if (backend == null)
            return;
        Source = source.Unbuilt(backend.ForInference(1));
        for (int i = 0; i < Source.ParameterArray.Length; i++)
            Copy(source.ParameterArray[i], Source.ParameterArray[i], source.Backend.IsLike(backend));
    }

    /// <summary>The weights of a model whose back end is for inference alone, where they are.</summary>
    internal static WeightSet Of(Sequential source) => new(source, null);

    /// <summary>The model with these parameters. Its back end serves those who prepare forms, one at a time, and no session.</summary>
    internal Sequential Source { get; }

    /// <summary>The layers.</summary>
    public override string ToString() => Source.LayerText;

    /// <summary>Packs the weights for such sessions, once.</summary>
    internal void Prepare(WeightForm form)
    {
        lock (_gate)
        {
            if (_prepared.Contains(form))
                return;
            if (form.Use == WeightUse.Steps)
            {
                _steps[(int)form.Weights] = Source.CreateStepPlan(form.Weights);
            }
            else
            {
                foreach (ProductWeights weights in Source.LayerArray.SelectMany(layer => layer.Products))
                    weights.Prepare(form.Weights);
                _batches[(int)form.Weights] = Source.CreateBatchPlan(form.Weights);
            }
            _prepared.Add(form);
        }
    }

    /// <summary>Stages that hold these weights, to fork and to share; null where the model has none. Prepared before.</summary>
    internal StepPlan? Steps(WeightPrecision weights) => _steps[(int)weights];

    /// <summary>The same for many streams.</summary>
    internal BatchPlan? Batches(WeightPrecision weights) => _batches[(int)weights];

    /// <summary>This set, or a copy on a back end that lays out weights differently.</summary>
    internal WeightSet For(Backend backend) => Source.Backend.IsLike(backend) ? this : new WeightSet(Source, backend);

    private static void Copy(Parameter from, Parameter to, bool alike)
    {
        if (alike)
        {
            to.Backend.Copy(from.Value, to.Value);
            return;
        }
        var values = new float[from.Length];
        from.Read(values);
        to.Write(values);
    }
}
