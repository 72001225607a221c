using FastRnn.Backends;
using FastRnn.Layers;

namespace FastRnn.Formats;

/// <summary>
/// Packs weights that are whole while the rest of their file is read: the model is run next, and reading keeps one core busy. By a thread of its own that ends before
/// the load does – all of the pool's may be waiting for this very load – and by none where the back end has only its caller's.
/// </summary>
internal sealed class PackAhead(Sequential model) : IDisposable
{
    /// <summary>So many floats are worth it.</summary>
    private const int Least = 1 << 18;

    private readonly object _gate = new();
    private readonly Queue<Parameter> _waiting = [];
    private readonly ProductWeights[] _products = [.. model.LayerArray.SelectMany(layer => layer.Products)];
    private Thread? _thread;
    private bool _ends;

    /// <summary>All of it was read.</summary>
    public void Add(Parameter parameter)
    {
        if (model.Backend.HostThreads < 2 || parameter.Length < Least)
            return;
        lock (_gate)
        {
            _waiting.Enqueue(parameter);
            Monitor.Pulse(_gate);
        }
        if (_thread != null)
            return;
        _thread = new Thread(Run) { IsBackground = true, Name = "FastRnn weights" };
        _thread.Start();
    }

    /// <summary>Nothing more is read: the caller packs, too.</summary>
    public void Finish()
    {
        while (Next(waits: false) is { } parameter)
            Pack(parameter);
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
        catch (OutOfMemoryException)
        {
            // The first pass asks for the same memory, where somebody can be told.
        }
    }

    private Parameter? Next(bool waits)
    {
        lock (_gate)
        {
            while (waits && _waiting.Count == 0 && !_ends)
                Monitor.Wait(_gate);
            return _waiting.TryDequeue(out Parameter? parameter) ? parameter : null;
        }
    }

    private void Pack(Parameter parameter)
    {
        foreach (ProductWeights weights in _products)
            weights.PrepareFrom(parameter.Value);
    }
}
