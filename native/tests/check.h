/* What the tests share: a check that says where it failed, and the models' inputs and noted outputs. */
#ifndef CHECK_H
#define CHECK_H

#include <fastrnn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 40
#define ALL_MODELS { "lstm", "gru", "gru-before", "rnn", "lstm-32", "tokens" }

#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, fastrnn_last_error_message()); \
            exit(1);                                                                                              \
        }                                                                                                         \
    } while (0)

/* The call fails with that status, says so, and tells why. */
#define FAILS(expected, call)                                     \
    do {                                                          \
        fastrnn_status status_ = (call);                          \
        if (status_ != (expected))                                \
            fprintf(stderr, "got %s\n", fastrnn_status_name(status_)); \
        CHECK(status_ == (expected));                             \
        CHECK(fastrnn_last_error() == (expected));                \
        CHECK(fastrnn_last_error_message()[0] != 0);              \
    } while (0)

static inline const char *in_folder(const char *folder, const char *name, const char *extension)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, extension);
    return path;
}

static inline fastrnn_model load(const char *folder, const char *name)
{
    fastrnn_model model = 0;
    CHECK(fastrnn_model_load(in_folder(folder, name, ".safetensors"), &model) == FASTRNN_OK && model != 0);
    return model;
}

static inline fastrnn_session open_with(fastrnn_model model, int streams, int precision, int threads, int detect_sharing)
{
    fastrnn_session_options options = FASTRNN_SESSION_OPTIONS_INIT;
    fastrnn_session session = 0;
    options.streams = streams;
    options.precision = precision;
    options.threads = threads;
    options.detect_sharing = detect_sharing;
    CHECK(fastrnn_session_create(model, &options, &session) == FASTRNN_OK && session != 0);
    return session;
}

static inline fastrnn_session open_streams(fastrnn_model model, int streams) { return open_with(model, streams, FASTRNN_PRECISION_MODEL, 0, 0); }

static inline fastrnn_shape shape_of(fastrnn_model model)
{
    fastrnn_shape shape;
    CHECK(fastrnn_model_shape(model, &shape) == FASTRNN_OK);
    return shape;
}

/* Bytes of memory the process takes now. */
static inline long resident(void)
{
    long pages = 0, all;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Bytes that malloc has handed out. */
static inline size_t allocated(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

/* As the tests in C# make them. */
static inline float input(int t, int i) { return (float)((7 * t + 3 * i) % 11 - 5) / 4; }
static inline int32_t token(int t, int count) { return 5 * t % count; }

static inline uint32_t bits(float value)
{
    uint32_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

static inline void read_expected(const char *folder, const char *name, float *outputs, size_t count)
{
    FILE *file = fopen(in_folder(folder, name, ".expected"), "r");
    CHECK(file != NULL);
    for (size_t i = 0; i < count; i++) {
        unsigned word;
        CHECK(fscanf(file, "%x", &word) == 1);
        memcpy(&outputs[i], &word, sizeof word);
    }
    fclose(file);
}

#endif
