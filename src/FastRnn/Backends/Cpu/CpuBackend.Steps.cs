using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Kernels;
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

    internal override StepStage? CreateStepStage(RecurrentWeights weights, WeightPrecision precision)
    {
        var w = (CpuRecurrentWeights)weights;
        if (w.Kernel >= CellKernel.LstmVariant || IsStaged(w.Cell, training: false))
            return null;
        if (precision == WeightPrecision.Int8)
            return new ByteStage(_table, w);
        if (precision == WeightPrecision.BFloat16)
            return new WideStage(w, _table, half: true);
        if (w.Hidden > WideHidden(w.Cell))
            return new WideStage(w, _table);
        return Isa switch
        {
            IsaLevel.Avx512 => CreateStage<Avx512Lanes, Vector512<float>>(w),
            IsaLevel.Avx2 => CreateStage<Avx2Lanes, Vector256<float>>(w),
            _ => CreateStage<ScalarLanes, float>(w),
        };
    }

    internal override StepStage? CreateStepStage(LinearWeights weights, WeightPrecision precision) => Isa switch
    {
        _ when precision == WeightPrecision.Int8 => new ByteLinearStage(_table, (CpuLinearWeights)weights),
        _ when precision == WeightPrecision.BFloat16 => new HalfLinearStage((CpuLinearWeights)weights, _table),
        IsaLevel.Avx512 => new LinearStage<Avx512Lanes, Vector512<float>>(weights),
        IsaLevel.Avx2 => new LinearStage<Avx2Lanes, Vector256<float>>(weights),
        _ => new LinearStage<ScalarLanes, float>(weights),
    };

    internal override StepStage CreateStepStage(DeviceBuffer embeddingTable) => new TableStage(Cpu(embeddingTable));

    internal override StepStage CreateStepStage(ActivationKind kind, int width) => new ActivationStage(_table, kind, width);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ThrowIfDisposed()
    {
        if (!_self.IsAllocated)
            throw Disposed();
    }

    private ObjectDisposedException Disposed() => new(GetType().FullName);

    private static StepStage CreateStage<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged => w.Kernel switch
        {
            CellKernel.Lstm => new LstmStage<L, V>(w),
            CellKernel.Gru => new GruStage<L, V>(w),
            CellKernel.RnnTanh => new RnnStage<L, V, TanhActivation>(w),
            CellKernel.RnnRelu => new RnnStage<L, V, ReluActivation>(w),
            CellKernel.RnnSigmoid => new RnnStage<L, V, SigmoidActivation>(w),
            CellKernel.RnnIdentity => new RnnStage<L, V, IdentityActivation>(w),
            _ => throw new ArgumentOutOfRangeException(nameof(w), w.Kernel, "no stage for this cell"),
        };
}
