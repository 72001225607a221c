using System.Diagnostics;
using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Memory;
using FastRnn.Training;

namespace FastRnn.Runner;

/// <summary>Trains a model for a task: epochs, validation, best weights, checkpoints, logs.</summary>
internal sealed partial class TrainingRun
{
    private readonly TrainOptions _options;
    private readonly TrainingTask _task;
    private readonly Output _output;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<string, string> _fixedOptions;
    private readonly IChunkSequence _chunks;
    private readonly IChunkSequence? _validation;
    private readonly ComputeDevice _device;
    private readonly List<UpdateSummary> _updates = [];
    private Trainer _trainer = null!;
    private Sequential _model = null!;
    private DivergenceWatch _watch = null!;
    private Plateau? _plateau;
    private RunState _state = null!;
    private long _savedSteps;

    public TrainingRun(TrainOptions options, TrainingTask task, ComputeDevice device, Output output, CancellationToken cancellation)
    {
        (_options, _task, _device, _output, _cancellation) = (options, task, device, output, cancellation);
        (_chunks, _validation) = (task.Training, task.Validation);
        _fixedOptions = options.Fixed(task);
        _isSaved = options.Resume;
        string memory = device.Backend.PlansMemory ? $"; memory {PlanMemory()}" : "";
        OnDevice(Begin, restarts: false);
        output.Log.WriteLine($"{Path.GetFileName(options.Data)}: {task.Description}; {_model.ParameterCount:N0} parameters{memory}");
    }

    /// <summary>
    /// Of a model that is only counted, before the real one is made, and of all windows that a run may come to: every shape is also evaluated.
    /// </summary>
    private MemoryEstimate PlanMemory()
    {
        Trainer trainer = null!;
        BlockBytes.Plan(() => trainer = CreateTrainer(new Sequential(_device.Backend, _options.Seed, CreateLayers()), null));
        WindowShape[] train = Shapes(_chunks), validation = _validation == null ? [] : Shapes(_validation);
        MemoryEstimate memory = trainer.Estimate(
        [
            .. train.Select(shape => (shape, _options.Recompute ? Keep.States : Keep.Everything)),
            .. train.Union(validation).Select(shape => (shape, Keep.Nothing)),
        ]);
        return _options.MemoryLimit == 0 || memory.Total <= _options.MemoryLimit
            ? memory
            : throw new InsufficientMemoryException($"training takes {memory.Total:N0} bytes, --memory-limit is {_options.MemoryLimit:N0}");

        static WindowShape[] Shapes(IChunkSequence chunks) => [.. chunks.Select(WindowShape.Of).Distinct()];
    }

    /// <summary>Called once the run has taken its files: what was there before a run that cannot start stays as it was.</summary>
    public Action? Started { get; init; }

    /// <summary>Trains to the last epoch, an interruption, or until nothing gets better.</summary>
    public int Run()
    {
        if (!_options.Resume)
        {
            if (File.Exists(_options.Checkpoint))
                _output.Log.WriteLine($"starting over: {_options.Checkpoint} is replaced; --resume would go on from it");
            OnDevice(SaveCheckpoint, restarts: true); // so that a run that diverges at once still leaves something to go on from
        }
        else if (_state.Epochs.Count > 0)
            WriteLogs(); // a kill may have come between the checkpoint and them
        Started?.Invoke();
        bool interrupted = false;
        try
        {
            OnDevice(
                () =>
                {
                    while (_state.Epoch < _options.Epochs && !OutOfPatience() && !(interrupted = !RunEpoch()))
                    {
                    }
                },
                restarts: true);
        }
        catch (NonFiniteException e)
        {
            throw Diverged(e.Message);
        }
        catch (DivergenceException e)
        {
            throw Diverged(e.Message);
        }
        if (!interrupted && _state.BestLoss is null)
            throw Diverged("no epoch ended with a sensible loss");
        Report(interrupted);
        return interrupted ? ExitCodes.Interrupted : ExitCodes.Ok;
    }

    private CliException Diverged(string why) =>
        new(ExitCodes.Diverged, $"diverged: {why}; last good checkpoint: {_options.Checkpoint}, {(_savedSteps == 0 ? "untrained" : $"step {_savedSteps}")}");

    /// <summary>The rest of the running epoch; false when interrupted.</summary>
    private bool RunEpoch()
    {
        _chunks.Epoch = _state.Epoch;
        using var progress = new Progress(_output, _state.Epoch + 1, _options.Epochs, _chunks.Count, _state.Chunk);
        long start = Stopwatch.GetTimestamp();
        double secondsBefore = _state.Seconds;
        long tokensHere = 0;
        while (_state.Chunk < _chunks.Count)
        {
            SequenceChunk chunk = _chunks[_state.Chunk];
            double rate = _trainer.LearningRate * chunk.RateFactor;
            StepResult step = _trainer.Step(chunk);
            UpdateSummary.Add(_updates, rate, step.GradientNorm);
            _watch.Note(step.Loss, _trainer.Steps);
            tokensHere += chunk.LastStepOnly ? ActiveSteps(chunk) : step.Tokens;
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            _state = _state with
            {
                Chunk = _state.Chunk + 1,
                LossSum = _state.LossSum + (step.Loss * step.Tokens),
                LossCount = _state.LossCount + step.Tokens,
                Seconds = secondsBefore + seconds,
            };
            progress.Report(_state.Chunk, step.Loss, tokensHere / seconds);
            if (_cancellation.IsCancellationRequested)
            {
                SaveIfSensible();
                return false;
            }
            if (_options.CheckpointEvery > 0 && _trainer.Steps % _options.CheckpointEvery == 0)
                SaveIfSensible();
        }
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        progress.Dispose();
        EndEpoch(tokensHere / elapsed, start, secondsBefore);
        return true;
    }

    /// <summary>What the model read for one answer at the end: the speed counts steps, not answers.</summary>
    private static int ActiveSteps(SequenceChunk chunk) => chunk.Flags == null ? chunk.Steps * chunk.Batch : chunk.Flags.CountActive(chunk.Steps);

    /// <summary>
    /// Validates, keeps the best weights, then the checkpoint that says so: in this order a kill between them loses nothing. Nonsense on the
    /// way to divergence is neither: the files stay as good as they were.
    /// </summary>
    private void EndEpoch(double tokensPerSecond, long start, double secondsBefore)
    {
        int epoch = _state.Epoch + 1;
        double trainLoss = _state.LossSum / _state.LossCount;
        double? validationLoss = _validation == null ? null : _trainer.Evaluate(_validation);
        double loss = validationLoss ?? trainLoss;
        _plateau?.Report(loss);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var summary = new EpochSummary(epoch, trainLoss, validationLoss, tokensPerSecond, seconds);
        bool sensible = _watch.Sensible(validationLoss);
        bool best = sensible && (_state.BestLoss is not { } before || loss < before);
        _state = _state with
        {
            Epoch = epoch,
            Chunk = 0,
            LossSum = 0,
            LossCount = 0,
            Seconds = secondsBefore + seconds,
            Epochs = [.. _state.Epochs, summary],
            BestLoss = best ? loss : _state.BestLoss,
            BestEpoch = best ? epoch : _state.BestEpoch,
        };
        if (best)
            ModelFile.Save(_model, Info(), _options.Model);
        if (sensible)
            SaveCheckpoint();
        WriteLogs();
        _output.Log.WriteLine(FormattableString.Invariant(
            $"epoch {epoch}/{_options.Epochs}: train {trainLoss:F4}{Shown(validationLoss)} {_task.LossUnit}, {tokensPerSecond:F0} tokens/s, {seconds:F1} s")
            + (best ? " (best)" : sensible ? "" : " (not saved: worse than guessing)"));
    }

    private static string Shown(double? validationLoss) =>
        validationLoss is { } loss ? FormattableString.Invariant($", validation {loss:F4}") : "";

    private void WriteLogs()
    {
        RunFiles.WriteLog(RunFiles.Log(_options.Model), _state.Epochs);
        LossPlot.Write(RunFiles.Plot(_options.Model), Path.GetFileName(_options.Data), _task.LossUnit, _state.Epochs, _state.BestEpoch);
        RunFiles.WriteText(RunFiles.Page(_options.Model), ReportPage.Write(Page()));
    }

    private bool OutOfPatience()
    {
        bool stop = _options.Patience > 0 && _state.BestEpoch is { } best && _state.Epoch - best >= _options.Patience;
        if (stop)
            _output.Log.WriteLine($"no better loss for {_options.Patience} epochs: stopped");
        return stop;
    }

    /// <summary>The last loss is that of the weights before their last update; whether the update was a leap into nonsense shows on the next window.</summary>
    private void SaveIfSensible()
    {
        if (_watch.Sensible(_trainer.LossOf(_chunks[_state.Chunk % _chunks.Count])))
            SaveCheckpoint();
    }

    private void SaveCheckpoint()
    {
        _state = _state with { Updates = [.. _updates] };
        CheckpointFile.Save(_trainer, Info(), _state, _options.Checkpoint);
        (_isSaved, _savedSteps) = (true, _trainer.Steps);
    }

    private RunReport Page() => TrainingReport.Create(
        _options, _task, _state with { Updates = _updates }, _model.ParameterCount, _device.Description);

    private ModelInfo Info() => _task.Info with
    {
        Training = new TrainingSummary
        {
            Data = Path.GetFileName(_options.Data),
            Epochs = _state.Epoch,
            BestEpoch = _state.BestEpoch,
            ValidationLoss = _state.BestLoss,
            Steps = _trainer.Steps,
            Options = _fixedOptions,
        },
    };

    private void Report(bool interrupted)
    {
        if (interrupted)
            _output.Log.WriteLine($"interrupted at step {_trainer.Steps}; {(_savedSteps == _trainer.Steps ? "saved" : $"not saved, as it diverges; step {_savedSteps} is in")} {_options.Checkpoint}; go on with the same command and --resume");
        if (interrupted || _state.BestLoss is not { } loss)
        {
            if (_output.Json)
                _output.WriteJson(Result(interrupted, null));
            return;
        }
        (IReadOnlyDictionary<string, double> test, IReadOnlyList<ReportSection> sections, string shown) = OnDevice(Try);
        if (_task.Hint is { } hint)
            _output.Log.WriteLine("hint: " + hint);
        RunFiles.WriteText(RunFiles.Page(_options.Model), ReportPage.Write(Page().With(test, sections)));
        if (_output.Json)
        {
            _output.WriteJson(Result(false, test));
            return;
        }
        string meaning = _task.Meaning(loss) is { } words ? ", " + words : "";
        _output.Result.WriteLine(FormattableString.Invariant(
            $"{(_validation == null ? "training" : "validation")} loss {loss:F4} {_task.LossUnit} (epoch {_state.BestEpoch}){meaning}"));
        foreach ((string name, double value) in test)
            _output.Result.WriteLine(FormattableString.Invariant($"test {name} {value:G6}"));
        _output.Result.WriteLine($"model {_options.Model}");
        _output.Result.WriteLine();
        _output.Result.Write(shown);
    }

    /// <summary>What the best weights can do: on data that training never saw, for the page, and for people.</summary>
    private (IReadOnlyDictionary<string, double> Test, IReadOnlyList<ReportSection> Sections, string Shown) Try()
    {
        using Sequential best = ModelFile.Load(_options.Model, _device.Backend).Model;
        IReadOnlyDictionary<string, double> test = _task.Test(best, _cancellation);
        IReadOnlyList<ReportSection> sections = _task.Report(best, _cancellation);
        var shown = new StringWriter();
        if (!_output.Json)
            _task.Show(best, new Output(shown, _output.Log, terminal: false), _cancellation);
        return (test, sections, shown.ToString());
    }

    private TrainResult Result(bool interrupted, IReadOnlyDictionary<string, double>? test) => new(
        _task.Name, _options.Cell, _options.Seed, _device.IsaName, _device.Threads, _device.Name, _model.ParameterCount,
        [.. _state.Epochs.Select(e => new EpochResult(e.Epoch, e.TrainLoss, e.ValidationLoss, e.TokensPerSecond, e.Seconds))],
        _state.BestEpoch, _validation == null ? null : _state.BestLoss, _options.Model, interrupted, test is { Count: > 0 } ? test : null);
}
