using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// How a cell's pre-activations lie in strips. Every block of 16 units has <see cref="BlockStrips"/> of them; the input product writes
/// <see cref="InputGates"/>.Length neighbours from <see cref="FirstInput"/> on, the recurrent product the same number from
/// <see cref="FirstRecurrent"/> on. The lists name PyTorch's gates in the order of the strips.
/// </summary>
internal sealed class GateLayout
{
    /// <summary>i, f, g, o: one chain each.</summary>
    private static readonly GateLayout _lstm = new(4, 0, [0, 1, 2, 3], 0, [0, 1, 2, 3], -1);

    /// <summary>n_x, r, z, n_h: the candidate has two chains, at both ends, so that either product writes three neighbours.</summary>
    private static readonly GateLayout _gru = new(4, 0, [2, 0, 1], 1, [0, 1, 2], 2);

    private static readonly GateLayout _rnn = new(1, 0, [0], 0, [0], -1);

    private GateLayout(int blockStrips, int firstInput, int[] inputGates, int firstRecurrent, int[] recurrentGates, int apart) =>
        (BlockStrips, FirstInput, InputGates, FirstRecurrent, RecurrentGates, Apart) =
            (blockStrips, firstInput, inputGates, firstRecurrent, recurrentGates, apart);

    public int BlockStrips { get; }

    public int FirstInput { get; }

    public int[] InputGates { get; }

    public int FirstRecurrent { get; }

    public int[] RecurrentGates { get; }

    /// <summary>The gate whose recurrent chain is one of its own and starts at b_hh, or −1.</summary>
    public int Apart { get; }

    public int Gates => InputGates.Length;

    /// <summary>Columns of a panel: all gates of a block, or 64 units of a cell with one gate.</summary>
    public int PanelWidth => Gates == 1 ? Gemm.PanelColumns : Gates * 16;

    /// <summary>Unit blocks of a panel.</summary>
    public int PanelBlocks => Gates == 1 ? 4 : 1;

    public static GateLayout Of(CellKind kind) => kind switch
    {
        CellKind.Lstm => _lstm,
        CellKind.Gru => _gru,
        _ => _rnn,
    };

    public static CellKernel Kernel(CellType cell) => (cell.Kind, cell.Activation.Args.Function) switch
    {
        (CellKind.Lstm, _) => CellKernel.Lstm,
        (CellKind.Gru, _) => CellKernel.Gru,
        (_, CellFunction.Tanh) => CellKernel.RnnTanh,
        (_, CellFunction.Relu) => CellKernel.RnnRelu,
        (_, CellFunction.Sigmoid) => CellKernel.RnnSigmoid,
        _ => CellKernel.RnnIdentity,
    };

    /// <summary>Gates in four bits each, as <see cref="WeightGradientArgs.GateOrder"/> wants them.</summary>
    public static int Order(int[] gates)
    {
        int order = 0;
        for (int i = 0; i < gates.Length; i++)
            order |= gates[i] << (4 * i);
        return order;
    }
}
