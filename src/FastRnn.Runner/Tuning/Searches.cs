using FastRnn.Numerics;

namespace FastRnn.Runner;

/// <summary>
/// Proposes the setting of the next trial. It knows nothing but the seed and the finished trials, so a search that goes on proposes what it would
/// have proposed.
/// </summary>
internal abstract class Search(SearchSpace space, ulong seed)
{
    public static readonly string[] Methods = ["bayes", "random", "grid"];

    protected SearchSpace Space { get; } = space;

    protected ulong Seed { get; } = seed;

    public static Search Create(string method, SearchSpace space, ulong seed) => method switch
    {
        "grid" => new GridSearch(space, seed),
        "random" => new RandomSearch(space, seed),
        _ => new BayesSearch(space, seed),
    };

    /// <summary>The next setting; null: all were tried.</summary>
    public abstract string[]? Propose(IReadOnlyList<Trial> done);

    protected static Tried TriedIn(IReadOnlyList<Trial> done) => new(done.Select(trial => trial.Values));
}

/// <summary>Every setting of a grid, in order.</summary>
internal sealed class GridSearch(SearchSpace space, ulong seed) : Search(space, seed)
{
    public override string[]? Propose(IReadOnlyList<Trial> done) => Space.Grid.Skip(done.Count).FirstOrDefault();
}

/// <summary>Settings by chance (Bergstra, Bengio 2012), none twice.</summary>
internal sealed class RandomSearch(SearchSpace space, ulong seed) : Search(space, seed)
{
    public override string[]? Propose(IReadOnlyList<Trial> done)
    {
        var random = new PhiloxStream(Seed, (ulong)done.Count);
        return Space.DrawUntried(TriedIn(done), ref random);
    }
}
