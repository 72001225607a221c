using FastRnn.Backends;
using FastRnn.Layers;
using FastRnn.Numerics;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Training;

/// <summary>
/// Every optimiser of PyTorch's form, and what the trainer does around it, against PyTorch over five updates with a falling rate; schedules
/// against its schedules. The runs are those of Truth/make_optimizer_truth.py.
/// </summary>
public class OptimizerTruthTests
{
    private const string Reference = "reference";

    private static readonly Func<Optimizer> Adam = () => new Adam(0.01f, 0.8f, 0.9f, 1e-6f);

    private static readonly Dictionary<string, Run> Runs = new()
    {
        ["sgd"] = new(() => new Sgd(0.5f)),
        ["sgd decay"] = new(() => new Sgd(0.5f, weightDecay: 0.05f)),
        ["sgd momentum"] = new(() => new Sgd(0.5f, 0.8f)),
        ["sgd dampening"] = new(() => new Sgd(0.5f, 0.8f, 0.3f, weightDecay: 0.05f)),
        ["sgd nesterov"] = new(() => new Sgd(0.5f, 0.8f, nesterov: true)),
        ["adagrad"] = new(() => new AdaGrad(0.05f, 1e-6f)),
        ["adagrad options"] = new(() => new AdaGrad(0.05f, 1e-6f, initialSum: 0.01f, rateDecay: 0.1f, weightDecay: 0.05f)),
        ["rmsprop"] = new(() => new RmsProp(0.01f, 0.9f, 1e-3f)),
        ["rmsprop momentum"] = new(() => new RmsProp(0.01f, 0.9f, 1e-3f, momentum: 0.7f, weightDecay: 0.05f)),
        ["rmsprop centered"] = new(() => new RmsProp(0.01f, 0.9f, 1e-3f, centered: true)),
        ["rmsprop centered momentum"] = new(() => new RmsProp(0.01f, 0.9f, 1e-3f, momentum: 0.7f, centered: true)),
        ["adam"] = new(Adam),
        ["adam decay"] = new(() => new Adam(0.01f, 0.8f, 0.9f, 1e-6f, weightDecay: 0.05f)),
        ["adam amsgrad"] = new(() => new Adam(0.01f, 0.8f, 0.9f, 1e-6f, amsgrad: true)),
        ["adamw"] = new(() => new AdamW(0.01f, 0.8f, 0.9f, 1e-6f, weightDecay: 0.2f)),
        ["adamw amsgrad"] = new(() => new AdamW(0.01f, 0.8f, 0.9f, 1e-6f, weightDecay: 0.2f, amsgrad: true)),
        ["nadam"] = new(() => new Nadam(0.01f, 0.8f, 0.9f, 1e-6f, weightDecay: 0.05f, momentumDecay: 0.02f)),
        ["clip value"] = new(() => new Sgd(0.5f), trainer => trainer.ClipValue = 0.02f),
        ["clip tensors"] = new(() => new Sgd(0.5f), trainer => trainer.ClipTensorNorm = 0.05f),
        ["clip all"] = new(() => new Sgd(0.5f), trainer => (trainer.ClipValue, trainer.ClipTensorNorm, trainer.ClipNorm) = (0.02f, 0.05f, 0.06f)),
        ["groups"] = new(() => new AdamW(0.01f, 0.8f, 0.9f, 1e-6f, weightDecay: 0.2f), trainer =>
        {
            trainer.Freeze("0.*");
            trainer.SetRateFactor("1.*", 0.5f);
            trainer.SetWeightDecay("*bias*", 0);
        }),
        ["accumulate"] = new(Adam, trainer => trainer.AccumulatedWindows = 2),
        ["average"] = new(Adam, trainer => trainer.AverageDecay = 0.9f),
    };

    public static TheoryData<string> Backends =>
        new([Reference, .. Enum.GetValues<IsaLevel>().Where(level => level <= Isa.Widest).Select(Isa.Name)]);

    [Theory]
    [MemberData(nameof(Backends))]
    public void FiveUpdates(string name)
    {
        var truth = new TruthFile("optimizers.json");
        using Backend backend = name == Reference ? new ReferenceBackend() : new CpuBackend(2, Isa.Parse(name));
        string[] all = [.. truth.Expected.Keys.Select(key => key.Split(": ")[0]).Where(run => run != "schedule").Distinct()];
        Assert.Equal(all.Order(), Runs.Keys.Order());
        foreach ((string run, Run settings) in Runs)
        {
            // Factors of clipping are floats on every back end.
            double tolerance = name != Reference ? 1e-6 : run.StartsWith("clip", StringComparison.Ordinal) ? 1e-8 : 1e-12;
            using Sequential model = Load(truth, backend);
            Same(truth.Expected[$"{run}: losses"], Train(truth, model, settings), tolerance, $"{name}, {run}: losses");
            foreach (Parameter parameter in model.Parameters)
            {
                var values = new double[parameter.Length];
                backend.Read(parameter.Value, values);
                Same(truth.Expected[$"{run}: {parameter.Name}"], values, tolerance, $"{name}, {run}: {parameter.Name}");
            }
        }
    }

    public static TheoryData<string> Schedules => new(Rates.Keys);

    private static readonly Dictionary<string, Func<Schedule>> Rates = new()
    {
        ["step"] = () => new StepDecay(5, 0.6),
        ["exponential"] = () => new ExponentialDecay(0.9),
        ["cosine"] = () => new CosineDecay(20, 0.1),
        ["cosine restarts"] = () => new CosineDecay(5, 0.1, restarts: true, growth: 2),
        ["cosine restarts equal"] = () => new CosineDecay(5, restarts: true),
        ["one cycle"] = () => new OneCycle(24),
        ["one cycle options"] = () => new OneCycle(20, 0.45, 4, 100),
        ["warm-up"] = () => new WarmUp(6, 0.2),
        ["warm-up, then cosine"] = () => new WarmUp(6, 0.2, new CosineDecay(10)),
        ["plateau"] = () => new Plateau(0.3, patience: 2, threshold: 0.01, cooldown: 2, lowest: 0.01),
    };

    [Theory]
    [MemberData(nameof(Schedules))]
    public void ScheduleIsPyTorchs(string name)
    {
        var truth = new TruthFile("optimizers.json");
        Assert.Equal(truth.Expected.Keys.Where(key => key.StartsWith("schedule: ", StringComparison.Ordinal)).Order(), Rates.Keys.Select(key => $"schedule: {key}").Order());
        double[] expected = truth.Expected[$"schedule: {name}"], losses = truth.Given["plateau losses"], actual = new double[expected.Length];
        Schedule schedule = Rates[name]();
        for (int update = 0; update < expected.Length; update++)
        {
            actual[update] = schedule.FactorAt(update);
            (schedule as Plateau)?.Report(losses[update]);
        }
        Same(expected, actual, 1e-14, name);
    }

    private static Sequential Load(TruthFile truth, Backend backend)
    {
        var model = new Sequential(backend, 1, new Embedding(5, 3), new Lstm(3, 4), new Linear(4, 5));
        foreach (Parameter parameter in model.Parameters)
            parameter.Write(truth.Floats(parameter.Name));
        return model;
    }

    /// <summary>Five updates; leaves the average in the model where one is kept. Returns the losses of all windows.</summary>
    private static double[] Train(TruthFile truth, Sequential model, Run run)
    {
        var trainer = new Trainer(model, Loss.CrossEntropy, run.Optimizer()) { CarryState = false, Schedule = new ExponentialDecay(0.75) };
        run.Set?.Invoke(trainer);
        int size = truth.Size("steps") * truth.Size("batch");
        int[] inputs = truth.Integers("inputs"), targets = truth.Integers("targets");
        var losses = new double[truth.Size("updates") * trainer.AccumulatedWindows];
        var window = new SequenceChunk(truth.Size("steps"), truth.Size("batch"));
        for (int i = 0; i < losses.Length; i++)
        {
            inputs.AsSpan(i * size, size).CopyTo(window.Inputs);
            targets.AsSpan(i * size, size).CopyTo(window.Targets);
            losses[i] = trainer.Step(window).Loss;
        }
        Assert.Equal(truth.Size("updates"), trainer.Steps);
        if (trainer.AverageDecay > 0)
            trainer.SwapAverage();
        return losses;
    }

    /// <summary>|error| ≤ tolerance·max(1, |expected|).</summary>
    private static void Same(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i]))))
                Assert.Fail($"{what}[{i}] is {actual[i]:R}, PyTorch {expected[i]:R}, off by {Math.Abs(actual[i] - expected[i]):E1}");
        }
    }

    private sealed record Run(Func<Optimizer> Optimizer, Action<Trainer>? Set = null);
}
