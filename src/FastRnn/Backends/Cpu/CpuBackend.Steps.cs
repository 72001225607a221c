using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRnn.Kernels;
using FastRnn.Numerics;

namespace FastRnn.Backends;

/// <summary>Which stage runs a layer's step of one sample.</summary>
public sealed partial class CpuBackend
{
    internal override StepPlan CreateStepPlan() => new(this);

    internal override StepStage? CreateStepStage(RecurrentWeights weights)
    {
        var w = (CpuRecurrentWeights)weights;
        if (w.Kernel >= CellKernel.LstmVariant || IsStaged(w.Cell, training: false))
            return null;
        return Isa switch
        {
            IsaLevel.Avx512 when w.Hidden > 8 => CreateStage<Avx512Lanes, Vector512<float>>(w),
            IsaLevel.Avx512 => CreateStage<Avx2Lanes, Vector256<float>>(w), // shorter latencies, and half of the lanes would be empty
            IsaLevel.Avx2 => CreateStage<Avx2Lanes, Vector256<float>>(w),
            _ => CreateStage<ScalarLanes, float>(w),
        };
    }

    internal override StepStage CreateStepStage(LinearWeights weights) => Isa switch
    {
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
            CellKernel.Lstm => CreateLstmStage<L, V>(w),
            CellKernel.Gru => new GruStage<L, V>(w),
            CellKernel.RnnTanh => new RnnStage<L, V, TanhActivation>(w),
            CellKernel.RnnRelu => new RnnStage<L, V, ReluActivation>(w),
            CellKernel.RnnSigmoid => new RnnStage<L, V, SigmoidActivation>(w),
            CellKernel.RnnIdentity => new RnnStage<L, V, IdentityActivation>(w),
            _ => throw new ArgumentOutOfRangeException(nameof(w), w.Kernel, "no stage for this cell"),
        };

    /// <summary>As many registers of units go together as there are, with four accumulators each, or an even part of them.</summary>
    private static StepStage CreateLstmStage<L, V>(CpuRecurrentWeights w)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        int registers = (w.Hidden + L.Width - 1) / L.Width;
        if (registers % 4 == 0 && L.TileRows == 6)
            return new LstmStage<L, V, N4>(w);
        if (registers % 3 == 0 && L.TileRows == 6)
            return new LstmStage<L, V, N3>(w);
        return registers % 2 == 0 ? new LstmStage<L, V, N2>(w) : new LstmStage<L, V, N1>(w);
    }
}
