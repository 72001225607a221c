using FastRnn.Backends;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.Training;

namespace FastRnn.Runner;

// How a run begins: anew, or where a checkpoint stands.
internal sealed partial class TrainingRun
{
    /// <summary>The model and its trainer, new or as the checkpoint has them.</summary>
    private void Begin()
    {
        Schedule? schedule = _options.Update.CreateSchedule(_chunks.Count, out _plateau);
        (_model, _trainer, _state) = _isSaved ? Resume(schedule) : Start(schedule);
        _watch = new DivergenceWatch(_task.GuessingLoss, _task.LossUnit);
        _trainer.Recompute = _options.Recompute;
        _updates.Clear();
        _updates.AddRange(_state.Updates);
    }

    private Layer[] CreateLayers() => _task.CreateLayers(RecurrentLayer);

    private (Sequential Model, Trainer Trainer, RunState State) Start(Schedule? schedule)
    {
        if (_options.Dropout > 0 && _options.Layers == 1 && _task.DropsBetweenLayersOnly)
            _output.Log.WriteLine("note: --dropout acts between recurrent layers, and there is one");
        var model = new Sequential(_device.Backend, _options.Seed, CreateLayers());
        return (model, CreateTrainer(model, schedule), new RunState { Options = _fixedOptions });
    }

    private RecurrentLayer RecurrentLayer(int input) => _options.Cell switch
    {
        "gru" => new Gru(input, _options.Hidden) { WeightDrop = _options.WeightDrop },
        "rnn" => new Rnn(input, _options.Hidden, _options.Activation == "relu" ? CellActivation.Relu : CellActivation.Tanh) { WeightDrop = _options.WeightDrop },
        _ => new Lstm(input, _options.Hidden) { WeightDrop = _options.WeightDrop },
    };

    private (Sequential Model, Trainer Trainer, RunState State) Resume(Schedule? schedule)
    {
        RunFiles.RequireFile(_options.Checkpoint, "no checkpoint to resume from");
        Checkpoint checkpoint = CheckpointFile.Load(_options.Checkpoint, _device.Backend, _cancellation);
        checkpoint.Run.RequireOptions(_fixedOptions, _options.Checkpoint);
        Trainer trainer = CreateTrainer(checkpoint.Model, schedule);
        checkpoint.Restore(trainer);
        _savedSteps = trainer.Steps;
        _output.Log.WriteLine($"resumed after {checkpoint.Run.Epoch} epochs, at step {trainer.Steps}");
        return (checkpoint.Model, trainer, checkpoint.Run);
    }

    private Trainer CreateTrainer(Sequential model, Schedule? schedule) =>
        new(model, _task.Loss, _options.Update.CreateOptimizer())
        {
            ClipNorm = _options.Update.ClipNorm,
            Schedule = schedule,
            CarryState = _task.CarriesState,
        };
}
