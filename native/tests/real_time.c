/*
 * All functions that the header calls real-time safe, with right and wrong arguments, for several models, precisions and numbers of streams.
 *     real_time MODELS-FOLDER ROUNDS
 * Between two system calls that a trace can see (getppid) only they run, so that what lies between them is known. They allocate nothing there.
 */
#include "check.h"

#define STATE_BYTES 65536

struct target {
    fastrnn_model model;
    fastrnn_session session;
    fastrnn_shape shape;
    int streams;
    size_t in, out;
    unsigned char *state;
};

static struct target open_target(fastrnn_model model, int streams, int precision)
{
    struct target t = { .model = model, .session = open_with(model, streams, precision, 1, streams > 1), .shape = shape_of(model), .streams = streams };
    t.in = t.shape.takes_tokens ? 1 : (size_t)t.shape.input_size;
    t.out = (size_t)t.shape.output_size;
    t.state = malloc(STATE_BYTES);
    CHECK(t.state != NULL && fastrnn_warmup(t.session) == FASTRNN_OK);
    return t;
}

static void steps(const struct target *t, long round)
{
    static const int32_t all[] = { 2, 0, 3, 1 };
    float x[2 * 4 * 8], y[2 * 4 * 16];
    int32_t tokens[2 * 4];
    size_t rows = (size_t)t->streams;
    for (size_t i = 0; i < 2 * rows * t->in; i++)
        x[i] = input((int)(round & 1023), (int)i);
    for (size_t i = 0; i < 2 * rows; i++)
        tokens[i] = token((int)(round & 1023) + (int)i, t->shape.input_size);
    size_t some = rows == 1 ? 1 : 2;
    const int32_t *list = rows == 1 ? all + 1 : all;
    if (t->shape.takes_tokens) {
        CHECK(rows > 1 || fastrnn_step_token(t->session, tokens[0], y, t->out) == FASTRNN_OK);
        CHECK(fastrnn_process_tokens(t->session, tokens, 2 * rows, y, 2 * rows * t->out) == FASTRNN_OK);
        CHECK(fastrnn_step_batch_tokens(t->session, tokens, rows, y, rows * t->out) == FASTRNN_OK);
        CHECK(fastrnn_step_streams_tokens(t->session, list, some, tokens, y, some * t->out) == FASTRNN_OK);
    } else {
        CHECK(rows > 1 || fastrnn_step(t->session, x, t->in, y, t->out) == FASTRNN_OK);
        CHECK(fastrnn_process(t->session, x, 2 * rows * t->in, y, 2 * rows * t->out) == FASTRNN_OK);
        CHECK(fastrnn_step_batch(t->session, x, rows * t->in, y, rows * t->out) == FASTRNN_OK);
        CHECK(fastrnn_step_streams(t->session, list, some, x, some * t->in, y, some * t->out) == FASTRNN_OK);
    }
}

static void states(const struct target *t)
{
    size_t size;
    int32_t finite, streams;
    fastrnn_shape shape;
    CHECK(fastrnn_state_size(t->session, &size) == FASTRNN_OK && size <= STATE_BYTES);
    CHECK(fastrnn_state_save(t->session, t->state, size) == FASTRNN_OK && fastrnn_reset(t->session) == FASTRNN_OK);
    CHECK(fastrnn_state_load(t->session, t->state, size) == FASTRNN_OK && fastrnn_is_finite(t->session, &finite) == FASTRNN_OK && finite == 1);
    CHECK(fastrnn_reset_stream(t->session, t->streams - 1) == FASTRNN_OK);
    CHECK(fastrnn_model_shape(t->model, &shape) == FASTRNN_OK && fastrnn_session_shape(t->session, &shape, &streams) == FASTRNN_OK);
    CHECK(streams == t->streams && fastrnn_check_cpu() == FASTRNN_OK && fastrnn_level()[0] != 0);
    CHECK(fastrnn_version() == FASTRNN_VERSION && fastrnn_abi_version() == FASTRNN_ABI_VERSION);
}

static void mistakes(const struct target *t)
{
    static const int32_t twice[] = { 0, 0 }, beyond[] = { 4 }, no_token[] = { -1 };
    float x[4 * 8] = { 0 }, y[4 * 16];
    int32_t tokens[4] = { 0 };
    size_t rows = (size_t)t->streams;
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_step(t->session ^ 1ull << 40, x, t->in, y, t->out));
    FAILS(FASTRNN_ERROR_HANDLE, fastrnn_model_shape(t->session, &(fastrnn_shape){ 0 }));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_batch(t->session, NULL, rows * t->in, y, rows * t->out));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_reset_stream(t->session, t->streams));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_is_finite(t->session, NULL));
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_state_save(t->session, t->state, 1));
    FAILS(FASTRNN_ERROR_STATE, fastrnn_state_load(t->session, t->state, 1));
    if (t->shape.takes_tokens) {
        FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_process(t->session, x, 1, y, t->out));
        FAILS(rows == 1 ? FASTRNN_ERROR_ARGUMENT : FASTRNN_ERROR_UNSUPPORTED, fastrnn_step_token(t->session, -1, y, t->out));
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams_tokens(t->session, twice, 1, no_token, y, t->out));
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams_tokens(t->session, beyond, 1, tokens, y, t->out));
    } else {
        FAILS(FASTRNN_ERROR_UNSUPPORTED, fastrnn_process_tokens(t->session, tokens, 1, y, t->out));
        FAILS(rows == 1 ? FASTRNN_ERROR_ARGUMENT : FASTRNN_ERROR_UNSUPPORTED, fastrnn_step(t->session, x, t->in + 1, y, t->out));
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(t->session, twice, 2, x, 2 * t->in, y, 2 * t->out));
        FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_step_streams(t->session, beyond, 1, x, t->in, y, t->out));
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = ALL_MODELS;
    enum { MODELS = sizeof names / sizeof *names, TARGETS = MODELS * 3 * 2 };
    static struct target targets[TARGETS];
    int count = 0;
    CHECK(argc == 3);
    long rounds = atol(argv[2]);
    for (int i = 0; i < MODELS; i++) {
        fastrnn_model model = load(argv[1], names[i]), same = load(argv[1], names[i]);
        for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++) {
            for (int streams = 1; streams <= 4; streams += 3)
                targets[count++] = open_target(model, streams, precision);
        }
        CHECK(fastrnn_model_replace(model, same) == FASTRNN_OK); /* the first step below takes the new weights */
        CHECK(fastrnn_model_destroy(same) == FASTRNN_OK);
    }
    resident(); /* its own memory comes before the first look */
    size_t before = allocated();
    long pages = resident();
    getppid();
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < count; i++) {
            steps(&targets[i], round);
            states(&targets[i]);
            mistakes(&targets[i]);
        }
    }
    getppid();
    long more = (long)(allocated() - before), larger = resident() - pages;
    printf("%ld rounds of %d sessions: malloc %+ld bytes, resident %+ld KiB\n", rounds, count, more, larger / 1024);
    CHECK(more == 0 && larger < 1 << 20);
    return 0;
}
