/*
 * Runs before anything else of the console program, which is built once per level of x86-64. The lowest build, fastrnn, hands over to
 * fastrnn-v4 beside it where the CPU has that level; a build above the CPU's level says so and ends.
 * fastrnn-v4 has no kernels for other instructions than AVX-512: where FASTRNN_ISA or --isa asks for those, the lowest build does the work. So it does with
 * FASTRNN_LEVEL=v3 in the environment.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cpu_level.h"

#define EXIT_DEVICE 5 /* as in ExitCodes.cs */

#if FASTRNN_LEVEL >= 4
#define NEEDS "x86-64-v4 (AVX-512 F, BW, CD, DQ, VL)"
#else
#define NEEDS "x86-64-v3 (AVX2, FMA, BMI, F16C, LZCNT, MOVBE)"
#endif

static void refuse(void)
{
    static const char text[] = "fastrnn: error: this CPU lacks " NEEDS ", which this program needs\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_DEVICE); /* the same with nobody to tell */
    _exit(EXIT_DEVICE);
}

#if FASTRNN_LEVEL < 4
/* Instructions that only this build has kernels for. */
static int is_lower(const char *isa)
{
    return !strcasecmp(isa, "avx2") || !strcasecmp(isa, "scalar");
}

static void hand_over(char **argv, char **environment)
{
    static const char suffix[] = "-v4";
    char path[PATH_MAX];
    for (char **variable = environment; *variable; variable++) {
        if (!strcmp(*variable, "FASTRNN_LEVEL=v3"))
            return;
        if (!strncmp(*variable, "FASTRNN_ISA=", 12) && is_lower(*variable + 12))
            return;
    }
    for (char **argument = argv; *argument; argument++) {
        if (!strncmp(*argument, "--isa", 5) && ((*argument)[5] == '=' || (*argument)[5] == ':') && is_lower(*argument + 6))
            return;
        if (!strcmp(*argument, "--isa") && argument[1] && is_lower(argument[1]))
            return;
    }
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof suffix);
    if (length <= 0)
        return;
    memcpy(path + length, suffix, sizeof suffix);
    execve(path, argv, environment); /* returns where there is no such file: then this build does the work */
}
#endif

__attribute__((constructor)) static void start(int argc, char **argv, char **environment)
{
    (void)argc;
    int level = fastrnn_cpu_level();
    if (level < FASTRNN_LEVEL)
        refuse();
#if FASTRNN_LEVEL < 4
    if (level >= 4)
        hand_over(argv, environment);
#else
    (void)argv, (void)environment;
#endif
}
