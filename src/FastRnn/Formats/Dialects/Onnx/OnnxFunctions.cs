using FastRnn.Backends;
using FastRnn.Kernels;

namespace FastRnn.Formats.Dialects.Onnx;

/// <summary>Functions of cells and activations in ONNX's words.</summary>
internal static class OnnxFunctions
{
    /// <summary>The name that ONNX's recurrent operators know, and its numbers.</summary>
    public static (string Name, float? Alpha, float? Beta) Of(string function)
    {
        CellFunctionArgs args = CellActivation.Parse(function)!.Value.Args;
        return args.Function switch
        {
            CellFunction.Tanh => ("Tanh", null, null),
            CellFunction.Relu => ("Relu", null, null),
            CellFunction.Sigmoid => ("Sigmoid", null, null),
            CellFunction.Identity => ("Affine", 1, 0),
            CellFunction.HardSigmoid => ("HardSigmoid", args.Alpha, args.Beta),
            CellFunction.Softsign => ("Softsign", null, null),
            CellFunction.Softplus => ("Softplus", null, null),
            CellFunction.Elu => ("Elu", args.Alpha, null),
            CellFunction.LeakyRelu => ("LeakyRelu", args.Alpha, null),
            CellFunction.ThresholdedRelu => ("ThresholdedRelu", args.Alpha, null),
            CellFunction.ScaledTanh => ("ScaledTanh", args.Alpha, args.Beta),
            _ => ("Affine", args.Alpha, args.Beta),
        };
    }

    /// <summary>Writes an activation as nodes.</summary>
    /// <returns>Name of its value; null where the function is not known.</returns>
    public static string? Write(OnnxGraphBuilder graph, string prefix, string function, string x)
    {
        string Node(string operation, string input, params OnnxAttributeWriter[] attributes) => graph.Add(prefix + operation, operation, [input], attributes);
        string With(string operation, string a, float b) => graph.Add(prefix + operation, operation, [a, graph.Constant($"{prefix}{operation}.value", [b])]);
        switch (function)
        {
            case "hard_sigmoid":
                return Node("HardSigmoid", x, OnnxAttributeWriter.Of("alpha", 1f / 6f), OnnxAttributeWriter.Of("beta", 0.5f));
            case "silu":
                return graph.Add($"{prefix}Mul", "Mul", [x, Node("Sigmoid", x)]);
            case "gelu": // x·(1 + erf(x/√2))/2
                return graph.Add($"{prefix}Mul", "Mul", [With("Mul", x, 0.5f), With("Add", Node("Erf", With("Mul", x, (float)Math.Sqrt(0.5))), 1)]);
            case "identity":
                return Node("Identity", x);
        }
        if (CellActivation.Parse(function) is null)
            return null;
        (string name, float? alpha, float? beta) = Of(function);
        if (name == "Affine")
            return With("Add", With("Mul", x, alpha!.Value), beta!.Value);
        if (name == "ScaledTanh")
            return With("Mul", Node("Tanh", With("Mul", x, beta!.Value)), alpha!.Value);
        var attributes = new List<OnnxAttributeWriter>();
        if (alpha is { } first)
            attributes.Add(OnnxAttributeWriter.Of("alpha", first));
        if (beta is { } second)
            attributes.Add(OnnxAttributeWriter.Of("beta", second));
        return Node(name, x, [.. attributes]);
    }
}
