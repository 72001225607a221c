using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Training;

/// <summary>From the gradient of a window to new weights: accumulation, clipping, rates by parameter, averaging.</summary>
public sealed partial class Trainer
{
    private readonly ParameterPlan[] _plans;

    /// <summary>The gradients of an update that are measured, and their sums of squares.</summary>
    private readonly DeviceBuffer[] _measured;
    private readonly double[] _squares;
    private DeviceBuffer[]? _average;
    private bool _swapped;

    /// <summary>
    /// Largest size of a gradient's element; larger ones are cut to it. It acts first, then <see cref="ClipTensorNorm"/>, then
    /// <see cref="ClipNorm"/>. 0 turns it off.
    /// </summary>
    public float ClipValue { get; set; }

    /// <summary>Largest L2 norm of one parameter's gradient; a longer one is scaled by ClipTensorNorm/(norm + 1e-6). 0 turns it off.</summary>
    public float ClipTensorNorm { get; set; }

    /// <summary>
    /// Largest size of ∂L/∂a for every pre-activation a of a recurrent layer, cut at each step on the way back through time (Graves 2013): it keeps the
    /// recursion itself from exploding, which the other limits, on its result, do not. 0 turns it off.
    /// </summary>
    public float ClipRecurrent
    {
        get;
        set => field = Check.Limit(value);
    }

    /// <summary>Factor on the learning rate by the number of updates made; null leaves it as it is.</summary>
    public Schedule? Schedule { get; set; }

    /// <summary>
    /// Windows whose mean gradient makes one update; clipping sees the mean. A gradient that is not finite drops what has been accumulated.
    /// </summary>
    public int AccumulatedWindows
    {
        get;
        set => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "at least one window makes an update");
    }
        = 1;

    /// <summary>
    /// Share of the running average of weights that stays when an update adds the new weights, for example 0.999; the average starts from the
    /// weights after the first update. 0 keeps none. <see cref="SwapAverage"/> puts the average to use.
    /// </summary>
    public float AverageDecay
    {
        get;
        set => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "a decay lies in [0, 1)");
    }

    /// <summary>Learning rate of the next update, before factors of single parameters.</summary>
    public double LearningRate => Optimizer.LearningRate * (Schedule?.FactorAt(Steps) ?? 1);

    /// <summary>Windows in the gradient that have not made an update yet.</summary>
    internal int PendingWindows { get; private set; }

    /// <summary>Average of every parameter, or null.</summary>
    internal DeviceBuffer[]? Average => _average;

    /// <summary>True while the model holds the average and the average's place holds the weights.</summary>
    internal bool IsSwapped => _swapped;

    /// <summary>Updates that every parameter has had: fewer than <see cref="Steps"/> for one that was frozen.</summary>
    internal IReadOnlyList<long> UpdateCounts => [.. _plans.Select(plan => plan.Updates)];

    /// <summary>
    /// Leaves parameters as they are, or lets them go on. A frozen parameter is no part of the gradient's norm and its moments wait.
    /// </summary>
    /// <param name="pattern">A parameter's name, in which <c>*</c> stands for any characters: <c>0.*</c>, <c>*.bias*</c>.</param>
    /// <param name="frozen">False to train them again.</param>
    /// <exception cref="ArgumentException">No parameter has such a name.</exception>
    public void Freeze(string pattern, bool frozen = true)
    {
        foreach (ParameterPlan plan in Find(pattern))
            plan.Frozen = frozen;
    }

    /// <summary>Multiplies the learning rate of parameters; a later call replaces the factor.</summary>
    /// <param name="pattern">A parameter's name, in which <c>*</c> stands for any characters.</param>
    /// <param name="factor">Not negative. At 0 weights stay while moments go on; see <see cref="Freeze"/>.</param>
    /// <exception cref="ArgumentException">No parameter has such a name, or the factor is negative or not finite.</exception>
    public void SetRateFactor(string pattern, float factor)
    {
        CheckSize(factor, nameof(factor));
        foreach (ParameterPlan plan in Find(pattern))
            plan.RateFactor = factor;
    }

    /// <summary>Gives parameters a weight decay of their own in place of the optimiser's, for example none to biases.</summary>
    /// <param name="pattern">A parameter's name, in which <c>*</c> stands for any characters.</param>
    /// <param name="decay">Not negative.</param>
    /// <exception cref="ArgumentException">No parameter has such a name, or the decay is negative or not finite.</exception>
    public void SetWeightDecay(string pattern, float decay)
    {
        CheckSize(decay, nameof(decay));
        foreach (ParameterPlan plan in Find(pattern))
            plan.WeightDecay = decay;
    }

    /// <summary>
    /// Exchanges the weights of the model and their average, to evaluate or save the averaged model; a second call changes them back, and
    /// only then may training go on.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no average yet, or the gradient of accumulated windows is in the way.</exception>
    public void SwapAverage()
    {
        if (_average == null)
            throw new InvalidOperationException($"no update has been averaged: {nameof(AverageDecay)} is {AverageDecay}");
        if (PendingWindows > 0)
            throw new InvalidOperationException($"{PendingWindows} windows wait for their update");
        Parameter[] parameters = _model.ParameterArray;
        for (int i = 0; i < parameters.Length; i++)
        {
            // The gradient is of no more use until the next window clears it.
            _model.Backend.Copy(parameters[i].Value, parameters[i].Gradient);
            _model.Backend.Copy(_average[i], parameters[i].Value);
            _model.Backend.Copy(parameters[i].Gradient, _average[i]);
        }
        _swapped = !_swapped;
    }

    /// <summary>Puts back what a checkpoint has beside moments, state and averages.</summary>
    internal void RestoreUpdates(int pendingWindows, IReadOnlyList<long> updateCounts)
    {
        PendingWindows = pendingWindows;
        for (int i = 0; i < _plans.Length; i++)
            _plans[i].Updates = updateCounts[i];
    }

    /// <summary>The average's buffers, made when they are missing.</summary>
    internal DeviceBuffer[] EnsureAverage() => _average ??= AllocateLikeParameters();

    private DeviceBuffer[] AllocateLikeParameters() =>
        [.. _model.ParameterArray.Select(parameter => _model.Backend.Allocate(parameter.Value.Rows, parameter.Value.Columns))];

    /// <summary>Before a window: its gradient is added to that of the windows that wait, if any.</summary>
    private void BeginGradient()
    {
        RequireOwnWeights();
        if (PendingWindows > 0)
            return;
        foreach (Parameter parameter in _model.ParameterArray)
            _model.Backend.Zero(parameter.Gradient);
    }

    private void RequireOwnWeights()
    {
        if (_swapped)
            throw new InvalidOperationException($"the model holds averaged weights; {nameof(SwapAverage)} changes them back");
    }

    /// <summary>After a window: the update when it is due. Returns the norm of the (mean) gradient before clipping, 0 when it is not due.</summary>
    private double EndGradient(double rateFactor = 1)
    {
        PendingWindows++;
        if (PendingWindows < AccumulatedWindows)
            return 0;
        int windows = PendingWindows;
        PendingWindows = 0;
        double norm = MeasureGradients(windows), clipped = norm;
        if (ClipValue > 0)
        {
            for (int i = 0; i < _plans.Length; i++)
            {
                if (!_plans[i].Frozen)
                    _model.Backend.ClampValues(_model.ParameterArray[i].Gradient, ClipValue * windows);
            }
            clipped = ClipTensorNorm > 0 || ClipNorm > 0 ? MeasureGradients(windows) : norm;
        }
        if (ClipTensorNorm > 0)
            clipped = ScaleTensors();
        double scale = ClipNorm > 0 ? Math.Min(1.0, ClipNorm / (clipped + 1e-6)) : 1.0;
        Update(scale / windows, LearningRate * rateFactor);
        UpdateAverage();
        return norm;
    }

    /// <summary>
    /// Norms of the mean gradient, in double, where no finite float gradient overflows: finite exactly when every element is.
    /// </summary>
    private double MeasureGradients(int windows)
    {
        double sum = 0;
        int measured = 0;
        for (int i = 0; i < _plans.Length; i++)
        {
            if (!_plans[i].Frozen)
                _measured[measured++] = _model.ParameterArray[i].Gradient;
        }
        _model.Backend.SumsOfSquares(_measured.AsSpan(0, measured), _squares);
        measured = 0;
        for (int i = 0; i < _plans.Length; i++)
        {
            ParameterPlan plan = _plans[i];
            (plan.Norm, plan.Scale) = (0, 1);
            if (plan.Frozen)
                continue;
            double squares = _squares[measured++];
            if (!double.IsFinite(squares))
                throw new NonFiniteException($"the gradient of {_model.ParameterArray[i].Name}", Steps + 1);
            plan.Norm = Math.Sqrt(squares) / windows;
            sum += squares;
        }
        return Math.Sqrt(sum) / windows;
    }

    /// <summary>Gives every gradient its own factor; the norm of all of them then.</summary>
    private double ScaleTensors()
    {
        double sum = 0;
        foreach (ParameterPlan plan in _plans)
        {
            plan.Scale = Math.Min(1.0, ClipTensorNorm / (plan.Norm + 1e-6));
            sum += plan.Norm * plan.Scale * (plan.Norm * plan.Scale);
        }
        return Math.Sqrt(sum);
    }

    private void Update(double scale, double rate)
    {
        Steps++;
        for (int i = 0; i < _plans.Length; i++)
        {
            ParameterPlan plan = _plans[i];
            if (plan.Frozen)
                continue;
            plan.Updates++;
            var update = new ParameterUpdate(
                plan.Updates, rate * plan.RateFactor, (float)(scale * plan.Scale), plan.WeightDecay ?? Optimizer.WeightDecay);
            Optimizer.Update(_model.Backend, _model.ParameterArray[i], i, update);
            if (plan.MaxNorm > 0)
                _model.Backend.LimitRowNorms(_model.ParameterArray[i].Value, plan.MaxNorm);
        }
    }

    private void UpdateAverage()
    {
        if (AverageDecay == 0)
            return;
        bool first = _average == null;
        DeviceBuffer[] average = EnsureAverage();
        // average = decay·average + (1 − decay)·w: the rule of the optimisers with the average for the weight and w for its gradient.
        var step = new UpdateStep { WeightFactor = AverageDecay, RateOfGradient = AverageDecay - 1.0 };
        for (int i = 0; i < average.Length; i++)
        {
            DeviceBuffer weight = _model.ParameterArray[i].Value;
            if (first)
                _model.Backend.Copy(weight, average[i]);
            else
                _model.Backend.Update(average[i], weight, default, step);
        }
    }

    private IEnumerable<ParameterPlan> Find(string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        int[] found = [.. Enumerable.Range(0, _plans.Length).Where(i => NamePattern.Matches(pattern, _model.ParameterArray[i].Name))];
        return found.Length > 0
            ? found.Select(i => _plans[i])
            : throw new ArgumentException(
                $"no parameter is named {pattern}; there are {string.Join(", ", _model.Parameters.Select(parameter => parameter.Name))}", nameof(pattern));
    }
}
