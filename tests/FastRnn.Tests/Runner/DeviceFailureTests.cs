using System.Collections;
using FastRnn.Formats;
using FastRnn.Layers;
using FastRnn.OpenCL;
using FastRnn.Runner;
using FastRnn.Tests.OpenCL;
using FastRnn.Tests.Support;
using FastRnn.Training;
using Xunit;

namespace FastRnn.Tests.Runner;

/// <summary>
/// A device that fails in a run: with <c>--device auto</c> the CPU goes on from the last checkpoint, to the bits of a run that never had the device where that
/// is exact; with <c>--device opencl</c> the run ends, and its checkpoint is there to go on from.
/// </summary>
public sealed class DeviceFailureTests(OpenClFixture fixture) : IClassFixture<OpenClFixture>, IDisposable
{
    private readonly RunnerFolder _folder = new();
    private readonly StringWriter _log = new(), _results = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Windows are counted over all passes: of training, of validation and of what is read again.</summary>
    [OpenClTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(60)]
    public void TheCpuGoesOnFromTheLastCheckpoint(int window)
    {
        Assert.Equal(ExitCodes.Ok, Train("whole", isAuto: false, failing: -1, new FastRnn.Backends.CpuBackend(1)));
        Assert.Equal(ExitCodes.Ok, Train("parts", isAuto: true, window, new OpenClBackend()));
        string log = _log.ToString();
        Assert.Equal(2, log.Split("fastrnn: opencl:0 has failed and the CPU goes on (").Length);
        Assert.Contains("clCreateBuffer of ", log, StringComparison.Ordinal);
        Assert.Contains("resumed after ", log, StringComparison.Ordinal);
        if (!fixture.Backend.Device.IsExact)
            return;
        TrainingState.AssertSame(State("whole"), State("parts"));
        Assert.Equal(_folder.Read("whole"), _folder.Read("parts"));
    }

    /// <summary>From its first answer on: nothing is there yet but the data.</summary>
    [OpenClFact]
    public void ADeviceThatNeverAnswersIsReplacedAtOnce()
    {
        Assert.Equal(ExitCodes.Ok, Train("m", isAuto: true, failing: -1, new OpenClBackend(0, new OpenClOptions { WaitLimit = TimeSpan.Zero })));
        Assert.Contains("no answer within 0 s", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, State("m").Epoch);
    }

    [OpenClTheory]
    [InlineData(0, 0)]
    [InlineData(20, 16)]
    public void WithoutAutoTheRunEndsAndTheCheckpointStays(int window, int saved)
    {
        CliException error = Assert.Throws<CliException>(() => Train("m", isAuto: false, window, new OpenClBackend()));
        Assert.Equal(ExitCodes.OutOfMemory, error.ExitCode); // of the device: what fails here asks for too much
        string where = saved == 0 ? "untrained" : $"step {saved}";
        Assert.EndsWith($"; last checkpoint: {_folder.At("m")}.checkpoint, {where}; --resume goes on, on any device", error.Message, StringComparison.Ordinal);
        Assert.Equal(saved, State("m").Steps);
    }

    private TrainingState State(string name) => TrainingState.Read(_folder.At(name + ".checkpoint"));

    private int Train(string name, bool isAuto, int failing, FastRnn.Backends.Backend backend)
    {
        var output = new Output(_results, _log, terminal: false);
        var options = new TrainOptions
        {
            Data = _folder.At(RunnerFolder.Data),
            Model = _folder.At(name),
            Cell = "lstm",
            Hidden = 8,
            Layers = 2,
            Dropout = 0.2f,
            Batch = 4,
            Epochs = 2,
            Seed = 1,
            CheckpointEvery = 8,
            Update = new UpdateSettings { Optimizer = "adam", LearningRate = 0.01f, Schedule = "plateau", ScheduleEpochs = 1, ScheduleFactor = 0.5, ClipNorm = 1 },
        };
        using var device = new ComputeDevice(backend, 1, isAuto, output);
        var task = new FailingTask(new CharLm(options, embedding: 4, timeSteps: 16, validationSplit: 0.1), failing, () => Fail(device));
        return new TrainingRun(options, task, device, output, CancellationToken.None).Run();
    }

    /// <summary>More than any device has.</summary>
    private static void Fail(ComputeDevice device) => device.Backend.Allocate(int.MaxValue, 1 << 16);

    /// <summary>A task in which something happens once, before a window is read.</summary>
    private sealed class FailingTask(CharLm task, int window, Action happens) : TrainingTask
    {
        private FailingSequence? _training;

        public override string Name => task.Name;

        public override string LossUnit => task.LossUnit;

        public override double GuessingLoss => task.GuessingLoss;

        public override string Description => task.Description;

        public override Loss Loss => task.Loss;

        public override bool CarriesState => task.CarriesState;

        public override IChunkSequence Training => _training ??= new(task.Training, window, happens);

        public override IChunkSequence? Validation => task.Validation;

        public override ModelInfo Info => task.Info;

        public override Layer[] CreateLayers(Func<int, RecurrentLayer> cell) => task.CreateLayers(cell);

        public override void AddFixed(Dictionary<string, string> options) => task.AddFixed(options);
    }

    private sealed class FailingSequence(IChunkSequence chunks, int window, Action happens) : IChunkSequence
    {
        private int _reads;

        public int Count => chunks.Count;

        public int Epoch
        {
            get => chunks.Epoch;
            set => chunks.Epoch = value;
        }

        public SequenceChunk this[int index]
        {
            get
            {
                if (_reads++ == window)
                    happens();
                return chunks[index];
            }
        }

        public IEnumerator<SequenceChunk> GetEnumerator() => chunks.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
