using System.CommandLine;

namespace FastRnn.Runner;

/// <summary>The options of training that say how gradients become new weights.</summary>
internal sealed class UpdateOptions
{
    private static readonly string[] _withMomentum = ["sgd", "rmsprop"], _withFactor = ["step", "exponential", "plateau"];

    private readonly Option<string> _optimizer = CommonOptions.Choice("--optimizer", "adam", "Optimiser", "sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam");
    private readonly Option<double> _rate = CommonOptions.Real(
        "--learning-rate", 2e-3, x => (float)x > 0 && float.IsFinite((float)x), "a positive number that a float can hold", "Step size of the optimiser");
    private readonly Option<double> _momentum = CommonOptions.Real(
        "--momentum", 0, x => (float)x is >= 0 and < 1, "0 to below 1", "Share of the last step's direction that goes on, for sgd and rmsprop");
    private readonly Option<double> _decay = CommonOptions.Real(
        "--weight-decay", 0, x => x >= 0 && float.IsFinite((float)x), "0 or more, as a float can hold", "Pull of weights to zero; for adamw 0.01 unless given");
    private readonly Option<string> _schedule = CommonOptions.Choice(
        "--schedule", "constant", "How the learning rate changes", "constant", "step", "exponential", "cosine", "one-cycle", "plateau");
    private readonly Option<int> _epochs = CommonOptions.Number(
        "--schedule-epochs", 0, 0, 1_000_000,
        "Epochs between drops (step, plateau), of a fall by the factor (exponential), or of the whole curve (cosine, one-cycle); 0 takes 1, or --epochs for a curve");
    private readonly Option<double> _factor = CommonOptions.Real(
        "--schedule-factor", 0.5, x => x is > 0 and < 1, "above 0 to below 1", "What step, exponential and plateau multiply the learning rate by");
    private readonly Option<int> _warmUp = CommonOptions.Number("--warm-up", 0, 0, 1_000_000_000, "Steps in which the learning rate rises in a line to its full size");
    private readonly Option<double> _clip = CommonOptions.Real(
        "--clip-norm", 5, x => x >= 0 && float.IsFinite((float)x), "0 or more, as a float can hold", "Largest global norm of the gradient; 0 is off");

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_optimizer, _rate, _momentum, _decay, _schedule, _epochs, _factor, _warmUp, _clip])
            command.Options.Add(option);
    }

    /// <exception cref="CliException">An option is given that the chosen optimiser or schedule does not have.</exception>
    public UpdateSettings Read(ParseResult parsed, int epochs)
    {
        string optimizer = parsed.GetRequiredValue(_optimizer), schedule = parsed.GetRequiredValue(_schedule);
        Require(_withMomentum.Contains(optimizer), _momentum, $"--optimizer {string.Join(" or ", _withMomentum)}");
        Require(schedule != "constant", _epochs, "a --schedule other than constant");
        Require(_withFactor.Contains(schedule), _factor, $"--schedule {string.Join(" or ", _withFactor)}");
        int length = parsed.GetValue(_epochs);
        return new UpdateSettings
        {
            Optimizer = optimizer,
            LearningRate = (float)parsed.GetValue(_rate),
            Momentum = (float)parsed.GetValue(_momentum),
            WeightDecay = IsGiven(_decay) || optimizer != "adamw" ? (float)parsed.GetValue(_decay) : 0.01f,
            Schedule = schedule,
            ScheduleEpochs = length > 0 ? length : schedule is "cosine" or "one-cycle" ? epochs : 1,
            ScheduleFactor = parsed.GetValue(_factor),
            WarmUp = parsed.GetValue(_warmUp),
            ClipNorm = (float)parsed.GetValue(_clip),
        };

        bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };

        void Require(bool fits, Option option, string what)
        {
            if (IsGiven(option) && !fits)
                throw new CliException(ExitCodes.Usage, $"{option.Name} goes with {what}");
        }
    }
}
