/* What every function gives, bit by bit as the C# library does.   functions MODELS-FOLDER */
#include "check.h"

#include <math.h>

static const char *folder;

static void compare(const float *got, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK(bits(got[i]) == bits(expected[i]));
}

/* A model, what it is given and what C# noted that it gives. */
struct noted {
    fastrnn_model model;
    fastrnn_shape shape;
    size_t in, out;
    int32_t tokens[STEPS];
    float x[STEPS * 8], expected[STEPS * 16];
};

static void read_noted(const char *name, struct noted *n)
{
    n->model = load(folder, name);
    n->shape = shape_of(n->model);
    n->in = n->shape.takes_tokens ? 1 : (size_t)n->shape.input_size;
    n->out = (size_t)n->shape.output_size;
    read_expected(folder, name, n->expected, STEPS * n->out);
    for (int t = 0; t < STEPS; t++) {
        n->tokens[t] = token(t, n->shape.input_size);
        for (size_t i = 0; i < n->in; i++)
            n->x[(size_t)t * n->in + i] = input(t, (int)i);
    }
}

static const float *row(const struct noted *n, int t) { return n->x + (size_t)t * n->in; }
static const float *answer(const struct noted *n, int t) { return n->expected + (size_t)t * n->out; }

static void step(const struct noted *n, fastrnn_session session, int t)
{
    float y[16];
    CHECK((n->shape.takes_tokens ? fastrnn_step_token(session, n->tokens[t], y, n->out) : fastrnn_step(session, row(n, t), n->in, y, n->out)) == FASTRNN_OK);
    compare(y, answer(n, t), n->out);
}

static void steps_and_block(const struct noted *n, fastrnn_session one)
{
    float y[STEPS * 16];
    CHECK(fastrnn_warmup(one) == FASTRNN_OK);
    for (int t = 0; t < STEPS; t++)
        step(n, one, t);
    CHECK(fastrnn_reset(one) == FASTRNN_OK);
    CHECK((n->shape.takes_tokens ? fastrnn_process_tokens(one, n->tokens, STEPS, y, STEPS * n->out)
                                 : fastrnn_process(one, n->x, STEPS * n->in, y, STEPS * n->out)) == FASTRNN_OK);
    compare(y, n->expected, STEPS * n->out);
}

/* A saved state, a clone and the rest of the steps. */
static void state_and_clone(const struct noted *n, fastrnn_session one)
{
    size_t size;
    fastrnn_session copy;
    CHECK(fastrnn_reset(one) == FASTRNN_OK && fastrnn_state_size(one, &size) == FASTRNN_OK);
    for (int t = 0; t < STEPS / 2; t++)
        step(n, one, t);
    unsigned char *state = malloc(size);
    CHECK(state != NULL && fastrnn_state_save(one, state, size) == FASTRNN_OK);
    CHECK(fastrnn_session_clone(one, &copy) == FASTRNN_OK && copy != one);
    for (int t = STEPS / 2; t < STEPS; t++)
        step(n, one, t);
    for (int t = STEPS / 2; t < STEPS; t++)
        step(n, copy, t);
    CHECK(fastrnn_state_load(one, state, size) == FASTRNN_OK);
    step(n, one, STEPS / 2);
    CHECK(fastrnn_session_destroy(copy) == FASTRNN_OK);
    free(state);
}

/* Streams 0 and 2 together all the time, 1 by itself. */
static void some_streams(const struct noted *n, fastrnn_session three)
{
    static const int32_t outer[] = { 2, 0 }, middle[] = { 1 };
    for (int t = 0; t < STEPS; t++) {
        int32_t two[2] = { n->tokens[t], n->tokens[t] };
        float both[16], y[32];
        memcpy(both, row(n, t), n->in * sizeof *both);
        memcpy(both + n->in, row(n, t), n->in * sizeof *both);
        CHECK((n->shape.takes_tokens ? fastrnn_step_streams_tokens(three, outer, 2, two, y, 2 * n->out)
                                     : fastrnn_step_streams(three, outer, 2, both, 2 * n->in, y, 2 * n->out)) == FASTRNN_OK);
        compare(y, answer(n, t), n->out);
        compare(y + n->out, answer(n, t), n->out);
        CHECK((n->shape.takes_tokens ? fastrnn_step_streams_tokens(three, middle, 1, two, y, n->out)
                                     : fastrnn_step_streams(three, middle, 1, both, n->in, y, n->out)) == FASTRNN_OK);
        compare(y, answer(n, t), n->out);
    }
}

static void all_streams(const struct noted *n, fastrnn_session three)
{
    for (int stream = 0; stream < 3; stream++)
        CHECK(fastrnn_reset_stream(three, stream) == FASTRNN_OK);
    for (int t = 0; t < STEPS; t++) {
        int32_t all[3] = { n->tokens[t], n->tokens[t], n->tokens[t] };
        float rows[24], y[48];
        for (size_t stream = 0; stream < 3; stream++)
            memcpy(rows + stream * n->in, row(n, t), n->in * sizeof *rows);
        CHECK((n->shape.takes_tokens ? fastrnn_step_batch_tokens(three, all, 3, y, 3 * n->out)
                                     : fastrnn_step_batch(three, rows, 3 * n->in, y, 3 * n->out)) == FASTRNN_OK);
        for (size_t stream = 0; stream < 3; stream++)
            compare(y + stream * n->out, answer(n, t), n->out);
    }
}

static void bits_of(const char *name)
{
    struct noted n;
    read_noted(name, &n);
    fastrnn_session one = open_streams(n.model, 1), three = open_streams(n.model, 3);
    steps_and_block(&n, one);
    state_and_clone(&n, one);
    CHECK(fastrnn_warmup(three) == FASTRNN_OK);
    some_streams(&n, three);
    all_streams(&n, three);
    CHECK(fastrnn_model_destroy(n.model) == FASTRNN_OK); /* sessions go on */
    CHECK(fastrnn_reset(one) == FASTRNN_OK);
    step(&n, one, 0);
    CHECK(fastrnn_session_destroy(one) == FASTRNN_OK && fastrnn_session_destroy(three) == FASTRNN_OK);
}

/* Outputs over inputs: the bits of separate memory, for all calls that allow it. */
static void in_place(fastrnn_model model, int streams, int threads, int precision)
{
    enum { WIDTH = 2, MOST = 4 * 3 * WIDTH };
    static const int32_t some[] = { 2, 0 };
    fastrnn_session apart = open_with(model, streams, precision, threads, 0), over = open_with(model, streams, precision, threads, 0);
    size_t row = (size_t)streams * WIDTH;
    float x[MOST], y[MOST], both[MOST];
    for (int i = 0; i < MOST; i++)
        x[i] = both[i] = input(i, 1);
    CHECK(fastrnn_process(apart, x, 4 * row, y, 4 * row) == FASTRNN_OK && fastrnn_process(over, both, 4 * row, both, 4 * row) == FASTRNN_OK);
    compare(both, y, 4 * row);
    memcpy(both, x, sizeof x);
    CHECK(fastrnn_step_batch(apart, x, row, y, row) == FASTRNN_OK && fastrnn_step_batch(over, both, row, both, row) == FASTRNN_OK);
    compare(both, y, row);
    memcpy(both, x, sizeof x);
    if (streams == 1) {
        CHECK(fastrnn_step(apart, x, WIDTH, y, WIDTH) == FASTRNN_OK && fastrnn_step(over, both, WIDTH, both, WIDTH) == FASTRNN_OK);
        compare(both, y, WIDTH);
    } else {
        CHECK(fastrnn_step_streams(apart, some, 2, x, 2 * WIDTH, y, 2 * WIDTH) == FASTRNN_OK);
        CHECK(fastrnn_step_streams(over, some, 2, both, 2 * WIDTH, both, 2 * WIDTH) == FASTRNN_OK);
        compare(both, y, 2 * WIDTH);
    }
    CHECK(fastrnn_session_destroy(apart) == FASTRNN_OK && fastrnn_session_destroy(over) == FASTRNN_OK);
}

static void in_place_everywhere(void)
{
    fastrnn_model model = load(folder, "lstm-32"); /* 2 to 2 numbers */
    for (int streams = 1; streams <= 3; streams += 2) {
        for (int threads = 1; threads <= 2; threads++) {
            for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++)
                in_place(model, streams, threads, precision);
        }
    }
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
}

/* More options or less than it knows: what no header has had. */
static void options_of_other_headers(void)
{
    struct {
        fastrnn_session_options known;
        uint64_t later;
    } options = { FASTRNN_SESSION_OPTIONS_INIT, 1 };
    fastrnn_model model = load(folder, "lstm");
    fastrnn_session session = 9;
    options.known.size = sizeof options;
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, &options.known, &session));
    options.known.size = 28;
    FAILS(FASTRNN_ERROR_ARGUMENT, fastrnn_session_create(model, &options.known, &session));
    CHECK(session == 9);
    options.known.size = 32; /* that of the first header: every library with this FASTRNN_ABI_VERSION takes it */
    CHECK(fastrnn_session_create(model, &options.known, &session) == FASTRNN_OK);
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
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
    CHECK(fastrnn_set_model_limit(UINT64_MAX) == FASTRNN_OK);
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_model_load_memory(data, ((size_t)1 << 40) + 1, &model));
    FAILS(FASTRNN_ERROR_MEMORY, fastrnn_model_load_memory(data, SIZE_MAX, &model));
    CHECK(fastrnn_model_load_memory(data, size, &model) == FASTRNN_OK && fastrnn_model_shape(model, &shape) == FASTRNN_OK);
    CHECK(shape.input_size == 1 && shape.output_size == 1 && shape.takes_tokens == 0 && shape.layers == 2);
    CHECK(shape.parameters == 4 * 8 * (1 + 8) + 2 * 4 * 8 + 8 + 1);
    memset(data, 0, size);
    fastrnn_session session = open_streams(model, 1);
    float x = input(0, 0), y, expected;
    read_expected(folder, "lstm", &expected, 1);
    CHECK(fastrnn_step(session, &x, 1, &y, 1) == FASTRNN_OK && bits(y) == bits(expected));
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
}

static void precisions(void)
{
    fastrnn_model model = load(folder, "lstm-32");
    float x[2] = { 0.5f, -0.25f }, y[3][2];
    for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++) {
        fastrnn_session session = open_with(model, 1, precision, 1, 1);
        CHECK(fastrnn_step(session, x, 2, y[precision - 1], 2) == FASTRNN_OK);
        CHECK(fabsf(y[precision - 1][0] - y[0][0]) < 0.02f && (precision == FASTRNN_PRECISION_F32 || y[precision - 1][0] != y[0][0]));
        CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
    }
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    folder = argv[1];
    CHECK(fastrnn_check_cpu() == FASTRNN_OK && fastrnn_last_error() == FASTRNN_OK && fastrnn_last_error_message()[0] == 0);
    CHECK(fastrnn_version() == FASTRNN_VERSION && fastrnn_abi_version() == FASTRNN_ABI_VERSION);
    CHECK(!strcmp(fastrnn_status_name(FASTRNN_ERROR_CPU), "FASTRNN_ERROR_CPU") && !strcmp(fastrnn_status_name((fastrnn_status)99), "unknown"));
    static const char *const names[] = ALL_MODELS;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bits_of(names[i]);
    in_place_everywhere();
    options_of_other_headers();
    from_memory();
    precisions();
    printf("level %s, isa %s: all functions as promised\n", fastrnn_level(), fastrnn_isa());
    return 0;
}
