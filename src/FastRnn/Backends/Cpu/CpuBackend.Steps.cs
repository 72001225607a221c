using System.Runtime.Intrinsics;
using FastRnn.Kernels;
using FastRnn.Memory;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Which stage runs a layer's step of one sample.</summary>
public sealed partial class CpuBackend
{
    /// <summary>
    /// Units beyond which weights are streamed: see <see cref="WideStage"/>. Measured at 64→64, in ns, streamed and a register of units at a time: LSTM
    /// 890 and 840, GRU 630 and 690, Elman 190 and 400; at 32→32 they are equal.
    /// </summary>
    private static int WideHidden(CellType cell) => cell.Kind == CellKind.Lstm ? 64 : 32;

    internal override StepPlan CreateStepPlan(WeightPrecision weights) => new(this, weights);

    internal override BatchPlan CreateBatchPlan(WeightPrecision weights) => new(this, weights);

    /// <summary>Those of cells that have a kernel of their own.</summary>
    internal override bool HasStage(CellType cell) => GateLayout.Kernel(cell) < CellKernel.LstmVariant && !IsStaged(cell, training: false);

    internal StepStage? CreateStepStage(RecurrentWeights weights, WeightPrecision precision)
    {
        var w = (CpuRecurrentWeights)weights;
        if (!HasStage(w.Cell))
            return null;
        if (precision == WeightPrecision.Int8)
            return new ByteStage(_table, w);
        RecurrentStage stage = precision == WeightPrecision.BFloat16 || w.Hidden > WideHidden(w.Cell)
            ? new WideStage(w, _table, half: precision == WeightPrecision.BFloat16)
            : CreateStage(w);
        stage.Pack(w);
        return stage;
    }

    // HasAvx512 and its like are constants of a compilation ahead of time, and leave out what it can never run.
    private RecurrentStage CreateStage(CpuRecurrentWeights w) => Isa switch
    {
        // The last eight units in half a register: LSTM 1→20 takes 77 ns instead of 87, 1→40 takes 162 instead of 185.
        IsaLevel.Avx512 when Numerics.Isa.HasAvx512 && w.Kernel == CellKernel.Lstm && w.Hidden is > 16 and <= 24 && FitsLevel1(w) =>
            new LstmStage<Avx512Lanes, Vector512<float>, Avx2Lanes, Vector256<float>, N1>(w),
        IsaLevel.Avx512 when Numerics.Isa.HasAvx512 && w.Kernel == CellKernel.Lstm && w.Hidden is > 32 and <= 40 && FitsLevel1(w) =>
            new LstmStage<Avx512Lanes, Vector512<float>, Avx2Lanes, Vector256<float>, N2>(w),
        IsaLevel.Avx512 when Numerics.Isa.HasAvx512 && w.Hidden > 8 => CreateStage<Avx512Lanes, Vector512<float>>(w),
        // With AVX-512, too: shorter latencies, and half of the lanes would be empty.
        IsaLevel.Avx512 or IsaLevel.Avx2 when Numerics.Isa.HasAvx2 => CreateStage<Avx2Lanes, Vector256<float>>(w),
        _ when Numerics.Isa.HasScalar => CreateStage<ScalarLanes, float>(w),
        _ => throw Numerics.Isa.Lacks("steps", Isa),
    };

    internal StepStage CreateStepStage(LinearWeights weights, WeightPrecision precision) => Isa switch
    {
        _ when precision == WeightPrecision.Int8 => new ByteLinearStage(_table, (CpuLinearWeights)weights),
        _ when precision == WeightPrecision.BFloat16 => new HalfLinearStage((CpuLinearWeights)weights, _table),
        IsaLevel.Avx512 when Numerics.Isa.HasAvx512 => new LinearStage<Avx512Lanes, Vector512<float>>(weights),
        IsaLevel.Avx2 when Numerics.Isa.HasAvx2Alone => new LinearStage<Avx2Lanes, Vector256<float>>(weights),
        _ when Numerics.Isa.HasScalar => new LinearStage<ScalarLanes, float>(weights),
        _ => throw Numerics.Isa.Lacks("steps", Isa),
    };

    internal static StepStage CreateStepStage(DeviceBuffer embeddingTable) => new TableStage(Cpu(embeddingTable));

    internal StepStage CreateStepStage(in ActivationFunction function, int width) => new ActivationStage(_table, function, width);

    internal StepStage CreateStepStage(in LayerNormParameters parameters) => new LayerNormStage(_table, parameters);

    private static RecurrentStage CreateStage<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged => w.Kernel switch
        {
            CellKernel.Lstm => CreateLstmStage<L, V>(w),
            CellKernel.Gru => CreateGruStage<L, V>(w),
            CellKernel.RnnTanh => new RnnStage<L, V, TanhActivation>(w),
            CellKernel.RnnRelu => new RnnStage<L, V, ReluActivation>(w),
            CellKernel.RnnSigmoid => new RnnStage<L, V, SigmoidActivation>(w),
            CellKernel.RnnIdentity => new RnnStage<L, V, IdentityActivation>(w),
            _ => throw new ArgumentOutOfRangeException(nameof(w), w.Kernel, "no stage for this cell"),
        };

    private static RecurrentStage CreateLstmStage<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged => Together<L, V>(w) switch
        {
            4 => new LstmStage<L, V, L, V, N4>(w),
            3 => new LstmStage<L, V, L, V, N3>(w),
            2 => new LstmStage<L, V, L, V, N2>(w),
            _ => new LstmStage<L, V, L, V, N1>(w),
        };

    private static RecurrentStage CreateGruStage<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged => Together<L, V>(w) switch
        {
            4 => new GruStage<L, V, N4>(w),
            3 => new GruStage<L, V, N3>(w),
            2 => new GruStage<L, V, N2>(w),
            _ => new GruStage<L, V, N1>(w),
        };

    /// <summary>
    /// How many registers of units go together: all that there are, with four accumulators each, or an even part of them; one at a time where the panels are
    /// larger than L1 and stream.
    /// </summary>
    private static int Together<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        int registers = (w.Hidden + L.Width - 1) / L.Width, most = L.TileRows == 6 ? 4 : 2;
        if (!FitsLevel1(w))
            return 1;
        while (registers % most != 0)
            most--;
        return most;
    }

    /// <summary>Whether the panels stay in L1 from step to step.</summary>
    private static bool FitsLevel1(CpuRecurrentWeights w)
    {
        const int floatsInLevel1 = 10 << 10;
        return (long)w.Gates * AlignedBuffer.Pad(w.Hidden) * (w.Input + w.Hidden) <= floatsInLevel1;
    }
}
