/*
 * FastRnn: recurrent neural networks, streamed step by step. Link with -lfastrnn.
 *
 * Handles. A model or session is a 64-bit number: a place in a table and the generation of that place. 0 is no handle. A number that was
 * never handed out, is of the other kind, or whose object is gone, gives FASTRNN_ERROR_HANDLE and touches nothing.
 *
 * Errors. Every function that can fail returns a fastrnn_status, FASTRNN_OK = 0; what it should write is then unchanged unless it says
 * otherwise. fastrnn_last_error_message() tells more. Nothing is thrown across this border. A pointer to memory that is not the caller's ends
 * the process as it would in C; below 64 KiB (a null pointer and an offset) calls as a rule give FASTRNN_ERROR_ARGUMENT, and a session that
 * was to be changed may have been in part.
 *
 * Threads. Every function may be called by any thread. Functions of one session are for one thread at a time: a second one gets
 * FASTRNN_ERROR_BUSY or, where both come in the same nanosecond and detect_sharing is 0, numbers that mean nothing. That goes for every
 * function on a session but fastrnn_session_shape and fastrnn_session_destroy, those that only read it, too. Sessions of one model are
 * independent.
 *
 * Real-time. "Real-time safe" means: after fastrnn_session_create and fastrnn_warmup it allocates nothing, takes no lock, makes no system call
 * and, with one thread, waits for no other thread, with one exception. Functions that are not real-time safe allocate in the library's managed
 * heap; when that is collected, every thread that is inside the library or enters it waits for the collection to end, tens of microseconds up to
 * some milliseconds. So load, create, clone, replace and destroy before audio starts, or accept such a pause: functions that are real-time
 * safe never begin a collection. A thread's very first call into the library is not real-time safe: it registers the thread, and the
 * process's first starts the runtime; fastrnn_warmup on the audio thread, or any other call, does that. Errors on the real-time functions are
 * real-time safe, too, except that of fastrnn_state_load: their messages are constants.
 *
 * Process. The first call starts a runtime in the process:
 * - It starts one thread, and handles SIGSEGV and SIGFPE, handing faults outside its own code to the handlers that were there before, and one
 *   real-time signal (SIGRTMIN), by which it stops threads for a collection. A host that sets its own handlers for these does so before the first
 *   call. Other signals stay as they were, SIGPIPE included.
 * - The library is never unloaded: dlclose leaves it in place.
 * - Floating-point exceptions stay masked, as they are when a program starts: with FE_INVALID unmasked a NaN ends the process. The calling
 *   thread's rounding mode changes the last bits of results; the bits FastRnn promises are those of rounding to nearest.
 * - After fork() the child lacks the runtime's thread: it calls nothing of this library; exec is fine.
 */
#ifndef FASTRNN_H
#define FASTRNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FASTRNN_API __attribute__((visibility("default")))
#else
#define FASTRNN_API
#endif

/* Of this header: major * 10000 + minor * 100 + patch. */
#define FASTRNN_VERSION 100

/* Rises with every change after which a program that was built before must be built again; also the number in the library's SONAME. */
#define FASTRNN_ABI_VERSION 1

typedef uint64_t fastrnn_model;
typedef uint64_t fastrnn_session;

typedef enum fastrnn_status {
    FASTRNN_OK = 0,
    FASTRNN_ERROR_ARGUMENT = 1,    /* a null pointer, a length that does not fit, a value out of range */
    FASTRNN_ERROR_HANDLE = 2,      /* not the handle of a living object of that kind */
    FASTRNN_ERROR_IO = 3,          /* the file cannot be read */
    FASTRNN_ERROR_FORMAT = 4,      /* not a model file, or a damaged one */
    FASTRNN_ERROR_UNSUPPORTED = 5, /* the model cannot do that: stream, this precision, tokens or values */
    FASTRNN_ERROR_MEMORY = 6,      /* not enough memory, or more than is allowed */
    FASTRNN_ERROR_STATE = 7,       /* the state is cut short, damaged, or of another model */
    FASTRNN_ERROR_BUSY = 8,        /* another thread is in this session */
    FASTRNN_ERROR_CPU = 9,         /* the CPU lacks instructions that this build of the library needs */
    FASTRNN_ERROR_INTERNAL = 10    /* a defect of the library */
} fastrnn_status;

typedef enum fastrnn_precision {
    FASTRNN_PRECISION_MODEL = 0, /* as the model says */
    FASTRNN_PRECISION_F32 = 1,
    FASTRNN_PRECISION_BF16 = 2,
    FASTRNN_PRECISION_INT8 = 3
} fastrnn_precision;

/* What a model reads and writes. */
typedef struct fastrnn_shape {
    int32_t input_size;   /* floats a step reads; for a model of tokens how many tokens there are */
    int32_t output_size;  /* floats a step writes */
    int32_t takes_tokens; /* 1: steps read one int32 in [0, input_size), 0: steps read input_size floats */
    int32_t layers;
    int64_t parameters;   /* trained numbers */
} fastrnn_shape;

/* How a session computes. Start from FASTRNN_SESSION_OPTIONS_INIT, or set every field. Later headers of the same FASTRNN_ABI_VERSION may append
   fields, none else: a library takes the sizes of older headers, and then what FASTRNN_SESSION_OPTIONS_INIT says for the fields beyond; a size
   larger than it knows gives FASTRNN_ERROR_ARGUMENT, as it cannot do what is asked for. */
typedef struct fastrnn_session_options {
    uint32_t size;        /* sizeof(fastrnn_session_options) of the header the program was built with */
    int32_t precision;    /* a fastrnn_precision */
    int32_t streams;      /* independent streams that arrive together, 1 to 2^20; fastrnn_step needs 1 */
    int32_t threads;      /* that work on a batch, the caller's included, at most 1024; 0: as fastrnn_set_threads says */
    int32_t detect_sharing; /* 1: of two threads in one session the second always gets FASTRNN_ERROR_BUSY, for some nanoseconds a step;
                               with several streams and threads that is so anyway */
    uint64_t memory_limit;  /* most bytes of states, scratch memory and packed weights; 0: no limit */
} fastrnn_session_options;

#define FASTRNN_SESSION_OPTIONS_INIT { sizeof(fastrnn_session_options), FASTRNN_PRECISION_MODEL, 1, 0, 0, 0 }

/* ---- The library. Any thread; none of these fails on a CPU below the library's level. ---- */

/* Version of the library, as FASTRNN_VERSION. Real-time safe. */
FASTRNN_API uint32_t fastrnn_version(void);

/* FASTRNN_ABI_VERSION of the library. Real-time safe. */
FASTRNN_API uint32_t fastrnn_abi_version(void);

/* FASTRNN_OK, or FASTRNN_ERROR_CPU where this build of the library cannot run on this CPU; then every other function says so as well and
   nothing executes an instruction that is missing. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_check_cpu(void);

/* Instructions this build of the library may use: "baseline" (x86-64), "v3" (AVX2) or "v4" (AVX-512). A constant text. Real-time safe. */
FASTRNN_API const char *fastrnn_level(void);

/* The instruction set in use: "scalar", "avx2" or "avx512"; "none" where fastrnn_check_cpu fails. FASTRNN_ISA=scalar|avx2|avx512 in the
   environment forces a lower one; another word, or one that this CPU or build lacks, gives "none" here and FASTRNN_ERROR_CPU, with a message
   that names it, where a model is loaded. A constant text. Not real-time safe. */
FASTRNN_API const char *fastrnn_isa(void);

/* A constant name, "FASTRNN_OK" and so on; "unknown" for other numbers. Real-time safe. */
FASTRNN_API const char *fastrnn_status_name(fastrnn_status status);

/* Status of this thread's last call that failed; FASTRNN_OK before any. Successful calls leave it. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_last_error(void);

/* One line about that failure, UTF-8, at most 511 bytes; "" before any. The library owns it; it lasts until this thread's next failure or
   end. Real-time safe. */
FASTRNN_API const char *fastrnn_last_error_message(void);

/* Threads of sessions that are created later with threads = 0; at first 1. 0 takes all cores. More than one waits for others: not for
   real-time work. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_set_threads(int32_t threads);

/* Model files and buffers larger than this are refused with FASTRNN_ERROR_MEMORY before anything is allocated for them; at first 2^40,
   which is also the most: more counts as 2^40. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_set_model_limit(uint64_t bytes);

/* ---- Models ---- */

/* Reads a model file (safetensors with FastRnn's metadata), checks it whole and runs its self-check. path: UTF-8, 0-terminated. *model is
   the caller's: fastrnn_model_destroy ends it. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_model_load(const char *path, fastrnn_model *model);

/* The same from bytes in memory, which are not needed afterwards. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_model_load_memory(const void *data, size_t size, fastrnn_model *model);

/* The handle ends now; the memory goes with a collection after the model's last session has gone, too. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_model_destroy(fastrnn_model model);

/* Gives the weights of source, a model with the same layers, to all sessions of model, those that run and those to come; any thread may call
   it at any time. Each step, block or batch reads one set whole, and states go on. Neither handle ends. Not real-time safe: it allocates, so that
   now and then a collection makes the steps of other threads wait, as said above; they never wait for the exchange itself. */
FASTRNN_API fastrnn_status fastrnn_model_replace(fastrnn_model model, fastrnn_model source);

/* Writes *shape. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_model_shape(fastrnn_model model, fastrnn_shape *shape);

/* ---- Sessions: state of one or more streams through a model ---- */

/* options may be NULL: one stream, precision as the model says. States start at zero. *session is the caller's: fastrnn_session_destroy
   ends it, before or after the model's handle. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_session_create(fastrnn_model model, const fastrnn_session_options *options, fastrnn_session *session);

/* A new session in the same state with the same options, from then on independent. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_session_clone(fastrnn_session session, fastrnn_session *clone);

/* The handle ends now; the memory goes with a later collection. Waits for a call that runs in it in another thread. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_session_destroy(fastrnn_session session);

/* Shape of the session's model; *streams as in its options. Either pointer may be NULL. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_session_shape(fastrnn_session session, fastrnn_shape *shape, int32_t *streams);

/* Touches all memory and code a step needs, so that the first one is as fast as the rest. States are unchanged. Not real-time safe. */
FASTRNN_API fastrnn_status fastrnn_warmup(fastrnn_session session);

/* One step of one stream. x: input_size floats; y: output_size floats, written; y may be x. The lengths are checked. NaN in x makes that
   stream's state NaN (see fastrnn_is_finite) until it is reset. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step(fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length);

/* One step of one stream through a model of tokens; token in [0, input_size). Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step_token(fastrnn_session session, int32_t token, float *y, size_t y_length);

/* T steps of every stream: the same bits as T calls of a single step, the weights stay in cache. x: [T][streams][input_size]; T, which may be
   0, is x_length divided by the others. y: [T][streams][output_size]; y may be x where both sizes are equal; to overlap it otherwise
   is an error. On an error nothing has been done. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_process(fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length);

/* The same for a model of tokens. tokens: [T][streams]. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_process_tokens(fastrnn_session session, const int32_t *tokens, size_t count, float *y, size_t y_length);

/* One step of every stream at once: the same bits as alone, one pass over the weights. x: [streams][input_size], y: [streams][output_size];
   y may be x where both sizes are equal; to overlap it otherwise is an error. On an error nothing has been done. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step_batch(fastrnn_session session, const float *x, size_t x_length, float *y, size_t y_length);

/* The same for a model of tokens. tokens: [streams]. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step_batch_tokens(fastrnn_session session, const int32_t *tokens, size_t count, float *y, size_t y_length);

/* One step of count streams, in any order, none twice; the others stay as they are. streams: [count], x: [count][input_size],
   y: [count][output_size]; y may be x where both sizes are equal; to overlap it otherwise is an error. On an error nothing has been done.
   Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step_streams(
    fastrnn_session session, const int32_t *streams, size_t count, const float *x, size_t x_length, float *y, size_t y_length);

/* The same for a model of tokens. tokens: [count]. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_step_streams_tokens(
    fastrnn_session session, const int32_t *streams, size_t count, const int32_t *tokens, float *y, size_t y_length);

/* All streams back to the zero state. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_reset(fastrnn_session session);

/* One stream back to the zero state; stream in [0, streams). Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_reset_stream(fastrnn_session session, int32_t stream);

/* *finite = 1 where all states are finite numbers, else 0. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_is_finite(fastrnn_session session, int32_t *finite);

/* Bytes fastrnn_state_save writes. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_state_size(fastrnn_session session, size_t *size);

/* Writes the state of all streams. size: exactly fastrnn_state_size. Real-time safe. */
FASTRNN_API fastrnn_status fastrnn_state_save(fastrnn_session session, void *state, size_t size);

/* Takes back a state that a session of the same model and as many streams saved; a state of another model, cut short or damaged gives
   FASTRNN_ERROR_STATE and changes nothing. Real-time safe where it succeeds. */
FASTRNN_API fastrnn_status fastrnn_state_load(fastrnn_session session, const void *state, size_t size);

#ifdef __cplusplus
}
#endif

#endif
