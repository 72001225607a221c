/* Which level of x86-64 (System V ABI, 2020) this CPU and its system offer. Compiled for plain x86-64: it runs everywhere. */
#ifndef FASTRNN_CPU_LEVEL_H
#define FASTRNN_CPU_LEVEL_H

#include <cpuid.h>

static unsigned fastrnn_xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* 4: AVX-512 F, BW, CD, DQ, VL; 3: AVX2, BMI, F16C, FMA, LZCNT, MOVBE; 2: CMPXCHG16B, which the runtime always needs; 1: not even that. */
static int fastrnn_cpu_level(void)
{
    const unsigned ecx1 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
    const unsigned ebx7 = bit_BMI | bit_AVX2 | bit_BMI2;
    const unsigned ebx7wide = bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL;
    const unsigned vectors = 0x6, masks = 0xe0; /* states that the system saves when it switches threads */
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_CMPXCHG16B))
        return 1;
    if ((c & ecx1) != ecx1 || (fastrnn_xcr0() & vectors) != vectors)
        return 2;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & bit_LZCNT))
        return 2;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & ebx7) != ebx7)
        return 2;
    return (b & ebx7wide) == ebx7wide && (fastrnn_xcr0() & masks) == masks ? 4 : 3;
}

#endif
