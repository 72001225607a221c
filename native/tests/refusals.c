/* What functions refuse: codes and messages, nothing changed.   refusals MODELS-FOLDER */
#include "check.h"

#include <math.h>

static const char *folder;

static void handles(fastrnn_model model, fastrnn_session session)
{
    fastrnn_session clone = 9;
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
}

/* A place that is used again has another number. */
static void places(fastrnn_model model, fastrnn_session session)
{
    fastrnn_session clone;
    float x = 0, y;
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(session, &x, 1, &y, 1));
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_destroy(session));
    clone = open_streams(model, 1);
    CHECK(clone != session && (uint32_t)clone == (uint32_t)session);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(session, &x, 1, &y, 1));
    CHECK(fastrnn_session_destroy(clone) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_destroy(model));
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_session_create(model, NULL, &clone));
}

static void files(void)
{
    fastrnn_model other = 9;
    FAILS(FASTRNN_ERROR_IO, fastrnn_model_load("/nowhere/at/all", &other));
    FAILS(FASTRNN_ERROR_IO, fastrnn_model_load(folder, &other));
    FAILS(FASTRNN_ERROR_FORMAT, fastrnn_model_load(in_folder(folder, "lstm", ".expected"), &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load("", &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load(NULL, &other));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load(folder, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load_memory(NULL, 5, &other));
    CHECK(other == 9);
}

static void arguments(fastrnn_session session, fastrnn_session two, fastrnn_session text)
{
    float x[9] = { 0 }, y[26] = { 0 };
    int32_t numbers[2] = { 0, 0 };
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
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, x, 3, x, 2)); /* the same memory for widths that differ */
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, x, 6, x + 5, 4));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_batch(two, x + 3, 6, x, 4));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, numbers, 1, x, 3, x + 1, 2));
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
}

/* Only a whole state of the same model. */
static void states(fastrnn_session session, fastrnn_session two, fastrnn_session text)
{
    unsigned char state[4096];
    size_t size;
    CHECK(fastrnn_state_size(session, &size) == FASTRNN_OK && size < sizeof state && fastrnn_state_save(session, state, size) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(session, state, size - 1));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(session, NULL, size));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_load(session, NULL, size));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, NULL, 0)); /* what is empty is cut short */
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, state, 0));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, state, size - 1));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(two, state, size));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(text, state, size));
    for (size_t at = 0; at < size; at++) {
        state[at] ^= 4;
        FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(session, state, size));
        state[at] ^= 4;
    }
    CHECK(fastrnn_state_load(session, state, size) == FASTRNN_OK);
}

static void options(fastrnn_model model)
{
    fastrnn_session none = 9;
    fastrnn_session_options good = FASTRNN_SESSION_OPTIONS_INIT, bad[6] = { good, good, good, good, good, good };
    bad[0].size--, bad[1].precision = 4, bad[2].streams = 0, bad[3].streams = INT32_MAX, bad[4].threads = -1, bad[5].size = 0;
    for (int i = 0; i < 6; i++)
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, &bad[i], &none));
    good.memory_limit = 64;
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_session_create(model, &good, &none));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_set_threads(-1));
    CHECK(fastrnn_set_threads(2) == FASTRNN_OK && fastrnn_set_threads(0) == FASTRNN_OK && fastrnn_set_threads(1) == FASTRNN_OK && none == 9);
}

/* A null pointer and an offset: the hardware finds it, and no exception crosses the border. */
static void addresses_near_zero(fastrnn_model model, fastrnn_session session, fastrnn_session two)
{
    void *low = (void *)(uintptr_t)16;
    float x[6] = { 0 }, y[4];
    size_t size;
    fastrnn_session none = 9;
    CHECK(fastrnn_state_size(session, &size) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, low, 3, y, 2));
    CHECK(!strcmp(fastrnn_last_error_message(), "a pointer that is not the caller's (NullReferenceException)"));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step(session, x, 3, low, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_process(session, low, 6, y, 4));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_batch(two, x, 6, low, 4));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(two, low, 1, x, 3, y, 2));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_is_finite(session, low));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_size(session, low));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(session, low, size));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_load(session, low, size));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_shape(session, low, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_shape(session, NULL, low));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_shape(model, low));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, low, &none));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_load(low, &none));
    CHECK(none == 9 && fastrnn_reset(session) == FASTRNN_OK && fastrnn_step(session, x, 3, y, 2) == FASTRNN_OK);
}

static void nan_stays_in_its_stream(fastrnn_session two)
{
    float x[6] = { 0, NAN }, y[4];
    int32_t finite, streams;
    fastrnn_shape shape;
    CHECK(fastrnn_step_batch(two, x, 6, y, 4) == FASTRNN_OK && isnan(y[0]) && isfinite(y[2]));
    CHECK(fastrnn_is_finite(two, &finite) == FASTRNN_OK && finite == 0);
    CHECK(fastrnn_reset_stream(two, 0) == FASTRNN_OK && fastrnn_is_finite(two, &finite) == FASTRNN_OK && finite == 1);
    CHECK(fastrnn_session_shape(two, &shape, &streams) == FASTRNN_OK && streams == 2 && shape.input_size == 3 && shape.output_size == 2);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    folder = argv[1];
    fastrnn_model lstm = load(folder, "lstm"), gru = load(folder, "gru"), tokens = load(folder, "tokens");
    fastrnn_session session = open_streams(lstm, 1);
    handles(lstm, session);
    places(lstm, session);
    files();

    /* 3 to 2 numbers; 13 tokens to 13 numbers. */
    fastrnn_session one = open_streams(gru, 1), two = open_streams(gru, 2), text = open_streams(tokens, 1);
    arguments(one, two, text);
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_shape(gru, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(gru, NULL, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_clone(one, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_model_replace(gru, tokens));
    states(one, two, text);
    options(gru);
    addresses_near_zero(gru, one, two);
    nan_stays_in_its_stream(two);
    CHECK(fastrnn_session_destroy(one) == FASTRNN_OK && fastrnn_session_destroy(two) == FASTRNN_OK && fastrnn_session_destroy(text) == FASTRNN_OK);
    CHECK(fastrnn_model_destroy(gru) == FASTRNN_OK && fastrnn_model_destroy(tokens) == FASTRNN_OK);
    printf("all mistakes are refused\n");
    return 0;
}
