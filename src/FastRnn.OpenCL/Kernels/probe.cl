// The peak of multiply-adds: every work-item keeps eight chains of x·a + b going, so that none waits for itself. LANES numbers a chain.
#pragma OPENCL FP_CONTRACT OFF

#if LANES == 16
typedef float16 probe_lanes;
#else
typedef float probe_lanes;
#endif

__kernel void fma_chains(__global float* y, int rounds)
{
    probe_lanes a = (probe_lanes)(0.999f), b = (probe_lanes)(1e-3f), x[8];
    #pragma unroll
    for (int i = 0; i < 8; i++)
        x[i] = (probe_lanes)((float)(get_global_id(0) + i));
    for (int r = 0; r < rounds; r++)
    {
        #pragma unroll
        for (int i = 0; i < 8; i++)
            x[i] = fma(x[i], a, b);
    }
    probe_lanes sum = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
#if LANES == 16
    y[get_global_id(0)] = sum.s0 + sum.s7 + sum.sf;
#else
    y[get_global_id(0)] = sum;
#endif
}
