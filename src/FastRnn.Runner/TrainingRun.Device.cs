using FastRnn.OpenCL;

namespace FastRnn.Runner;

// What happens when the device fails: the CPU goes on from the last checkpoint, or the run ends and the checkpoint stays.
internal sealed partial class TrainingRun
{
    /// <summary>Whether there is a checkpoint of this run, or the one that it resumes.</summary>
    private bool _isSaved;

    /// <param name="work">What to do, from <see cref="_state"/> on.</param>
    /// <param name="restarts">Whether what lay on the device must be made again on the CPU before the work goes on there.</param>
    private void OnDevice(Action work, bool restarts)
    {
        try
        {
            work();
        }
        catch (OpenClException e) when (_device.MayFallBack)
        {
            _device.FallBack(e);
            if (restarts)
                Begin();
            work();
        }
        catch (OpenClException e)
        {
            throw Failed(e);
        }
    }

    /// <summary>The same for work that needs files alone.</summary>
    private T OnDevice<T>(Func<T> work)
    {
        T result = default!;
        OnDevice(() => result = work(), restarts: false);
        return result;
    }

    private CliException Failed(OpenClException e) => new(
        ExitCodes.Of(e),
        e.Message + (_isSaved ? $"; last checkpoint: {_options.Checkpoint}, {(_savedSteps == 0 ? "untrained" : $"step {_savedSteps}")}; --resume goes on, on any device" : ""));
}
