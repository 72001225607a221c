using System.Runtime.ExceptionServices;
using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>
/// Packs weights that are whole while the rest of their file is read: the model is run next, and reading keeps one core busy. By a thread of its own that ends before
/// the load does – all of the pool's may be waiting for this very load – and by none where the back end has only its caller's.
/// </summary>
/// <param name="products">What is packed.</param>
/// <param name="threads">Of the back end.</param>
internal sealed class PackAhead(ProductWeights[] products, int threads) : IDisposable
{
    /// <summary>So many floats are worth it.</summary>
    public const int Least = 1 << 18;

    private readonly object _gate = new();
    private readonly Queue<DeviceBuffer> _waiting = [];
    private Thread? _thread;
    private bool _ends;
    private ExceptionDispatchInfo? _failure;

    public PackAhead(Sequential model)
        : this([.. model.LayerArray.SelectMany(layer => layer.Products)], model.Backend.HostThreads)
    {
    }

    /// <summary>Whether there is a thread.</summary>
    public bool Runs => _thread is { IsAlive: true };

    /// <summary>All of the parameter was read.</summary>
    public void Add(DeviceBuffer parameter)
    {
        if (threads < 2 || parameter.Length < Least)
            return;
        lock (_gate)
        {
            _waiting.Enqueue(parameter);
            Monitor.Pulse(_gate);
        }
        if (_thread != null)
            return;
        var thread = new Thread(Run) { IsBackground = true, Name = "FastRnn weights" };
        thread.Start();
        _thread = thread;
    }

    /// <summary>Nothing more is read: the caller packs, too. Throws what could not be packed for.</summary>
    public void Finish()
    {
        try
        {
            while (Next(waits: false) is { } parameter)
                Pack(parameter);
        }
        finally
        {
            Dispose();
        }
        _failure?.Throw();
    }

    /// <summary>What has not begun is left to the first pass; from here on no other thread reads the weights.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ends = true;
            _waiting.Clear();
            Monitor.Pulse(_gate);
        }
        _thread?.Join();
    }

    private void Run()
    {
        try
        {
            while (Next(waits: true) is { } parameter)
                Pack(parameter);
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e); // for the loading thread
        }
    }

    private DeviceBuffer? Next(bool waits)
    {
        lock (_gate)
        {
            while (waits && _waiting.Count == 0 && !_ends)
                Monitor.Wait(_gate);
            return _waiting.TryDequeue(out DeviceBuffer? parameter) ? parameter : null;
        }
    }

    private void Pack(DeviceBuffer parameter)
    {
        foreach (ProductWeights weights in products)
            weights.PrepareFrom(parameter);
    }
}
