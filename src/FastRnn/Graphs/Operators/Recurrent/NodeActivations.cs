using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.Graphs.Operators;

/// <summary>
/// The functions that a recurrent node names, with their numbers. α and β stand in lists of their own in the order of the functions, and a function takes the next
/// one only if it has such a number: so ONNX Runtime reads what the specification leaves open. Names may be written in any case.
/// </summary>
internal sealed class NodeActivations
{
    private readonly GraphNode _node;
    private readonly string[]? _names;
    private readonly float[] _alphas, _betas;
    private readonly int _functions;
    private int _alpha, _beta;

    /// <param name="node">RNN, GRU or LSTM.</param>
    /// <param name="directions">1 or 2.</param>
    /// <param name="functions">Of one direction.</param>
    public NodeActivations(GraphNode node, int directions, int functions)
    {
        (_node, _functions) = (node, functions);
        _names = node.Texts("activations");
        (_alphas, _betas) = (node.Floats("activation_alpha") ?? [], node.Floats("activation_beta") ?? []);
        if (_names is { Length: 0 })
            _names = null;
        if (_names != null && _names.Length != directions * functions)
            throw node.Error($"attribute activations has {_names.Length} names, not {directions * functions}");
        if (_names == null && _alphas.Length + _betas.Length > 0)
            throw node.Error($"attribute {(_alphas.Length > 0 ? "activation_alpha" : "activation_beta")} without activations");
    }

    /// <summary>The functions of the next direction, or the usual ones.</summary>
    public CellActivation[] Next(params CellActivation[] usual)
    {
        if (_names == null)
            return usual;
        int first = _next * _functions;
        _next++;
        var result = new CellActivation[_functions];
        for (int i = 0; i < result.Length; i++)
            result[i] = Read(_names[first + i]);
        return result;
    }

    private int _next;

    /// <summary>Every number has been taken.</summary>
    public void CheckAllTaken()
    {
        if (_alpha < _alphas.Length && !IsPadding(_alphas))
            throw _node.Error($"attribute activation_alpha has {_alphas.Length} numbers, its functions take {_alpha}");
        if (_beta < _betas.Length && !IsPadding(_betas))
            throw _node.Error($"attribute activation_beta has {_betas.Length} numbers, its functions take {_beta}");
    }

    /// <summary>Lists of zeros alone say nothing: some writers have one for every function.</summary>
    private static bool IsPadding(float[] numbers) => numbers.AsSpan().IndexOfAnyExcept(0f) < 0;

    private CellActivation Read(string name)
    {
        foreach ((string known, CellFunction function, float alpha, float beta) in (ReadOnlySpan<(string, CellFunction, float, float)>)
        [
            ("Sigmoid", CellFunction.Sigmoid, None, None), ("Tanh", CellFunction.Tanh, None, None), ("Relu", CellFunction.Relu, None, None),
            ("Softsign", CellFunction.Softsign, None, None), ("Softplus", CellFunction.Softplus, None, None),
            ("HardSigmoid", CellFunction.HardSigmoid, 0.2f, 0.5f), ("LeakyRelu", CellFunction.LeakyRelu, 0.01f, None),
            ("ThresholdedRelu", CellFunction.ThresholdedRelu, 1f, None), ("Elu", CellFunction.Elu, 1f, None),
            ("Affine", CellFunction.Affine, 1f, 0f), ("ScaledTanh", CellFunction.ScaledTanh, 1f, 1f),
        ])
        {
            if (name.Equals(known, StringComparison.OrdinalIgnoreCase))
                return CellActivation.OfNode(function, Take(_alphas, ref _alpha, alpha), Take(_betas, ref _beta, beta));
        }
        throw _node.Error($"attribute activations has {SafeText.Quote(name)}, which is no function of recurrent nodes");
    }

    /// <summary>Stands for a number that the function does not have.</summary>
    private const float None = float.NaN;

    private float Take(float[] numbers, ref int next, float usual)
    {
        if (float.IsNaN(usual))
            return 0;
        float number = next < numbers.Length ? numbers[next++] : usual;
        return float.IsFinite(number) ? number : throw _node.Error("attribute activation_alpha or activation_beta has a number that is not finite");
    }
}
