/*
 * The exported functions. Each hands over to its C# half, managed_NAME, unless the CPU is below the level this library was built for: the
 * runtime would end the process then. Compiled for plain x86-64. Prototypes of both halves come from the header.
 */
#include "fastrnn.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "cpu_level.h"

#if FASTRNN_LEVEL >= 4
#define LEVEL "v4"
#define NEEDS "x86-64-v4"
#elif FASTRNN_LEVEL == 3
#define LEVEL "v3"
#define NEEDS "x86-64-v3"
#else
#define LEVEL "baseline"
#define NEEDS "x86-64 with CMPXCHG16B"
#endif

#define MESSAGE_BYTES 512

extern fastrnn_status managed_fastrnn_start(void);

static int cpu_lacks;
static int started; /* 0 until the runtime runs; then calls go straight to C# */
static fastrnn_status start_status;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static __thread struct {
    fastrnn_status status;
    char message[MESSAGE_BYTES];
} last;

__attribute__((constructor)) static void look(void)
{
    cpu_lacks = fastrnn_cpu_level() < FASTRNN_LEVEL;
}

/* Called from C#. text: UTF-8, cut to what fits before a whole character. */
void shim_fail(fastrnn_status status, const char *text, size_t length)
{
    if (length > MESSAGE_BYTES - 1) {
        length = MESSAGE_BYTES - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    last.status = status;
    memcpy(last.message, text, length);
    last.message[length] = 0;
}

/* Called from C#: the first touch of a thread's own memory may allocate it. */
void shim_touch(void)
{
    *(volatile fastrnn_status *)&last.status = last.status;
}

static __attribute__((cold, noinline)) fastrnn_status refuse(void)
{
    static const char text[] = "this CPU lacks instructions of " NEEDS ", for which this library was built";
    shim_fail(FASTRNN_ERROR_CPU, text, sizeof text - 1);
    return FASTRNN_ERROR_CPU;
}

/* The runtime ignores SIGPIPE when it starts, for the whole process: the host's disposition comes back. */
static void start(void)
{
    struct sigaction before, after;
    int known = sigaction(SIGPIPE, NULL, &before) == 0;
    start_status = managed_fastrnn_start();
    if (known && before.sa_handler != SIG_IGN && sigaction(SIGPIPE, NULL, &after) == 0 && after.sa_handler == SIG_IGN)
        sigaction(SIGPIPE, &before, NULL);
    __atomic_store_n(&started, start_status == FASTRNN_OK, __ATOMIC_RELEASE);
}

static __attribute__((cold, noinline)) fastrnn_status begin(void)
{
    if (cpu_lacks)
        return refuse();
    static const char text[] = "the library could not be started";
    pthread_once(&once, start);
    if (start_status != FASTRNN_OK)
        shim_fail(start_status, text, sizeof text - 1);
    return start_status;
}

fastrnn_status fastrnn_check_cpu(void) { return cpu_lacks ? refuse() : FASTRNN_OK; }
fastrnn_status fastrnn_last_error(void) { return last.status; }
const char *fastrnn_last_error_message(void) { return last.message; }
const char *fastrnn_level(void) { return LEVEL; }
uint32_t fastrnn_version(void) { return FASTRNN_VERSION; }
uint32_t fastrnn_abi_version(void) { return FASTRNN_ABI_VERSION; }

const char *fastrnn_isa(void)
{
    static const char *const names[] = { "scalar", "avx2", "avx512" };
    extern int32_t managed_fastrnn_isa(void);
    int32_t isa = begin() == FASTRNN_OK ? managed_fastrnn_isa() : -1;
    return isa >= 0 && isa < 3 ? names[isa] : "none";
}

const char *fastrnn_status_name(fastrnn_status status)
{
    static const char *const names[] = {
        "FASTRNN_OK", "FASTRNN_ERROR_ARGUMENT", "FASTRNN_ERROR_HANDLE", "FASTRNN_ERROR_IO", "FASTRNN_ERROR_FORMAT", "FASTRNN_ERROR_UNSUPPORTED",
        "FASTRNN_ERROR_MEMORY", "FASTRNN_ERROR_STATE", "FASTRNN_ERROR_BUSY", "FASTRNN_ERROR_CPU", "FASTRNN_ERROR_INTERNAL",
    };
    return status >= 0 && (size_t)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

#define FORWARD(name, parameters, arguments)                                \
    extern fastrnn_status managed_##name parameters;                         \
    fastrnn_status name parameters                                           \
    {                                                                        \
        if (__builtin_expect(!__atomic_load_n(&started, __ATOMIC_ACQUIRE), 0)) { \
            fastrnn_status status = begin();                                 \
            if (status != FASTRNN_OK)                                        \
                return status;                                               \
        }                                                                    \
        return managed_##name arguments;                                     \
    }

FORWARD(fastrnn_set_threads, (int32_t threads), (threads))
FORWARD(fastrnn_set_model_limit, (uint64_t bytes), (bytes))
FORWARD(fastrnn_model_load, (const char *path, fastrnn_model *model), (path, model))
FORWARD(fastrnn_model_load_memory, (const void *data, size_t size, fastrnn_model *model), (data, size, model))
FORWARD(fastrnn_model_destroy, (fastrnn_model model), (model))
FORWARD(fastrnn_model_replace, (fastrnn_model model, fastrnn_model source), (model, source))
FORWARD(fastrnn_model_shape, (fastrnn_model model, fastrnn_shape *shape), (model, shape))
FORWARD(fastrnn_session_create, (fastrnn_model model, const fastrnn_session_options *options, fastrnn_session *session), (model, options, session))
FORWARD(fastrnn_session_clone, (fastrnn_session session, fastrnn_session *clone), (session, clone))
FORWARD(fastrnn_session_destroy, (fastrnn_session session), (session))
FORWARD(fastrnn_session_shape, (fastrnn_session session, fastrnn_shape *shape, int32_t *streams), (session, shape, streams))
FORWARD(fastrnn_warmup, (fastrnn_session session), (session))
FORWARD(fastrnn_step, (fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length), (session, x, x_length, y, y_length))
FORWARD(fastrnn_step_token, (fastrnn_session session, int32_t token, float *y, size_t y_length), (session, token, y, y_length))
FORWARD(fastrnn_process, (fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length), (session, x, x_length, y, y_length))
FORWARD(fastrnn_process_tokens, (fastrnn_session session, const int32_t *tokens, size_t count, float *y, size_t y_length),
        (session, tokens, count, y, y_length))
FORWARD(fastrnn_step_batch, (fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length), (session, x, x_length, y, y_length))
FORWARD(fastrnn_step_batch_tokens, (fastrnn_session session, const int32_t *tokens, size_t count, float *y, size_t y_length),
        (session, tokens, count, y, y_length))
FORWARD(fastrnn_step_streams,
        (fastrnn_session session, const int32_t *streams, size_t count, const float *x, size_t x_length, float *y, size_t y_length),
        (session, streams, count, x, x_length, y, y_length))
FORWARD(fastrnn_step_streams_tokens,
        (fastrnn_session session, const int32_t *streams, size_t count, const int32_t *tokens, float *y, size_t y_length),
        (session, streams, count, tokens, y, y_length))
FORWARD(fastrnn_reset, (fastrnn_session session), (session))
FORWARD(fastrnn_reset_stream, (fastrnn_session session, int32_t stream), (session, stream))
FORWARD(fastrnn_is_finite, (fastrnn_session session, int32_t *finite), (session, finite))
FORWARD(fastrnn_state_size, (fastrnn_session session, size_t *size), (session, size))
FORWARD(fastrnn_state_save, (fastrnn_session session, void *state, size_t size), (session, state, size))
FORWARD(fastrnn_state_load, (fastrnn_session session, const void *state, size_t size), (session, state, size))
