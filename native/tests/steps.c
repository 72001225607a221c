/*
 * Many steps of every cell and precision: nothing grows.   steps MODELS-FOLDER STEPS
 * With STEPS negative, one model takes that many between two system calls that a trace can see (getppid), so that what lies between them is known.
 */
#include "check.h"

#include <malloc.h>
#include <unistd.h>

static long resident(void)
{
    long pages = 0, all;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static size_t allocated(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

static fastrnn_session open(fastrnn_model model, int precision)
{
    fastrnn_session_options options = FASTRNN_SESSION_OPTIONS_INIT;
    fastrnn_session session = 0;
    options.precision = precision;
    CHECK(fastrnn_session_create(model, &options, &session) == FASTRNN_OK && fastrnn_warmup(session) == FASTRNN_OK);
    return session;
}

static void run(fastrnn_session session, const fastrnn_shape *shape, long steps)
{
    float x[8] = { 0 }, y[16];
    for (long t = 0; t < steps; t++) {
        x[0] = (float)(t & 15) / 16;
        CHECK((shape->takes_tokens ? fastrnn_step_token(session, (int32_t)(t % 13), y, (size_t)shape->output_size)
                                   : fastrnn_step(session, x, (size_t)shape->input_size, y, (size_t)shape->output_size)) == FASTRNN_OK);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "lstm", "gru", "gru-before", "rnn", "lstm-32", "tokens" };
    CHECK(argc == 3);
    long steps = atol(argv[2]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fastrnn_model model = load(argv[1], names[i]);
        fastrnn_shape shape;
        CHECK(fastrnn_model_shape(model, &shape) == FASTRNN_OK);
        if (steps < 0) {
            fastrnn_session session = open(model, FASTRNN_PRECISION_F32);
            run(session, &shape, 100);
            getppid();
            run(session, &shape, -steps);
            getppid();
            return 0;
        }
        for (int precision = FASTRNN_PRECISION_F32; precision <= FASTRNN_PRECISION_INT8; precision++) {
            fastrnn_session session = open(model, precision);
            run(session, &shape, 1000);
            resident(); /* its own memory comes before the first look */
            size_t before = allocated();
            long pages = resident();
            run(session, &shape, steps);
            CHECK(allocated() == before && resident() <= pages);
            CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
        }
        CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
    }
    printf("%ld steps of each of %zu models in 3 precisions: 0 bytes\n", steps, sizeof names / sizeof *names);
    return 0;
}
