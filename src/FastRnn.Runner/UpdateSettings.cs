using System.Globalization;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>How a run updates its weights.</summary>
internal sealed record UpdateSettings
{
    public required string Optimizer { get; init; }

    public float LearningRate { get; init; }

    public float Momentum { get; init; }

    public float WeightDecay { get; init; }

    public required string Schedule { get; init; }

    public int ScheduleEpochs { get; init; }

    public double ScheduleFactor { get; init; }

    public int WarmUp { get; init; }

    public float ClipNorm { get; init; }

    public Optimizer CreateOptimizer() => Optimizer switch
    {
        "sgd" => new Sgd(LearningRate, Momentum, weightDecay: WeightDecay),
        "adagrad" => new AdaGrad(LearningRate, weightDecay: WeightDecay),
        "rmsprop" => new RmsProp(LearningRate, momentum: Momentum, weightDecay: WeightDecay),
        "adamw" => new AdamW(LearningRate, weightDecay: WeightDecay),
        "nadam" => new Nadam(LearningRate, weightDecay: WeightDecay),
        _ => new Adam(LearningRate, weightDecay: WeightDecay),
    };

    /// <summary>The schedule for epochs of that many updates, null for none; the plateau in it wants to hear of losses.</summary>
    /// <exception cref="CliException">There are too few updates for it.</exception>
    public Schedule? CreateSchedule(long updates, out Plateau? plateau)
    {
        long length = updates * ScheduleEpochs;
        if (Schedule == "one-cycle" && length < 4)
            throw new CliException(ExitCodes.BadInput, $"--schedule one-cycle needs 4 steps or more, {ScheduleEpochs} epochs have {length}");
        plateau = Schedule == "plateau" ? new Plateau(ScheduleFactor, ScheduleEpochs - 1) : null;
        Schedule? schedule = Schedule switch
        {
            "step" => new StepDecay(length, ScheduleFactor),
            "exponential" => new ExponentialDecay(ScheduleFactor, length),
            "cosine" => new CosineDecay(length),
            "one-cycle" => new OneCycle(length),
            _ => plateau,
        };
        return WarmUp == 0 ? schedule : new WarmUp(WarmUp, 1.0 / WarmUp, schedule);
    }

    /// <summary>What fixes the bits of the run; options that came later are left out where they do nothing, so that older runs go on.</summary>
    public void AddFixed(Dictionary<string, string> options)
    {
        options["optimizer"] = Optimizer;
        options["learning-rate"] = Text(LearningRate);
        options["clip-norm"] = Text(ClipNorm);
        if (Momentum != 0)
            options["momentum"] = Text(Momentum);
        if (WeightDecay != 0)
            options["weight-decay"] = Text(WeightDecay);
        if (WarmUp != 0)
            options["warm-up"] = Text(WarmUp);
        if (Schedule == "constant")
            return;
        options["schedule"] = Schedule;
        options["schedule-epochs"] = Text(ScheduleEpochs);
        if (Schedule is not ("cosine" or "one-cycle"))
            options["schedule-factor"] = Text(ScheduleFactor);
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
