using System.Runtime.CompilerServices;
using FastRnn.Numerics;

namespace FastRnn.Kernels;

/// <summary>
/// Rows of one product's pre-activations, to be normalised over all its gates and units. Strips: block b, gate g of row r lies at
/// <see cref="Strips"/> + b·<see cref="BlockStride"/> + r·<see cref="GateRow"/> + 16·g.
/// </summary>
internal unsafe struct NormArgs
{
    public float* Strips;
    public nint BlockStride, GateRow, Rows, Blocks, Gates;

    /// <summary>Units: what lies in the last block beyond them is no part of the sums and becomes 0.</summary>
    public nint Units;

    /// <summary>1/√(variance + ε) of every row, written forward.</summary>
    public float* Scales;

    /// <summary>ε.</summary>
    public float Epsilon;

    /// <summary>The cell's strips, at the same strides: forward they receive γ·x̂, backward they hold da.</summary>
    public float* Cell;

    /// <summary>Forward: where the cell's pre-activations start, [block][gate][16]; null when they go on from what the strips hold.</summary>
    public float* Bias;

    /// <summary>γ, [block][gate][16].</summary>
    public float* Gamma;

    /// <summary>∂L/∂γ of every sample on its own, [sample][block][gate][16]; added to.</summary>
    public float* GammaGradient;

    /// <summary>As in <see cref="CellArgs"/>.</summary>
    public int* SampleRows;
    public nint FirstSample;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly float* Strip(float* strips, nint block, nint gate, nint row) => strips + (block * BlockStride) + (row * GateRow) + (gate * 16);
}

/// <summary>
/// Layer normalisation (Ba, Kiros, Hinton 2016) of pre-activations, in place:
/// <code>x̂ = (x − mean)/√(variance + ε)        dx = (γ·da − mean(γ·da) − x̂·mean(γ·da·x̂))/√(variance + ε)        dγ += da·x̂</code>
/// Sums have sixteen accumulators by unit mod 16, over blocks and then gates, and one fixed tree: the same bits at every width.
/// </summary>
internal static unsafe class LayerNorm
{
    /// <summary>ε within the cells.</summary>
    public const float CellEpsilon = 1e-5f;

    /// <summary>x → x̂.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ForwardRows<L, V>(NormArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* sum = stackalloc float[16], mask = stackalloc float[16];
        FillMask(args, mask);
        float count = args->Gates * args->Units;
        for (nint row = 0; row < args->Rows; row++)
        {
            for (int lane = 0; lane < 16; lane += L.Width)
                L.Store(sum + lane, Sum<L, V>(args, row, lane));
            float mean = Reductions.Tree(sum) / count;
            for (int lane = 0; lane < 16; lane += L.Width)
                L.Store(sum + lane, Centre<L, V>(args, row, lane, mean, mask));
            float scale = 1f / MathF.Sqrt((Reductions.Tree(sum) / count) + args->Epsilon);
            args->Scales[row] = scale;
            for (int lane = 0; lane < 16; lane += L.Width)
                Multiply<L, V>(args, row, lane, scale);
        }
    }

    /// <summary>a = γ·x̂ + bias, or a += γ·x̂.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ApplyRows<L, V>(NormArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint strip = 0; strip < args->Gates * 16; strip += L.Width)
            {
                nint gate = strip / 16, lane = strip % 16, column = (block * args->Gates * 16) + strip;
                float* x = args->Strip(args->Strips, block, gate, 0) + lane, a = args->Strip(args->Cell, block, gate, 0) + lane;
                V gamma = L.Load(args->Gamma + column);
                for (nint row = 0; row < args->Rows; row++, x += args->GateRow, a += args->GateRow)
                    L.Store(a, L.MultiplyAdd(gamma, L.Load(x), L.Load(args->Bias == null ? a : args->Bias + column)));
            }
        }
    }

    /// <summary>x̂ → dx.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BackwardRows<L, V>(NormArgs* args)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        float* sum = stackalloc float[16], product = stackalloc float[16];
        float count = args->Gates * args->Units;
        for (nint row = 0; row < args->Rows; row++)
        {
            for (int lane = 0; lane < 16; lane += L.Width)
                GradientSums<L, V>(args, row, lane, sum, product);
            float mean = Reductions.Tree(sum) / count, slope = Reductions.Tree(product) / count;
            for (int lane = 0; lane < 16; lane += L.Width)
                Gradient<L, V>(args, row, lane, mean, slope);
        }
    }

    private static void FillMask(NormArgs* args, float* mask)
    {
        for (int lane = 0; lane < 16; lane++)
            mask[lane] = BitConverter.Int32BitsToSingle(((args->Blocks - 1) * 16) + lane < args->Units ? -1 : 0);
    }

    /// <summary>The padding is 0 and adds nothing.</summary>
    private static V Sum<L, V>(NormArgs* args, nint row, int lane)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V sum = L.Broadcast(0f);
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint gate = 0; gate < args->Gates; gate++)
                sum = L.Add(sum, L.Load(args->Strip(args->Strips, block, gate, row) + lane));
        }
        return sum;
    }

    /// <summary>x − mean, the padding 0; returns Σ of its squares.</summary>
    private static V Centre<L, V>(NormArgs* args, nint row, int lane, float mean, float* mask)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V sum = L.Broadcast(0f), last = L.Load(mask + lane);
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint gate = 0; gate < args->Gates; gate++)
            {
                float* x = args->Strip(args->Strips, block, gate, row) + lane;
                V centred = L.Subtract(L.Load(x), L.Broadcast(mean));
                if (block == args->Blocks - 1)
                    centred = L.And(centred, last);
                L.Store(x, centred);
                sum = L.MultiplyAdd(centred, centred, sum);
            }
        }
        return sum;
    }

    private static void Multiply<L, V>(NormArgs* args, nint row, int lane, float scale)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint gate = 0; gate < args->Gates; gate++)
            {
                float* x = args->Strip(args->Strips, block, gate, row) + lane;
                L.Store(x, L.Multiply(L.Load(x), L.Broadcast(scale)));
            }
        }
    }

    /// <summary>Σ γ·da and Σ γ·da·x̂, and dγ of the row's sample. γ is 0 in the padding.</summary>
    private static void GradientSums<L, V>(NormArgs* args, nint row, int lane, float* sum, float* product)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V first = L.Broadcast(0f), second = first;
        nint sample = args->FirstSample + (args->SampleRows == null ? row : args->SampleRows[row]);
        float* gamma = args->Gamma + lane, total = args->GammaGradient + (sample * args->Blocks * args->Gates * 16) + lane;
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint gate = 0; gate < args->Gates; gate++, gamma += 16, total += 16)
            {
                V normal = L.Load(args->Strip(args->Strips, block, gate, row) + lane);
                V da = L.Load(args->Strip(args->Cell, block, gate, row) + lane), dNormal = L.Multiply(da, L.Load(gamma));
                L.Store(total, L.MultiplyAdd(da, normal, L.Load(total)));
                first = L.Add(first, dNormal);
                second = L.MultiplyAdd(dNormal, normal, second);
            }
        }
        L.Store(sum + lane, first);
        L.Store(product + lane, second);
    }

    /// <summary>What lands in the padding means nothing and meets weights of 0.</summary>
    private static void Gradient<L, V>(NormArgs* args, nint row, int lane, float mean, float slope)
        where L : struct, ILanes<V>
        where V : unmanaged
    {
        V scale = L.Broadcast(args->Scales[row]);
        float* gamma = args->Gamma + lane;
        for (nint block = 0; block < args->Blocks; block++)
        {
            for (nint gate = 0; gate < args->Gates; gate++, gamma += 16)
            {
                float* x = args->Strip(args->Strips, block, gate, row) + lane;
                V dNormal = L.Multiply(L.Load(args->Strip(args->Cell, block, gate, row) + lane), L.Load(gamma));
                V centred = L.NegatedMultiplyAdd(L.Load(x), L.Broadcast(slope), L.Subtract(dNormal, L.Broadcast(mean)));
                L.Store(x, L.Multiply(centred, scale));
            }
        }
    }
}
