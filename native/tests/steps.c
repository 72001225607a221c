/* Many steps of every cell and precision: nothing grows.   steps MODELS-FOLDER STEPS */
#include "check.h"

static void run(fastrnn_session session, const fastrnn_shape *shape, long steps)
{
    float x[8] = { 0 }, y[16];
    for (long t = 0; t < steps; t++) {
        x[0] = (float)(t & 15) / 16;
        CHECK((shape->takes_tokens ? fastrnn_step_token(session, (int32_t)(t % 13), y, (size_t)shape->output_size)
                                   : fastrnn_step(session, x, (size_t)shape->input_size, y, (size_t)shape->output_size)) == FASTRNN_OK);
    }
}

/* The runtime's own threads may free, after a collection, what sessions closed before held: then the round is run once more. What steps hold grows in each. */
static void still(fastrnn_session session, const fastrnn_shape *shape, long steps)
{
    size_t before, after;
    long pages;
    int rounds = 0;
    do {
        resident(); /* its own memory comes before the first look */
        before = allocated();
        pages = resident();
        run(session, shape, steps);
        after = allocated();
        CHECK(resident() <= pages + (1 << 20)); /* the kernel's count is exact to some pages a core; a byte a step would be ten times that */
    } while (after != before && ++rounds < 3);
    CHECK(after == before);
}

int main(int argc, char **argv)
{
    static const char *const names[] = ALL_MODELS;
    CHECK(argc == 3);
    long steps = atol(argv[2]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fastrnn_model model = load(argv[1], names[i]);
        fastrnn_shape shape = shape_of(model);
        for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++) {
            fastrnn_session session = open_with(model, 1, precision, 1, 0);
            CHECK(fastrnn_warmup(session) == FASTRNN_OK);
            run(session, &shape, 1000);
            still(session, &shape, steps);
            CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
        }
        CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
    }
    printf("%ld steps of each of %zu models in 3 precisions: 0 bytes\n", steps, sizeof names / sizeof *names);
    return 0;
}
