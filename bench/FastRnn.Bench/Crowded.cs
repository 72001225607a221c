using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FastRnn.Bench;

/// <summary>A loop over more sums than there are registers: what <see cref="SpillCheck"/> has to find, or what it says of others is worth nothing.</summary>
internal static unsafe class Crowded
{
    /// <summary>36 sums of 8 floats, at x; no x86 CPU has more than 32 registers for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* x, int count)
    {
        Vector256<float> c00 = At(x, 0), c01 = At(x, 1), c02 = At(x, 2), c03 = At(x, 3), c04 = At(x, 4), c05 = At(x, 5);
        Vector256<float> c06 = At(x, 6), c07 = At(x, 7), c08 = At(x, 8), c09 = At(x, 9), c10 = At(x, 10), c11 = At(x, 11);
        Vector256<float> c12 = At(x, 12), c13 = At(x, 13), c14 = At(x, 14), c15 = At(x, 15), c16 = At(x, 16), c17 = At(x, 17);
        Vector256<float> c18 = At(x, 18), c19 = At(x, 19), c20 = At(x, 20), c21 = At(x, 21), c22 = At(x, 22), c23 = At(x, 23);
        Vector256<float> c24 = At(x, 24), c25 = At(x, 25), c26 = At(x, 26), c27 = At(x, 27), c28 = At(x, 28), c29 = At(x, 29);
        Vector256<float> c30 = At(x, 30), c31 = At(x, 31), c32 = At(x, 32), c33 = At(x, 33), c34 = At(x, 34), c35 = At(x, 35);
        for (; count > 0; count--)
        {
            c00 += c00 * c01; c01 += c01 * c02; c02 += c02 * c03;
            c03 += c03 * c04; c04 += c04 * c05; c05 += c05 * c06;
            c06 += c06 * c07; c07 += c07 * c08; c08 += c08 * c09;
            c09 += c09 * c10; c10 += c10 * c11; c11 += c11 * c12;
            c12 += c12 * c13; c13 += c13 * c14; c14 += c14 * c15;
            c15 += c15 * c16; c16 += c16 * c17; c17 += c17 * c18;
            c18 += c18 * c19; c19 += c19 * c20; c20 += c20 * c21;
            c21 += c21 * c22; c22 += c22 * c23; c23 += c23 * c24;
            c24 += c24 * c25; c25 += c25 * c26; c26 += c26 * c27;
            c27 += c27 * c28; c28 += c28 * c29; c29 += c29 * c30;
            c30 += c30 * c31; c31 += c31 * c32; c32 += c32 * c33;
            c33 += c33 * c34; c34 += c34 * c35; c35 += c35 * c00;
        }
        (c00 + c01 + c02 + c03 + c04 + c05).Store(x + 0);
        (c06 + c07 + c08 + c09 + c10 + c11).Store(x + 8);
        (c12 + c13 + c14 + c15 + c16 + c17).Store(x + 16);
        (c18 + c19 + c20 + c21 + c22 + c23).Store(x + 24);
        (c24 + c25 + c26 + c27 + c28 + c29).Store(x + 32);
        (c30 + c31 + c32 + c33 + c34 + c35).Store(x + 40);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> At(float* x, int sum) => Vector256.Load(x + (8 * sum));
}
