using System.CommandLine;
using FastRnn.Runner;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>What the options of training make of optimiser and schedule, for epochs of 40 updates and 10 epochs.</summary>
public class UpdateOptionsTests
{
    [Theory]
    [InlineData("", "Adam(rate 0.002, weight decay 0, form PyTorch, beta1 0.9, beta2 0.999, epsilon 1E-08)", null)]
    [InlineData("--optimizer sgd --learning-rate 0.5 --momentum 0.75", "Sgd(rate 0.5, weight decay 0, form PyTorch, momentum 0.75, dampening 0)", null)]
    [InlineData("--optimizer sgd --weight-decay 0.25", "Sgd(rate 0.002, weight decay 0.25, form PyTorch, momentum 0, dampening 0)", null)]
    [InlineData("--optimizer adagrad --weight-decay 0.25", "AdaGrad(rate 0.002, weight decay 0.25, form PyTorch, epsilon 1E-10, initial sum 0, rate decay 0)", null)]
    [InlineData("--optimizer rmsprop --momentum 0.5", "RmsProp(rate 0.002, weight decay 0, form PyTorch, decay 0.99, epsilon 1E-08, momentum 0.5)", null)]
    [InlineData("--optimizer adamw", "AdamW(rate 0.002, weight decay 0.01, form PyTorch, beta1 0.9, beta2 0.999, epsilon 1E-08)", null)]
    [InlineData("--optimizer adamw --weight-decay 0", "AdamW(rate 0.002, weight decay 0, form PyTorch, beta1 0.9, beta2 0.999, epsilon 1E-08)", null)]
    [InlineData("--optimizer nadam", "Nadam(rate 0.002, weight decay 0, form PyTorch, beta1 0.9, beta2 0.999, epsilon 1E-08, momentum decay 0.004)", null)]
    [InlineData("--schedule step", null, "StepDecay(every 40, factor 0.5)")]
    [InlineData("--schedule step --schedule-epochs 3 --schedule-factor 0.25", null, "StepDecay(every 120, factor 0.25)")]
    [InlineData("--schedule exponential --schedule-epochs 2", null, "ExponentialDecay(factor 0.5, over 80)")]
    [InlineData("--schedule cosine", null, "CosineDecay(period 400, lowest 0)")]
    [InlineData("--schedule one-cycle --schedule-epochs 5", null, "OneCycle(steps 200, top 59, start 0.04, end 4E-06)")]
    [InlineData("--schedule plateau --schedule-epochs 3", null, "Plateau(factor 0.5, patience 2, threshold 0.0001, cooldown 0, lowest 0)")]
    [InlineData("--warm-up 4", null, "WarmUp(steps 4, from 0.25, then 1)")]
    [InlineData("--warm-up 4 --schedule step", null, "WarmUp(steps 4, from 0.25, then StepDecay(every 40, factor 0.5))")]
    public void Options_make_what_they_say(string line, string? optimizer, string? schedule)
    {
        UpdateSettings settings = Read(line);
        Assert.Equal(schedule, settings.CreateSchedule(40, out Plateau? plateau)?.ToString());
        Assert.Equal(line.Contains("plateau", StringComparison.Ordinal), plateau != null);
        if (optimizer != null)
            Assert.Equal(optimizer, settings.CreateOptimizer().ToString());
    }

    [Fact]
    public void A_cycle_of_three_steps_is_refused()
    {
        UpdateSettings settings = Read("--schedule one-cycle --schedule-epochs 1");
        Assert.Contains("needs 4 steps or more, 1 epochs have 3", Assert.Throws<CliException>(() => settings.CreateSchedule(3, out _)).Message, StringComparison.Ordinal);
        Assert.NotNull(settings.CreateSchedule(4, out _));
    }

    private static UpdateSettings Read(string line)
    {
        var options = new UpdateOptions();
        var command = new Command("train");
        options.AddTo(command);
        ParseResult parsed = command.Parse(line);
        Assert.Empty(parsed.Errors);
        return options.Read(parsed, epochs: 10);
    }
}
