/* Every function: what it gives, bit by bit as the C# library does, and what it refuses.   functions MODELS-FOLDER */
#include "check.h"

#include <math.h>
#include <pthread.h>

static const char *const names[] = { "lstm", "gru", "gru-before", "rnn", "lstm-32", "tokens" };
static const char *folder;

static void compare(const float *got, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK(bits(got[i]) == bits(expected[i]));
}

static fastrnn_session open(fastrnn_model model, int streams)
{
    fastrnn_session_options options = FASTRNN_SESSION_OPTIONS_INIT;
    fastrnn_session session = 0;
    options.streams = streams;
    CHECK(fastrnn_session_create(model, &options, &session) == FASTRNN_OK && session != 0);
    return session;
}

static fastrnn_status step(fastrnn_session session, const fastrnn_shape *shape, int t, float *y)
{
    float x[8];
    for (int i = 0; i < shape->input_size && !shape->takes_tokens; i++)
        x[i] = input(t, i);
    return shape->takes_tokens ? fastrnn_step_token(session, token(t, shape->input_size), y, (size_t)shape->output_size)
                               : fastrnn_step(session, x, (size_t)shape->input_size, y, (size_t)shape->output_size);
}

/* Steps, a block, a batch and some streams give the bits that C# noted. */
static void bits_of(const char *name)
{
    fastrnn_model model = load(folder, name);
    fastrnn_shape shape;
    CHECK(fastrnn_model_shape(model, &shape) == FASTRNN_OK);
    size_t out = (size_t)shape.output_size, in = shape.takes_tokens ? 1 : (size_t)shape.input_size;
    float expected[STEPS * 16], y[STEPS * 16], x[STEPS * 8];
    int32_t tokens[STEPS];
    read_expected(folder, name, expected, STEPS * out);
    for (int t = 0; t < STEPS; t++) {
        tokens[t] = token(t, shape.input_size);
        for (size_t i = 0; i < in; i++)
            x[(size_t)t * in + i] = input(t, (int)i);
    }

    fastrnn_session one = open(model, 1), copy, three = open(model, 3);
    CHECK(fastrnn_warmup(one) == FASTRNN_OK && fastrnn_warmup(three) == FASTRNN_OK);
    for (int t = 0; t < STEPS; t++)
        CHECK(step(one, &shape, t, y + (size_t)t * out) == FASTRNN_OK);
    compare(y, expected, STEPS * out);

    CHECK(fastrnn_reset(one) == FASTRNN_OK);
    CHECK((shape.takes_tokens ? fastrnn_process_tokens(one, tokens, STEPS, y, STEPS * out)
                              : fastrnn_process(one, x, STEPS * in, y, STEPS * out)) == FASTRNN_OK);
    compare(y, expected, STEPS * out);

    /* A saved state, a clone and the rest of the steps. */
    size_t size;
    CHECK(fastrnn_reset(one) == FASTRNN_OK && fastrnn_state_size(one, &size) == FASTRNN_OK);
    for (int t = 0; t < STEPS / 2; t++)
        CHECK(step(one, &shape, t, y) == FASTRNN_OK);
    unsigned char *state = malloc(size);
    CHECK(fastrnn_state_save(one, state, size) == FASTRNN_OK && fastrnn_session_clone(one, &copy) == FASTRNN_OK && copy != one);
    for (int round = 0; round < 2; round++) {
        for (int t = STEPS / 2; t < STEPS; t++) {
            CHECK(step(round ? copy : one, &shape, t, y) == FASTRNN_OK);
            compare(y, expected + (size_t)t * out, out);
        }
    }
    CHECK(fastrnn_state_load(one, state, size) == FASTRNN_OK && step(one, &shape, STEPS / 2, y) == FASTRNN_OK);
    compare(y, expected + STEPS / 2 * out, out);

    /* Three streams: 0 and 2 together all the time, 1 one step behind, by itself. */
    for (int t = 0; t < STEPS; t++) {
        static const int32_t outer[] = { 2, 0 }, middle[] = { 1 };
        int32_t two[2] = { tokens[t], tokens[t] };
        float both[16];
        memcpy(both, x + (size_t)t * in, in * sizeof *x);
        memcpy(both + in, x + (size_t)t * in, in * sizeof *x);
        CHECK((shape.takes_tokens ? fastrnn_step_streams_tokens(three, outer, 2, two, y, 2 * out)
                                  : fastrnn_step_streams(three, outer, 2, both, 2 * in, y, 2 * out)) == FASTRNN_OK);
        compare(y, expected + (size_t)t * out, out);
        compare(y + out, expected + (size_t)t * out, out);
        CHECK((shape.takes_tokens ? fastrnn_step_streams_tokens(three, middle, 1, tokens + t, y, out)
                                  : fastrnn_step_streams(three, middle, 1, x + (size_t)t * in, in, y, out)) == FASTRNN_OK);
        compare(y, expected + (size_t)t * out, out);
    }
    for (int stream = 0; stream < 3; stream++)
        CHECK(fastrnn_reset_stream(three, stream) == FASTRNN_OK);
    for (int t = 0; t < STEPS; t++) {
        int32_t all[3] = { tokens[t], tokens[t], tokens[t] };
        float rows[24];
        for (size_t stream = 0; stream < 3; stream++)
            memcpy(rows + stream * in, x + (size_t)t * in, in * sizeof *x);
        CHECK((shape.takes_tokens ? fastrnn_step_batch_tokens(three, all, 3, y, 3 * out) : fastrnn_step_batch(three, rows, 3 * in, y, 3 * out)) == FASTRNN_OK);
        for (size_t stream = 0; stream < 3; stream++)
            compare(y + stream * out, expected + (size_t)t * out, out);
    }

    free(state);
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK); /* sessions go on */
    CHECK(fastrnn_reset(one) == FASTRNN_OK && step(one, &shape, 0, y) == FASTRNN_OK);
    compare(y, expected, out);
    CHECK(fastrnn_session_destroy(copy) == FASTRNN_OK && fastrnn_session_destroy(one) == FASTRNN_OK && fastrnn_session_destroy(three) == FASTRNN_OK);
}

static void from_memory(void)
{
    static unsigned char data[1 << 16];
    FILE *file = fopen(in_folder(folder, "lstm", ".safetensors"), "rb");
    CHECK(file != NULL);
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    fastrnn_model model = 7;
    fastrnn_shape shape;
    for (size_t cut = 0; cut < size; cut += cut < 100 ? 1 : 37)
        FAILS(FASTRNN_ERROR_FORMAT, fastrnn_model_load_memory(data, cut, &model));
    for (size_t at = 0; at < size; at += 5) {
        data[at] ^= 0x10;
        FAILS(FASTRNN_ERROR_FORMAT, fastrnn_model_load_memory(data, size, &model));
        data[at] ^= 0x10;
    }
    CHECK(model == 7);
    CHECK(fastrnn_set_model_limit(size - 1) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_model_load_memory(data, size, &model));
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_model_load(in_folder(folder, "lstm", ".safetensors"), &model));
    CHECK(fastrnn_set_model_limit(1ull << 40) == FASTRNN_OK);
    CHECK(fastrnn_model_load_memory(data, size, &model) == FASTRNN_OK && fastrnn_model_shape(model, &shape) == FASTRNN_OK);
    CHECK(shape.input_size == 1 && shape.output_size == 1 && shape.takes_tokens == 0 && shape.layers == 2);
    CHECK(shape.parameters == 4 * 8 * (1 + 8) + 2 * 4 * 8 + 8 + 1);
    memset(data, 0, size);
    fastrnn_session session = open(model, 1);
    float x = input(0, 0), y, expected;
    read_expected(folder, "lstm", &expected, 1);
    CHECK(fastrnn_step(session, &x, 1, &y, 1) == FASTRNN_OK && bits(y) == bits(expected));
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
}

static void handles(void)
{
    fastrnn_model model = load(folder, "lstm"), other = 9;
    fastrnn_session session = open(model, 1), clone = 9;
    fastrnn_shape shape;
    float x = 0, y = 3;
    size_t size;
    int32_t n;
    const uint64_t wrong[] = { 0, 1, model, session ^ 1, session + (1ull << 32), session - (1ull << 32), ~0ull, 0xdeadbeefdeadbeef, (uint64_t)(uintptr_t)&x };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        unsigned char state[8] = { 0 };
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(wrong[i], &x, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step_token(wrong[i], 0, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_process(wrong[i], &x, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_process_tokens(wrong[i], &n, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step_batch(wrong[i], &x, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step_batch_tokens(wrong[i], &n, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step_streams(wrong[i], &n, 1, &x, 1, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step_streams_tokens(wrong[i], &n, 1, &n, &y, 1));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_reset(wrong[i]));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_reset_stream(wrong[i], 0));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_is_finite(wrong[i], &n));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_warmup(wrong[i]));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_state_size(wrong[i], &size));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_state_save(wrong[i], state, 8));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_state_load(wrong[i], state, 8));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_clone(wrong[i], &clone));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_shape(wrong[i], &shape, &n));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_destroy(wrong[i]));
        uint64_t no_model = wrong[i] == model ? session : wrong[i];
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_shape(no_model, &shape));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_destroy(no_model));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_create(no_model, NULL, &clone));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_replace(no_model, model));
        FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_replace(model, no_model));
    }
    CHECK(clone == 9 && y == 3);

    /* A place that is used again has another number. */
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(session, &x, 1, &y, 1));
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_destroy(session));
    clone = open(model, 1);
    CHECK(clone != session && (uint32_t)clone == (uint32_t)session);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(session, &x, 1, &y, 1));
    CHECK(fastrnn_session_destroy(clone) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_destroy(model));
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_create(model, NULL, &clone));

    FAILS(FASTRNN_ERROR_IO, fastrnn_model_load("/nowhere/at/all", &other));
    FAILS(FASTRNN_ERROR_IO, fastrnn_model_load(folder, &other));
    FAILS(FASTRNN_ERROR_FORMAT, fastrnn_model_load(in_folder(folder, "lstm", ".expected"), &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load("", &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load(NULL, &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load(folder, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load_memory(NULL, 5, &other));
    CHECK(other == 9);
}

static void arguments(void)
{
    fastrnn_model model = load(folder, "gru"), words = load(folder, "tokens"); /* 3 to 2 numbers; 13 tokens to 13 numbers */
    fastrnn_session session = open(model, 1), two = open(model, 2), text = open(words, 1), none = 9;
    float x[6] = { 0 }, y[26] = { 0 };
    int32_t numbers[2] = { 0, 0 };
    unsigned char state[4096];
    size_t size;
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, NULL, 3, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, 3, NULL, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, 2, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, 3, y, 3));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, SIZE_MAX, y, SIZE_MAX));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, (size_t)3 + (1ull << 32), y, 2));
    FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_step(two, x, 3, y, 2));
    FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_step(text, x, 13, y, 13));
    FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_step_token(session, 0, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_token(text, 13, y, 13));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_token(text, -1, y, 13));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_token(text, 0, y, 12));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_token(text, 0, NULL, 13));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, x, 4, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, x, 6, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(two, x, 3, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, NULL, 3, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, x, 3, NULL, 2));
    FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_process(text, x, 1, y, 13));
    FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_process_tokens(session, numbers, 1, y, 2));
    CHECK(fastrnn_process(session, NULL, 0, NULL, 0) == FASTRNN_OK); /* no steps */
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_batch(two, x, 3, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_batch(two, x, 6, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, numbers, 2, x, 6, y, 4)); /* stream 0 twice */
    numbers[1] = 2;
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, numbers, 2, x, 6, y, 4)); /* no stream 2 */
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, numbers, 3, x, 6, y, 4));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, NULL, 2, x, 6, y, 4));
    CHECK(fastrnn_step_streams(two, NULL, 0, NULL, 0, NULL, 0) == FASTRNN_OK);
    numbers[0] = 13;
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process_tokens(text, numbers, 1, y, 13));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_reset_stream(two, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_reset_stream(two, -1));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_is_finite(two, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_size(two, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_shape(model, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, NULL, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_clone(session, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_replace(model, words));

    /* States: only a whole one of the same model. */
    CHECK(fastrnn_state_size(session, &size) == FASTRNN_OK && size < sizeof state && fastrnn_state_save(session, state, size) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(session, state, size - 1));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(session, NULL, size));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, state, size - 1));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(two, state, size));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(text, state, size));
    for (size_t at = 0; at < size; at++) {
        state[at] ^= 4;
        FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, state, size));
        state[at] ^= 4;
    }
    CHECK(fastrnn_state_load(session, state, size) == FASTRNN_OK);

    /* Options. */
    fastrnn_session_options good = FASTRNN_SESSION_OPTIONS_INIT, bad[6] = { good, good, good, good, good, good };
    bad[0].size--, bad[1].precision = 4, bad[2].streams = 0, bad[3].streams = INT32_MAX, bad[4].threads = -1, bad[5].size = 0;
    for (int i = 0; i < 6; i++)
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, &bad[i], &none));
    good.memory_limit = 64;
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_session_create(model, &good, &none));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_set_threads(-1));
    CHECK(fastrnn_set_threads(2) == FASTRNN_OK && fastrnn_set_threads(0) == FASTRNN_OK && fastrnn_set_threads(1) == FASTRNN_OK && none == 9);

    /* NaN stays in its stream. */
    int32_t finite, streams;
    fastrnn_shape shape;
    x[1] = NAN;
    CHECK(fastrnn_step_batch(two, x, 6, y, 4) == FASTRNN_OK && isnan(y[0]) && isfinite(y[2]));
    CHECK(fastrnn_is_finite(two, &finite) == FASTRNN_OK && finite == 0);
    CHECK(fastrnn_reset_stream(two, 0) == FASTRNN_OK && fastrnn_is_finite(two, &finite) == FASTRNN_OK && finite == 1);
    CHECK(fastrnn_session_shape(two, &shape, &streams) == FASTRNN_OK && streams == 2 && shape.input_size == 3 && shape.output_size == 2);
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_session_destroy(two) == FASTRNN_OK && fastrnn_session_destroy(text) == FASTRNN_OK);
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK && fastrnn_model_destroy(words) == FASTRNN_OK);
}

static void precisions(void)
{
    fastrnn_model model = load(folder, "lstm-32");
    float x[2] = { 0.5f, -0.25f }, y[3][2];
    for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++) {
        fastrnn_session_options options = FASTRNN_SESSION_OPTIONS_INIT;
        fastrnn_session session;
        options.precision = precision;
        options.detect_sharing = 1;
        CHECK(fastrnn_session_create(model, &options, &session) == FASTRNN_OK);
        CHECK(fastrnn_step(session, x, 2, y[precision - 1], 2) == FASTRNN_OK);
        CHECK(fabsf(y[precision - 1][0] - y[0][0]) < 0.02f && (precision == FASTRNN_PRECISION_F32 || y[precision - 1][0] != y[0][0]));
        CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
    }
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
}

/* Threads: each its own session of one model, weights replaced meanwhile; errors stay with their thread. */
static fastrnn_model shared;

static void *run(void *unused)
{
    fastrnn_session session = open(shared, 1);
    float expected[STEPS], y;
    (void)unused;
    CHECK(fastrnn_last_error() == FASTRNN_OK);
    read_expected(folder, "lstm", expected, STEPS);
    for (int round = 0; round < 200; round++) {
        CHECK(fastrnn_reset(session) == FASTRNN_OK);
        for (int t = 0; t < STEPS; t++) {
            float x = input(t, 0);
            CHECK(fastrnn_step(session, &x, 1, &y, 1) == FASTRNN_OK && bits(y) == bits(expected[t]));
        }
    }
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, &y, 2, &y, 1));
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
    return NULL;
}

static void threads(void)
{
    pthread_t all[8];
    shared = load(folder, "lstm");
    fastrnn_model same = load(folder, "lstm");
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&all[i], NULL, run, NULL) == 0);
    for (int i = 0; i < 50; i++)
        CHECK(fastrnn_model_replace(shared, same) == FASTRNN_OK);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(all[i], NULL) == 0);
    CHECK(fastrnn_model_destroy(shared) == FASTRNN_OK && fastrnn_model_destroy(same) == FASTRNN_OK);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    folder = argv[1];
    CHECK(fastrnn_check_cpu() == FASTRNN_OK && fastrnn_last_error() == FASTRNN_OK && fastrnn_last_error_message()[0] == 0);
    CHECK(fastrnn_version() == FASTRNN_VERSION && fastrnn_abi_version() == FASTRNN_ABI_VERSION);
    CHECK(!strcmp(fastrnn_status_name(FASTRNN_ERROR_CPU), "FASTRNN_ERROR_CPU") && !strcmp(fastrnn_status_name((fastrnn_status)99), "unknown"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bits_of(names[i]);
    from_memory();
    handles();
    arguments();
    precisions();
    threads();
    printf("level %s, isa %s: all functions as promised\n", fastrnn_level(), fastrnn_isa());
    return 0;
}
