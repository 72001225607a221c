// What every kernel file begins with. Nothing is contracted: a multiply-add is fused where the source says fma, and only there.
#pragma OPENCL FP_CONTRACT OFF
#ifdef HAS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

// A buffer is memory and its first element, as the host's Kernel.Buffer gives them: a view shares its owner's memory.
#define BUFFER(x) __global float *x##_memory, long x##_first
#define INPUT(x) __global const float *x##_memory, long x##_first
// Where its elements begin, and whether there is one.
#define AT(x) (x##_memory + x##_first)
#define HAS(x) (x##_memory != 0)
