// An OpenCL library that hands every call on to the real one, and lets one call fail.
//   FASTRNN_FAULT_LIBRARY  the real library (libOpenCL.so.1)
//   FASTRNN_FAULT_CALL     number of the call that fails, from 1 (0: none)
//   FASTRNN_FAULT_KIND     an error code, below 0: the call does nothing and returns it
//                          zero, ones, more, fewer: a query gives wrong values or sizes
//                          hang: the call sleeps before it does its work
//                          event: the command is taken and not done; its event, and the next call that waits, tell of it
//   FASTRNN_FAULT_SECONDS  how long a hang is (10)
// In one process fault_arm starts counting anew; fault_count and fault_name tell what was called.
// It has the functions that FastRnn calls and no others. Built with: cc -shared -fPIC -O1 -o libfaults.so faults.c -ldl -lpthread
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST_CALLS 1000000

enum { KIND_CODE, KIND_ZERO, KIND_ONES, KIND_MORE, KIND_FEWER, KIND_HANG, KIND_EVENT };
enum { OUT_OF_RESOURCES = -5, FAILED_EVENT_IN_LIST = -14 };

typedef void *object;
typedef uint64_t bits;

static atomic_long count, chosen;
static atomic_int kind, failed_code, hang_milliseconds = 10000, lost_command;
static _Atomic(object) lost_event;
static const char *names[MOST_CALLS];
static object real_library;

EXPORT void fault_arm(long call, const char *what, int milliseconds) {
    static const char *const words[] = {"", "zero", "ones", "more", "fewer", "hang", "event"};
    kind = KIND_CODE;
    for (int i = 1; i < (int)(sizeof words / sizeof *words); i++)
        if (!strcmp(what, words[i]))
            kind = i;
    failed_code = kind == KIND_CODE ? atoi(what) : 0;
    hang_milliseconds = milliseconds;
    lost_command = 0;
    lost_event = NULL;
    chosen = call;
    count = 0;
}

EXPORT long fault_count(void) { return count; }

// The name of the call of such a number, from 1.
EXPORT const char *fault_name(long call) { return call >= 1 && call <= count && call <= MOST_CALLS ? names[call - 1] : ""; }

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("FASTRNN_FAULT_LIBRARY"), *call = getenv("FASTRNN_FAULT_CALL"), *what = getenv("FASTRNN_FAULT_KIND"),
               *seconds = getenv("FASTRNN_FAULT_SECONDS");
    real_library = dlopen(file && *file ? file : "libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!real_library) {
        fprintf(stderr, "faults: %s\n", dlerror());
        exit(99); // a test without the library that it stands in front of says nothing
    }
    fault_arm(call ? atol(call) : 0, what ? what : "-5", seconds ? (int)(1000 * atof(seconds)) : 10000);
}

static object real(const char *name, object *kept) {
    if (!*kept && !(*kept = dlsym(real_library, name))) {
        fprintf(stderr, "faults: no %s\n", name);
        exit(99);
    }
    return *kept;
}

// Whether this call is the one that fails. A hang has been slept through then.
static int counted(const char *name) {
    long call = atomic_fetch_add(&count, 1) + 1;
    if (call <= MOST_CALLS)
        names[call - 1] = name;
    if (call != chosen)
        return 0;
    if (kind == KIND_HANG) {
        struct timespec left = {hang_milliseconds / 1000, hang_milliseconds % 1000 * 1000000L};
        while (nanosleep(&left, &left))
            continue;
    }
    return 1;
}

#define REAL(name) ((__typeof__(&name))real(#name, &kept))
#define BEGIN(name) static object kept; int fails = counted(#name); int code_fails = fails && kind == KIND_CODE; (void)code_fails

// Calls that return a code.
#define CODE(name, parameters, arguments) \
    EXPORT int name parameters { BEGIN(name); return code_fails ? failed_code : REAL(name) arguments; }

// Calls that make an object and write their code to the last parameter.
#define OBJECT(name, parameters, arguments) \
    EXPORT object name parameters { \
        BEGIN(name); \
        if (!code_fails) \
            return REAL(name) arguments; \
        if (error) \
            *error = failed_code; \
        return NULL; \
    }

// Commands: one that is lost leaves an event that fails.
#define COMMAND(name, parameters, arguments) \
    EXPORT int name parameters { \
        BEGIN(name); \
        if (code_fails) \
            return failed_code; \
        if (!(fails && kind == KIND_EVENT)) \
            return REAL(name) arguments; \
        lost_command = 1; \
        if (!event) \
            return 0; \
        int code = marker(queue, event); \
        lost_event = *event; \
        return code; \
    }

// A query: what it wrote is spoilt afterwards.
static int spoilt(int fails, int code, size_t size, void *value, size_t *needed) {
    if (!fails || code)
        return code;
    if (value && (kind == KIND_ZERO || kind == KIND_ONES))
        memset(value, kind == KIND_ZERO ? 0 : 0xFF, size);
    if (needed)
        *needed = kind == KIND_ZERO ? 0 : kind == KIND_ONES ? SIZE_MAX : kind == KIND_MORE ? *needed + 100 : kind == KIND_FEWER ? *needed / 2 : *needed;
    return code;
}

static int spoilt_count(int fails, int code, uint32_t *found) {
    if (fails && !code && found)
        *found = kind == KIND_ZERO ? 0 : kind == KIND_ONES ? UINT32_MAX : kind == KIND_MORE ? *found + 1 : kind == KIND_FEWER ? *found / 2 : *found;
    return code;
}

static int marker(object queue, object *event) {
    static object kept;
    return ((int (*)(object, uint32_t, const object *, object *))real("clEnqueueMarkerWithWaitList", &kept))(queue, 0, NULL, event);
}

// What a call that waits tells of a command that was lost before it.
static int told(int code) { return atomic_exchange(&lost_command, 0) ? OUT_OF_RESOURCES : code; }

EXPORT int clGetPlatformIDs(uint32_t room, object *platforms, uint32_t *found) {
    BEGIN(clGetPlatformIDs);
    return code_fails ? failed_code : spoilt_count(fails, REAL(clGetPlatformIDs)(room, platforms, found), found);
}

EXPORT int clGetDeviceIDs(object platform, bits type, uint32_t room, object *devices, uint32_t *found) {
    BEGIN(clGetDeviceIDs);
    return code_fails ? failed_code : spoilt_count(fails, REAL(clGetDeviceIDs)(platform, type, room, devices, found), found);
}

#define QUERY(name, parameters, arguments) \
    EXPORT int name parameters { BEGIN(name); return code_fails ? failed_code : spoilt(fails, REAL(name) arguments, size, value, needed); }

QUERY(clGetPlatformInfo, (object of, uint32_t what, size_t size, void *value, size_t *needed), (of, what, size, value, needed))
QUERY(clGetDeviceInfo, (object of, uint32_t what, size_t size, void *value, size_t *needed), (of, what, size, value, needed))
QUERY(clGetProgramBuildInfo, (object of, object device, uint32_t what, size_t size, void *value, size_t *needed), (of, device, what, size, value, needed))

EXPORT int clGetProgramInfo(object of, uint32_t what, size_t size, void *value, size_t *needed) {
    enum { BINARIES = 0x1166 };
    BEGIN(clGetProgramInfo);
    if (code_fails)
        return failed_code;
    int code = REAL(clGetProgramInfo)(of, what, size, value, needed);
    return what == BINARIES ? code : spoilt(fails, code, size, value, needed); // the value is the caller's own pointers there
}

OBJECT(clCreateContext, (const intptr_t *properties, uint32_t n, const object *devices, void *notify, void *data, int *error),
    (properties, n, devices, notify, data, error))
OBJECT(clCreateCommandQueue, (object context, object device, bits properties, int *error), (context, device, properties, error))
OBJECT(clCreateBuffer, (object context, bits flags, size_t size, void *host, int *error), (context, flags, size, host, error))
OBJECT(clCreateProgramWithSource, (object context, uint32_t n, const char **strings, const size_t *lengths, int *error),
    (context, n, strings, lengths, error))
OBJECT(clCreateProgramWithBinary,
    (object context, uint32_t n, const object *devices, const size_t *lengths, const unsigned char **binaries, int *status, int *error),
    (context, n, devices, lengths, binaries, status, error))
OBJECT(clCreateKernel, (object program, const char *name, int *error), (program, name, error))

CODE(clReleaseContext, (object of), (of))
CODE(clReleaseCommandQueue, (object of), (of))
CODE(clReleaseMemObject, (object of), (of))
CODE(clReleaseProgram, (object of), (of))
CODE(clReleaseKernel, (object of), (of))
CODE(clReleaseEvent, (object of), (of))
CODE(clFlush, (object queue), (queue))
CODE(clBuildProgram, (object program, uint32_t n, const object *devices, const char *options, void *notify, void *data),
    (program, n, devices, options, notify, data))
CODE(clSetKernelArg, (object kernel, uint32_t index, size_t size, const void *value), (kernel, index, size, value))

#define WAITS uint32_t waits, const object *list, object *event
#define LIST waits, list, event

COMMAND(clEnqueueNDRangeKernel,
    (object queue, object kernel, uint32_t dimensions, const size_t *offset, const size_t *global, const size_t *local, WAITS),
    (queue, kernel, dimensions, offset, global, local, LIST))
COMMAND(clEnqueueWriteBuffer, (object queue, object buffer, uint32_t blocking, size_t offset, size_t size, const void *host, WAITS),
    (queue, buffer, blocking, offset, size, host, LIST))
COMMAND(clEnqueueCopyBuffer, (object queue, object source, object target, size_t from, size_t to, size_t size, WAITS),
    (queue, source, target, from, to, size, LIST))
COMMAND(clEnqueueFillBuffer, (object queue, object buffer, const void *pattern, size_t length, size_t offset, size_t size, WAITS),
    (queue, buffer, pattern, length, offset, size, LIST))
COMMAND(clEnqueueUnmapMemObject, (object queue, object memory, void *mapped, WAITS), (queue, memory, mapped, LIST))
COMMAND(clEnqueueMarkerWithWaitList, (object queue, WAITS), (queue, LIST))

EXPORT int clEnqueueReadBuffer(object queue, object buffer, uint32_t blocking, size_t offset, size_t size, void *host, WAITS) {
    BEGIN(clEnqueueReadBuffer);
    if (code_fails)
        return failed_code;
    if (fails && kind == KIND_EVENT)
        return OUT_OF_RESOURCES;
    return told(REAL(clEnqueueReadBuffer)(queue, buffer, blocking, offset, size, host, LIST));
}

EXPORT void *clEnqueueMapBuffer(object queue, object buffer, uint32_t blocking, bits flags, size_t offset, size_t size, WAITS, int *error) {
    BEGIN(clEnqueueMapBuffer);
    if (code_fails || (fails && kind == KIND_EVENT)) {
        *error = code_fails ? failed_code : OUT_OF_RESOURCES;
        return NULL;
    }
    void *address = REAL(clEnqueueMapBuffer)(queue, buffer, blocking, flags, offset, size, LIST, error);
    *error = told(*error);
    return address;
}

EXPORT int clFinish(object queue) {
    BEGIN(clFinish);
    return code_fails ? failed_code : told(REAL(clFinish)(queue));
}

EXPORT int clWaitForEvents(uint32_t n, const object *events) {
    BEGIN(clWaitForEvents);
    if (code_fails)
        return failed_code;
    if (fails && kind == KIND_EVENT)
        lost_event = events[0];
    int code = REAL(clWaitForEvents)(n, events);
    for (uint32_t i = 0; i < n; i++)
        if (events[i] == lost_event)
            return FAILED_EVENT_IN_LIST;
    return code;
}
