using FastRnn.Backends;

namespace FastRnn.Layers;

/// <summary>The weights that sessions compute with: sets that are never written again, so that any number of threads share them.</summary>
public sealed partial class Sequential
{
    private readonly Lock _gate = new();
    private readonly List<WeightForm> _forms = [];

    /// <summary>What the parameters were at <see cref="_liveTicks"/>, until something is published.</summary>
    private WeightSet? _live;
    private WeightSet? _published;
    private int _liveTicks;
    private ulong _fingerprint; // 0: not asked for yet; threads that ask at the same time find the same

    /// <summary>Ticks whenever sessions have other weights to take.</summary>
    internal WeightClock Clock { get; } = new();

    /// <summary>The layers, for messages.</summary>
    internal string LayerText => string.Join(", ", _layers.AsEnumerable());

    /// <summary>Tells models apart whose states, or weights, do not go into each other. Weights do not count.</summary>
    internal ulong Fingerprint => Volatile.Read(ref _fingerprint) is var known and not 0 ? known : _fingerprint = HashOf(LayerText);

    /// <summary>
    /// Copies the parameters as they are now. Parameters are not to be written meanwhile: call it where the model trains, hand the copy to whoever serves.
    /// </summary>
    /// <exception cref="NotSupportedException">A layer reads whole sequences: there are no sessions that could use it.</exception>
    public WeightSet Snapshot()
    {
        RefuseReadingAhead();
        return new WeightSet(this);
    }

    /// <summary>
    /// Gives other weights to the sessions of this model, those that run and those to come; any thread may call it at any time. Each step, block or batch
    /// reads one set whole: those that have begun end with the old weights, those that begin after this call have the new ones, and states go on.
    /// All that a session needs is packed here, so that none waits, locks or allocates when it takes the new set. A set is freed once no session,
    /// and nobody else, holds it. From the first call on, sessions no longer follow <see cref="Parameters"/>, which stay what they are: training,
    /// predictions and saved files have those.
    /// </summary>
    /// <param name="weights">Of a model with the same layers, for example <c>trained.Snapshot()</c>, or of a loaded file's model.</param>
    /// <exception cref="ArgumentException">It has other layers.</exception>
    public void Replace(WeightSet weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RefuseReadingAhead();
        if (weights.Source.Fingerprint != Fingerprint)
            throw new ArgumentException($"weights of [{weights}], the model is [{LayerText}]", nameof(weights));
        WeightSet set = weights.For(Backend);
        lock (_gate)
        {
            foreach (WeightForm form in _forms)
                set.Prepare(form);
            Volatile.Write(ref _published, set);
            _live = null;
        }
        Clock.Tick();
    }

    /// <summary>The weights of now, for a session that will ask for this form.</summary>
    internal WeightSet Open(WeightForm form, out int ticks)
    {
        lock (_gate)
        {
            if (!_forms.Contains(form))
                _forms.Add(form);
            ticks = Clock.Ticks;
            WeightSet set = _published ?? Live(ticks);
            set.Prepare(form);
            return set;
        }
    }

    /// <summary>The weights of now, with all forms that any session has asked for. Once weights were published it takes no lock.</summary>
    internal WeightSet Latest(out int ticks)
    {
        ticks = Clock.Ticks;
        if (Volatile.Read(ref _published) is { } published)
            return published;
        lock (_gate)
        {
            ticks = Clock.Ticks;
            return _published ?? Live(ticks);
        }
    }

    /// <summary>The same model on another back end, reading the same parameters until it is told to use others.</summary>
    internal Sequential On(Backend backend) => new(this, backend);

    /// <summary>A model of the same layers with parameters of its own, not drawn.</summary>
    internal Sequential Unbuilt(Backend backend) => new(backend, Seed, [.. _layers.Select(layer => layer.Unbuilt())]) { InitialState = InitialState };

    /// <summary>Goes on with the parameters of a like model. Allocates nothing.</summary>
    internal void Use(Sequential other)
    {
        for (int i = 0; i < _layers.Length; i++)
            _layers[i].Use(other._layers[i]);
    }

    internal void RefuseReadingAhead()
    {
        if (LayerThatReadsAhead != null)
            throw new NotSupportedException($"{LayerThatReadsAhead} reads whole sequences: the model cannot stream, Predict takes whole windows");
    }

    /// <summary>FNV-1a (Fowler, Noll, Vo 1991).</summary>
    private static ulong HashOf(string text)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in text)
            hash = (hash ^ c) * 1099511628211;
        return hash;
    }

    /// <summary>Gives back what a pass has packed, where sessions pack for themselves: a loaded model then has its weights once.</summary>
    internal void ReleasePacked()
    {
        if (!Backend.InferenceOnly)
            return;
        foreach (ProductWeights weights in _layers.SelectMany(layer => layer.Products))
            weights.Release();
    }

    /// <summary>Weights of a model that is not trained are what they are: its own serve the sessions.</summary>
    private WeightSet Live(int ticks)
    {
        if (_live != null && ticks == _liveTicks)
            return _live;
        WeightSet set = Backend.InferenceOnly ? WeightSet.Of(this) : new WeightSet(this);
        foreach (WeightForm form in _forms)
            set.Prepare(form);
        (_live, _liveTicks) = (set, ticks);
        return set;
    }
}
