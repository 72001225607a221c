using System.Globalization;
using FastRnn.Backends;

namespace FastRnn.Suites;

/// <summary>A stack of equal cells: the first layer reads I values a step, all have H units.</summary>
internal sealed record WorkShape(CellType Cell, int Input, int Hidden, int Layers, int Steps, int Batch)
{
    public string CellName => Cell.Kind.ToString().ToLowerInvariant();

    /// <summary>Width of what a layer reads.</summary>
    public int InputOf(int layer) => layer == 0 ? Input : Hidden;

    /// <summary>Weights of one layer, biases left out.</summary>
    public double Weights(int layer) => (double)Cell.Gates * Hidden * (InputOf(layer) + Hidden);

    /// <summary>Recurrent weights of one layer.</summary>
    public double RecurrentWeights => (double)Cell.Gates * Hidden * Hidden;

    /// <summary>Weights of all layers, biases left out.</summary>
    public double AllWeights => Enumerable.Range(0, Layers).Sum(Weights);

    /// <summary>Positions: steps times samples.</summary>
    public double Positions => (double)Steps * Batch;

    /// <summary>As in a row's name: <c>lstm-512x2-t64-b64</c>, <c>lstm-1-32</c>.</summary>
    public string Slug => string.Create(
        CultureInfo.InvariantCulture,
        $"{CellName}-{(Input == Hidden ? "" : $"{Input}-")}{Hidden}{(Layers == 1 ? "" : $"x{Layers}")}{(Steps * Batch == 1 ? "" : $"-t{Steps}-b{Batch}")}");
}

/// <summary>What one unit of a row's work is.</summary>
internal enum WorkMode
{
    /// <summary>One step of one sample, the state carried on.</summary>
    Step,

    /// <summary>A forward pass of a batch of sequences that keeps nothing.</summary>
    Infer,

    /// <summary>Forward and backward pass, gradients of all weights and of the input.</summary>
    Train,

    /// <summary>A whole training step: forward, squared loss, backward, clipping by the global norm, Adam.</summary>
    Whole,

    /// <summary>A kernel alone, on data in L1.</summary>
    Kernel,
}
