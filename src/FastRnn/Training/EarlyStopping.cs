using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>
/// Keeps the best weights of a model and says when nothing gets better: <see cref="Report"/> the validation loss, for example after every
/// epoch; stop once <see cref="ShouldStop"/>; <see cref="RestoreBest"/> then. Memory: the weights a second time. A checkpoint that is given
/// it keeps what it remembers.
/// </summary>
public sealed class EarlyStopping
{
    private readonly Sequential _model;
    private DeviceBuffer[]? _best;

    /// <summary>Nothing reported yet.</summary>
    /// <param name="model">Whose weights are kept.</param>
    /// <param name="patience">Reports in a row without improvement after which to stop; at least 1.</param>
    /// <param name="minimumImprovement">A loss is better when it is lower than the best by more than this; not negative.</param>
    public EarlyStopping(Sequential model, int patience, double minimumImprovement = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(patience, 1);
        if (!(minimumImprovement >= 0) || !double.IsFinite(minimumImprovement))
            throw new ArgumentOutOfRangeException(nameof(minimumImprovement), minimumImprovement, "must be finite and not negative");
        (_model, Patience, MinimumImprovement) = (model, patience, minimumImprovement);
    }

    /// <summary>Reports in a row without improvement after which to stop.</summary>
    public int Patience { get; }

    /// <summary>A loss is better when it is lower than the best by more than this.</summary>
    public double MinimumImprovement { get; }

    /// <summary>Losses reported.</summary>
    public int Reports { get; private set; }

    /// <summary>Number of the best report, from 1; 0 before the first that is finite.</summary>
    public int BestReport { get; private set; }

    /// <summary>The best loss; infinite before the first that is finite.</summary>
    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>Nothing got better for <see cref="Patience"/> reports.</summary>
    public bool ShouldStop => Reports - BestReport >= Patience;

    internal Sequential Model => _model;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"EarlyStopping(patience {Patience}, minimum improvement {MinimumImprovement})");

    /// <summary>Judges the model's weights by their loss and keeps them when they are the best. A loss that is not finite is no improvement.</summary>
    /// <returns>Whether they are the best so far.</returns>
    public bool Report(double loss)
    {
        Reports++;
        if (!double.IsFinite(loss) || !(loss < BestLoss - MinimumImprovement))
            return false;
        (BestLoss, BestReport) = (loss, Reports);
        DeviceBuffer[] best = EnsureBest();
        for (int i = 0; i < best.Length; i++)
            _model.Backend.Copy(_model.ParameterArray[i].Value, best[i]);
        return true;
    }

    /// <summary>Puts the best weights into the model. Optimiser and carried state stay where they are.</summary>
    /// <exception cref="InvalidOperationException">No finite loss has been reported.</exception>
    public void RestoreBest()
    {
        if (_best == null)
            throw new InvalidOperationException("no finite loss has been reported, so there are no best weights");
        for (int i = 0; i < _best.Length; i++)
            _model.Backend.Copy(_best[i], _model.ParameterArray[i].Value);
    }

    /// <summary>All that is remembered.</summary>
    public EarlyStoppingState Capture()
    {
        var weights = new Dictionary<string, float[]>(StringComparer.Ordinal);
        for (int i = 0; _best != null && i < _best.Length; i++)
        {
            var values = new float[_best[i].Length];
            _model.Backend.Read(_best[i], values);
            weights.Add(_model.ParameterArray[i].Name, values);
        }
        return new EarlyStoppingState(Reports, BestReport, BestLoss, weights);
    }

    /// <summary>Goes on from what another one, of a model with the same parameters, remembered.</summary>
    /// <exception cref="ArgumentException">The state contradicts itself or belongs to another model; nothing is changed.</exception>
    public void Restore(EarlyStoppingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        bool any = state.BestReport > 0;
        if (state.BestReport < 0 || state.BestReport > state.Reports || (any ? !double.IsFinite(state.BestLoss) : !double.IsPositiveInfinity(state.BestLoss)))
            throw new ArgumentException($"report {state.BestReport} of {state.Reports} cannot be the best with a loss of {state.BestLoss}", nameof(state));
        Parameter[] parameters = any ? _model.ParameterArray : [];
        if (state.BestWeights.Count != parameters.Length)
            throw new ArgumentException($"best weights of {state.BestWeights.Count} parameters, expected {parameters.Length}", nameof(state));
        foreach (Parameter parameter in parameters)
        {
            if (!state.BestWeights.TryGetValue(parameter.Name, out float[]? values) || values.Length != parameter.Length)
                throw new ArgumentException($"best weights hold {values?.Length ?? 0} values of {parameter}", nameof(state));
        }
        (Reports, BestReport, BestLoss) = (state.Reports, state.BestReport, state.BestLoss);
        if (!any)
            _best = null;
        for (int i = 0; i < parameters.Length; i++)
            _model.Backend.Write(EnsureBest()[i], state.BestWeights[parameters[i].Name]);
    }

    private DeviceBuffer[] EnsureBest() =>
        _best ??= [.. _model.ParameterArray.Select(parameter => _model.Backend.Allocate(parameter.Value.Rows, parameter.Value.Columns))];
}

/// <summary>What an <see cref="EarlyStopping"/> remembers.</summary>
/// <param name="Reports">Losses reported.</param>
/// <param name="BestReport">Number of the best, from 1; 0: none.</param>
/// <param name="BestLoss">The best; infinite when there is none.</param>
/// <param name="BestWeights">Values by parameter name, row by row; empty when there is none.</param>
public sealed record EarlyStoppingState(int Reports, int BestReport, double BestLoss, IReadOnlyDictionary<string, float[]> BestWeights);
