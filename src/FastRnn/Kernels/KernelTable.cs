using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// The kernels of one instruction set as function pointers: chosen once, called through the table once an array. A table can be built for
/// any level the CPU has, so that one process can compare levels bit by bit.
/// </summary>
internal sealed unsafe class KernelTable
{
    private static readonly KernelTable?[] Cache = new KernelTable?[3];

    private readonly delegate*<TileArgs*, void>[] _tiles;

    private KernelTable(IsaLevel isa, int width, int tileRows)
    {
        Isa = isa;
        Width = width;
        TileRows = tileRows;
        NarrowTileRows = tileRows + (tileRows / 3);
        _tiles = new delegate*<TileArgs*, void>[NarrowTileRows * 4 * (int)TileKind.Count];
    }

    public IsaLevel Isa { get; }

    /// <summary>Floats in a register.</summary>
    public int Width { get; }

    /// <summary>Most rows of a tile of four registers.</summary>
    public int TileRows { get; }

    /// <summary>Most rows of a tile of three registers or fewer: as many accumulators.</summary>
    public int NarrowTileRows { get; }

    /// <summary>The tile of so many rows and registers, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public delegate*<TileArgs*, void> Tile(nint rows, nint registers, TileKind kind) => _tiles[TileIndex(rows, registers, kind)];

    /// <summary>Panels that a tile of one row takes at most.</summary>
    public int RowTilePanels => Width == 16 ? 2 : 1;

    /// <summary>Tiles of one row by [gates of a panel − 1, panels − 1].</summary>
    public delegate*<RowTileArgs*, void>[,] RowTiles { get; } = new delegate*<RowTileArgs*, void>[4, 2];

    /// <summary>The same for weights in bfloat16.</summary>
    public delegate*<RowTileArgs*, void>[,] HalfRowTiles { get; } = new delegate*<RowTileArgs*, void>[4, 2];

    /// <summary>Point-wise parts of the cells, by <see cref="CellKernel"/>.</summary>
    public delegate*<CellArgs*, void>[] CellForward { get; } = new delegate*<CellArgs*, void>[(int)CellKernel.Count];

    public delegate*<CellArgs*, void>[] CellBackward { get; } = new delegate*<CellArgs*, void>[(int)CellKernel.Count];

    public delegate*<NormArgs*, void> NormForward { get; private init; }

    public delegate*<NormArgs*, void> NormApply { get; private init; }

    public delegate*<NormArgs*, void> NormBackward { get; private init; }

    public delegate*<float*, nint, double> SumOfSquares { get; private init; }

    public delegate*<float*, nint, nint, nint, nint, nint, float*, void> SumStripRows { get; private init; }

    public delegate*<float*, float*, nint, void> AddTo { get; private init; }

    public delegate*<float*, nint, nint, float, float*, float> SoftmaxCrossEntropyRow { get; private init; }

    public delegate*<float*, float*, nint, nint, float, float*, float> LabelSmoothingRow { get; private init; }

    /// <summary>By <c>ElementLossKind</c>: squared, absolute, Huber, logistic, pinball.</summary>
    public delegate*<float*, float*, float*, nint, float, float*, float>[] ElementLossRows { get; private init; } = [];

    /// <summary>By <c>ActivationKind</c>: x → y of one row; the function is that of the kind that has a choice.</summary>
    public delegate*<float*, float*, nint, CellFunctionArgs, void>[] ActivationForward { get; private init; } = [];

    /// <summary>By <c>ActivationKind</c>: x, y, dY → dX of one row.</summary>
    public delegate*<float*, float*, float*, float*, nint, CellFunctionArgs, void>[] ActivationBackward { get; private init; } = [];

    public delegate*<float*, float*, nint, float, float, void> Sgd { get; private init; }

    public delegate*<float*, float*, float*, float*, nint, AdamConstants*, void> Adam { get; private init; }

    public delegate*<UpdateArgs*, nint, nint, void> Update { get; private init; }

    public delegate*<float*, nint, float, void> Clamp { get; private init; }

    /// <summary>Arguments, first unit, units → mask.</summary>
    public delegate*<MaskArgs*, int, nint, float*, void> DrawMask { get; private init; }

    public delegate*<float*, float*, float*, nint, void> ApplyMask { get; private init; }

    public delegate*<float*, float*, float*, float*, nint, void> SelectByMask { get; private init; }

    public delegate*<float*, float*, float*, float*, nint, void> DivideByMask { get; private init; }

    /// <summary>8-bit products by [strips − 1].</summary>
    public delegate*<ByteProductArgs*, void>[] ByteProducts { get; private init; } = [];

    /// <summary>x, length → q + 128; returns the scale.</summary>
    public delegate*<float*, nint, byte*, float> Quantize { get; private init; }

    /// <summary>The table of a level; the same object every time.</summary>
    /// <exception cref="PlatformNotSupportedException">This CPU lacks the level.</exception>
    public static KernelTable For(IsaLevel isa)
    {
        if (!Numerics.Isa.Has(isa))
            throw Numerics.Isa.Lacks($"kernels for {Numerics.Isa.Name(isa)}", isa);
        return Cache[(int)isa] ??= isa switch
        {
            // The constants leave out of a compilation ahead of time what it cannot run: 1.3 of 6.0 MB of the code for AVX2.
            IsaLevel.Avx512 when Numerics.Isa.HasAvx512 => Build<Avx512Lanes, Vector512<float>>(isa),
            IsaLevel.Avx2 when Numerics.Isa.HasAvx2Alone => Build<Avx2Lanes, Vector256<float>>(isa),
            IsaLevel.Scalar when Numerics.Isa.HasScalar => Build<ScalarLanes, float>(isa),
            _ => throw Numerics.Isa.Lacks($"kernels for {Numerics.Isa.Name(isa)}", isa),
        };
    }

    private static KernelTable Build<L, V>(IsaLevel isa)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        var table = new KernelTable(isa, L.Width, L.TileRows)
        {
            NormForward = &LayerNorm.ForwardRows<L, V>,
            NormApply = &LayerNorm.ApplyRows<L, V>,
            NormBackward = &LayerNorm.BackwardRows<L, V>,
            SumOfSquares = &Reductions.SumOfSquares<L, V>,
            SumStripRows = &Reductions.SumStripRows<L, V>,
            AddTo = &Reductions.AddTo<L, V>,
            SoftmaxCrossEntropyRow = &SoftmaxCrossEntropy.Row<L, V>,
            LabelSmoothingRow = &SoftmaxCrossEntropy.SmoothRow<L, V>,
            ElementLossRows =
            [
                &ElementLosses.Row<L, V, SquaredLoss>, &ElementLosses.Row<L, V, AbsoluteLoss>, &ElementLosses.Row<L, V, HuberLoss>,
                &ElementLosses.Row<L, V, LogisticLoss>, &ElementLosses.Row<L, V, QuantileLoss>,
            ],
            ActivationForward =
            [
                &Activations.Forward<L, V, CellFunction<ReluActivation>>,
                &Activations.Forward<L, V, CellFunction<TanhActivation>>,
                &Activations.Forward<L, V, CellFunction<SigmoidActivation>>,
                &Activations.Forward<L, V, HardSigmoidFunction>,
                &Activations.Forward<L, V, SoftplusFunction>,
                &Activations.Forward<L, V, SiluFunction>,
                &Activations.Forward<L, V, GeluFunction>,
                &Activations.Forward<L, V, ChosenFunction>,
                &LogSoftmax.Forward<L, V>,
                &Softmax.Forward<L, V>,
            ],
            ActivationBackward =
            [
                &Activations.Backward<L, V, CellFunction<ReluActivation>>,
                &Activations.Backward<L, V, CellFunction<TanhActivation>>,
                &Activations.Backward<L, V, CellFunction<SigmoidActivation>>,
                &Activations.Backward<L, V, HardSigmoidFunction>,
                &Activations.Backward<L, V, SoftplusFunction>,
                &Activations.Backward<L, V, SiluFunction>,
                &Activations.Backward<L, V, GeluFunction>,
                &Activations.Backward<L, V, ChosenFunction>,
                &LogSoftmax.Backward<L, V>,
                &Softmax.Backward<L, V>,
            ],
            Sgd = &OptimizerUpdate.Sgd<L, V>,
            Adam = &OptimizerUpdate.Adam<L, V>,
            Update = &OptimizerUpdate.Update<L, V>,
            Clamp = &OptimizerUpdate.Clamp<L, V>,
            DrawMask = &Masks.Draw<L, V>,
            ApplyMask = &Masks.Apply<L, V>,
            SelectByMask = &Masks.Select<L, V>,
            DivideByMask = &Masks.Divide<L, V>,
            ByteProducts = ByteProductsOf(isa),
            Quantize = isa == IsaLevel.Scalar ? &ByteProduct.ScalarQuantize : &ByteProduct.Quantize,
        };
        AddCell(table, CellKernel.Lstm, &LstmCell.ForwardRows<L, V>, &LstmCell.BackwardRows<L, V>);
        AddGru<L, V, SigmoidActivation, TanhActivation>(table, CellKernel.Gru);
        AddGru<L, V, ChosenGate, ChosenCandidate>(table, CellKernel.GruVariant);
        AddElman<L, V, TanhActivation>(table, CellKernel.RnnTanh);
        AddElman<L, V, ReluActivation>(table, CellKernel.RnnRelu);
        AddElman<L, V, SigmoidActivation>(table, CellKernel.RnnSigmoid);
        AddElman<L, V, IdentityActivation>(table, CellKernel.RnnIdentity);
        AddCell(table, CellKernel.LstmVariant, &LstmVariantCell.ForwardRows<L, V>, &LstmVariantCell.BackwardRows<L, V>);
        AddElman<L, V, ChosenCandidate>(table, CellKernel.RnnVariant);
        AddCell(table, CellKernel.GruBeforeGates, &GruBeforeCell.ForwardGates<L, V>, &GruBeforeCell.BackwardGates<L, V>);
        AddCell(table, CellKernel.GruBeforeState, &GruBeforeCell.ForwardState<L, V>, &GruBeforeCell.BackwardState<L, V>);
        AddRowTiles<L, V, Float32Weights>(table.RowTiles);
        AddRowTiles<L, V, BFloat16Weights>(table.HalfRowTiles);
        AddTiles<L, V, N1>(table);
        AddTiles<L, V, N2>(table);
        AddTiles<L, V, N3>(table);
        AddNarrowTiles<L, V, N4>(table);
        if (L.TileRows == 6)
        {
            AddTiles<L, V, N4>(table);
            AddTiles<L, V, N5>(table);
            AddTiles<L, V, N6>(table);
            AddNarrowTiles<L, V, N7>(table);
            AddNarrowTiles<L, V, N8>(table);
        }
        return table;
    }

    private static delegate*<ByteProductArgs*, void>[] ByteProductsOf(IsaLevel isa) =>
        isa == IsaLevel.Scalar
            ? [&ByteProduct.ScalarStrips<N1>, &ByteProduct.ScalarStrips<N2>, &ByteProduct.ScalarStrips<N3>, &ByteProduct.ScalarStrips<N4>]
            : Numerics.Isa.HasByteProducts ? ByteProductsOf<VnniQuadSum>() : ByteProductsOf<Avx2QuadSum>();

    private static delegate*<ByteProductArgs*, void>[] ByteProductsOf<TSum>()
        where TSum : struct, IQuadSum =>
        [&ByteProduct.Strips<TSum, N1>, &ByteProduct.Strips<TSum, N2>, &ByteProduct.Strips<TSum, N3>, &ByteProduct.Strips<TSum, N4>];

    private static void AddGru<L, V, TGate, TCandidate>(KernelTable table, CellKernel kernel)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TGate : struct, IActivation
        where TCandidate : struct, IActivation =>
        AddCell(table, kernel, &GruCell.ForwardRows<L, V, TGate, TCandidate>, &GruCell.BackwardRows<L, V, TGate, TCandidate>);

    private static void AddElman<L, V, F>(KernelTable table, CellKernel kernel)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IActivation =>
        AddCell(table, kernel, &ElmanCell.ForwardRows<L, V, F>, &ElmanCell.BackwardRows<L, V, F>);

    private static void AddCell(
        KernelTable table, CellKernel kernel, delegate*<CellArgs*, void> forward, delegate*<CellArgs*, void> backward)
    {
        table.CellForward[(int)kernel] = forward;
        table.CellBackward[(int)kernel] = backward;
    }

    private static void AddTiles<L, V, TRows>(KernelTable table)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
    {
        AddNarrowTiles<L, V, TRows>(table);
        AddWalks<L, V, TRows, N4>(table);
    }

    private static void AddNarrowTiles<L, V, TRows>(KernelTable table)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
    {
        AddWalks<L, V, TRows, N1>(table);
        AddWalks<L, V, TRows, N2>(table);
        AddWalks<L, V, TRows, N3>(table);
        table._tiles[TileIndex(sizeof(TRows), 3, TileKind.RowOf48)] = &Kernels.Tile.Run<L, V, TRows, N3, N3, AlongRow>;
        table._tiles[TileIndex(sizeof(TRows), 2, TileKind.RowOf32)] = &Kernels.Tile.Run<L, V, TRows, N2, N2, AlongRow>;
    }

    private static void AddWalks<L, V, TRows, TColumns>(KernelTable table)
        where L : struct, ILanes<V>
        where V : unmanaged
        where TRows : unmanaged, ICount
        where TColumns : unmanaged, ICount
    {
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.Row)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, AlongRow>;
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.Fours)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, InFours>;
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.FoursOf64)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, InFoursOf64>;
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.FourGates)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, AlongGates<N4>>;
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.ThreeGates)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, AlongGates<N3>>;
        table._tiles[TileIndex(sizeof(TRows), sizeof(TColumns), TileKind.TwoGates)] = &Kernels.Tile.Run<L, V, TRows, TColumns, N4, AlongGates<N2>>;
    }

    private static nint TileIndex(nint rows, nint registers, TileKind kind) => ((((rows - 1) * 4) + registers - 1) * (nint)TileKind.Count) + (nint)kind;

    private static void AddRowTiles<L, V, F>(delegate*<RowTileArgs*, void>[,] tiles)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IWeightFormat
    {
        AddRowTiles<L, V, F, N1>(tiles);
        AddRowTiles<L, V, F, N2>(tiles);
        AddRowTiles<L, V, F, N3>(tiles);
        AddRowTiles<L, V, F, N4>(tiles);
    }

    private static void AddRowTiles<L, V, F, TGates>(delegate*<RowTileArgs*, void>[,] tiles)
        where L : struct, ILanes<V>
        where V : unmanaged
        where F : struct, IWeightFormat
        where TGates : unmanaged, ICount
    {
        if (L.Width == 16)
            tiles[sizeof(TGates) - 1, 0] = &RowTile.Run<L, V, F, TGates, N1>;
        tiles[sizeof(TGates) - 1, L.Width == 16 ? 1 : 0] = &RowTile.Run<L, V, F, TGates, N2>;
    }
}
