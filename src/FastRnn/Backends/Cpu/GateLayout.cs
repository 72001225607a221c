using FastRnn.Kernels;

namespace FastRnn.Backends;

/// <summary>
/// How a cell's pre-activations lie in strips. Every block of 16 units has <see cref="BlockStrips"/> of them, the cell's own first. A product
/// writes neighbouring strips; its gates are PyTorch's in the order of the strips.
/// </summary>
internal sealed class GateLayout
{
    /// <summary>i, f, g, o: one chain each.</summary>
    private static readonly GateLayout _lstm = new() { CellStrips = 4, Input = new(0, [0, 1, 2, 3]), Recurrent = new(0, [0, 1, 2, 3]) };

    /// <summary>n_x, r, z, n_h: the candidate has two chains, at both ends, so that either product writes three neighbours.</summary>
    private static readonly GateLayout _gru = new() { CellStrips = 4, Input = new(0, [2, 0, 1]), Recurrent = new(1, [0, 1, 2]), Apart = 2 };

    private static readonly GateLayout _rnn = new() { CellStrips = 1, Input = new(0, [0]), Recurrent = new(0, [0]) };

    /// <summary>r, z, n: the candidate's recurrent product comes second, with r⊙h.</summary>
    private static readonly GateLayout _gruBefore = new()
    {
        CellStrips = 3,
        Input = new(0, [0, 1, 2]),
        Recurrent = new(0, [0, 1]),
        Second = new(2, [2]),
    };

    /// <summary>Strips of a unit block.</summary>
    public int BlockStrips => !Normalized ? CellStrips : CellStrips + Input.Gates.Length + Recurrent.Gates.Length + (Second?.Gates.Length ?? 0);

    /// <summary>Strips that the cell's point-wise part reads and writes.</summary>
    public int CellStrips { get; private init; }

    public GateProduct Input { get; private init; } = null!;

    public GateProduct Recurrent { get; private init; } = null!;

    /// <summary>The recurrent product of the gates that wait for others, or null.</summary>
    public GateProduct? Second { get; private init; }

    /// <summary>The gate whose recurrent chain is one of its own and starts at b_hh, or −1.</summary>
    public int Apart { get; private init; } = -1;

    /// <summary>Whether the products have strips of their own, behind the cell's, where they are normalised and stay.</summary>
    public bool Normalized { get; private init; }

    public static GateLayout Of(CellType cell)
    {
        GateLayout plain = cell.Kind switch
        {
            CellKind.Lstm => _lstm,
            CellKind.Gru => cell.ResetBefore ? _gruBefore : _gru,
            _ => _rnn,
        };
        if (!cell.LayerNorm)
            return plain;
        int input = plain.CellStrips, recurrent = input + plain.Input.Gates.Length, second = recurrent + plain.Recurrent.Gates.Length;
        return new GateLayout
        {
            CellStrips = plain.CellStrips,
            Input = new(input, plain.Input.Gates, plain.Input.FirstStrip),
            Recurrent = new(recurrent, plain.Recurrent.Gates, plain.Recurrent.FirstStrip),
            Second = plain.Second == null ? null : new(second, plain.Second.Gates, plain.Second.FirstStrip),
            Apart = plain.Apart,
            Normalized = true,
        };
    }

    public static CellKernel Kernel(CellType cell)
    {
        CellFunction function = cell.Activation.Args.Function;
        bool usual = cell.GateActivation == CellActivation.Sigmoid && cell.Activation == CellActivation.Tanh && cell.OutputActivation == CellActivation.Tanh;
        bool plain = usual && cell.GateClip == 0, plainLstm = plain && !cell.Peepholes && !cell.Coupled && cell.CellClip == 0;
        return cell.Kind switch
        {
            CellKind.Lstm => plainLstm ? CellKernel.Lstm : CellKernel.LstmVariant,
            CellKind.Gru when cell.ResetBefore => CellKernel.GruBeforeState,
            CellKind.Gru => plain ? CellKernel.Gru : CellKernel.GruVariant,
            _ when cell.GateClip > 0 => CellKernel.RnnVariant,
            _ => function switch
            {
                CellFunction.Tanh => CellKernel.RnnTanh,
                CellFunction.Relu => CellKernel.RnnRelu,
                CellFunction.Sigmoid => CellKernel.RnnSigmoid,
                CellFunction.Identity => CellKernel.RnnIdentity,
                _ => CellKernel.RnnVariant,
            },
        };
    }

    /// <summary>Gates in four bits each, as <see cref="WeightGradientArgs.GateOrder"/> wants them.</summary>
    public static int Order(int[] gates)
    {
        int order = 0;
        for (int i = 0; i < gates.Length; i++)
            order |= gates[i] << (4 * i);
        return order;
    }
}

/// <summary>
/// One product of a cell: its gates, and the strips of a block that it writes. <see cref="CellStrip"/> is where its first gate stands among the
/// cell's strips: the same place, unless the product is normalised first.
/// </summary>
internal sealed class GateProduct(int firstStrip, int[] gates, int? cellStrip = null)
{
    public int FirstStrip => firstStrip;

    public int[] Gates => gates;

    public int CellStrip => cellStrip ?? firstStrip;

    /// <summary>Columns of a panel: all gates of a block, or 64 units of a product with one gate.</summary>
    public int PanelWidth { get; } = gates.Length == 1 ? Gemm.PanelColumns : gates.Length * 16;

    /// <summary>Unit blocks of a panel.</summary>
    public int PanelBlocks { get; } = gates.Length == 1 ? 4 : 1;
}
