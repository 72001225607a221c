/* Threads: each its own session of one model, two in one session, one that ends a session others step.   threads MODELS-FOLDER */
#include "check.h"

#include <pthread.h>
#include <time.h>

#define SECONDS 30 /* enough for what comes within milliseconds; only a failure takes them */

static const char *folder;
static fastrnn_model model;

/* ---- Own sessions, weights replaced meanwhile; errors stay with their thread. ---- */

static float expected[STEPS];

static void *own_session(void *unused)
{
    fastrnn_session session = open_streams(model, 1);
    float y;
    (void)unused;
    CHECK(fastrnn_last_error() == FASTRNN_OK);
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

static void own_sessions(void)
{
    pthread_t all[8];
    fastrnn_model same = load(folder, "lstm");
    read_expected(folder, "lstm", expected, STEPS);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&all[i], NULL, own_session, NULL) == 0);
    for (int i = 0; i < 50; i++)
        CHECK(fastrnn_model_replace(model, same) == FASTRNN_OK);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(all[i], NULL) == 0);
    CHECK(fastrnn_model_destroy(same) == FASTRNN_OK);
}

/* ---- Threads that step what `current` names, until told to stop. ---- */

static uint64_t current;
static size_t rows; /* streams of that session; the model takes one number to one */
static int stop;

struct stepper {
    pthread_t thread;
    long counts[FASTRNN_ERROR_INTERNAL + 1];
};

static long seen(const struct stepper *s, fastrnn_status status) { return __atomic_load_n(&s->counts[status], __ATOMIC_RELAXED); }

static void *step_current(void *argument)
{
    struct stepper *s = argument;
    float x[64], y[64];
    for (int i = 0; i < 64; i++)
        x[i] = input(i, 0);
    for (long i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
        fastrnn_session session = __atomic_load_n(&current, __ATOMIC_RELAXED);
        fastrnn_status status = i % 4 ? fastrnn_process(session, x, 64, y, 64) : i % 8 ? fastrnn_step_batch(session, x, rows, y, rows) : fastrnn_reset(session);
        CHECK(status == FASTRNN_OK || fastrnn_last_error() == status);
        __atomic_add_fetch(&s->counts[status], 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void start(struct stepper *all, int count)
{
    __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
    memset(all, 0, (size_t)count * sizeof *all);
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&all[i].thread, NULL, step_current, &all[i]) == 0);
}

/* Ends the threads; they have seen nothing but these three. */
static void finish(struct stepper *all, int count)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++) {
        CHECK(pthread_join(all[i].thread, NULL) == 0);
        for (int status = 0; status <= FASTRNN_ERROR_INTERNAL; status++) {
            if (all[i].counts[status] > 0 && status != FASTRNN_OK && status != FASTRNN_ERROR_HANDLE && status != FASTRNN_ERROR_BUSY) {
                fprintf(stderr, "%ld times %s\n", all[i].counts[status], fastrnn_status_name((fastrnn_status)status));
                exit(1);
            }
        }
    }
}

static void pause_a_little(void)
{
    struct timespec time = { 0, 200000 };
    nanosleep(&time, NULL);
}

/* Two in one session that looks for that: one computes, the other is told so; a clone looks as well. */
static void one_session_of_two(int streams, int threads, int detect)
{
    struct stepper all[2];
    rows = (size_t)streams;
    fastrnn_session session = open_with(model, streams, FASTRNN_PRECISION_MODEL, threads, detect), clone;
    CHECK(fastrnn_session_clone(session, &clone) == FASTRNN_OK);
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&current, i ? clone : session, __ATOMIC_RELAXED);
        start(all, 2);
        time_t end = time(NULL) + SECONDS;
        while (time(NULL) < end
               && (!seen(&all[0], FASTRNN_OK) || !seen(&all[1], FASTRNN_OK) || !(seen(&all[0], FASTRNN_ERROR_BUSY) + seen(&all[1], FASTRNN_ERROR_BUSY))))
            pause_a_little();
        finish(all, 2);
        CHECK(all[0].counts[FASTRNN_ERROR_HANDLE] + all[1].counts[FASTRNN_ERROR_HANDLE] == 0);
        CHECK(all[0].counts[FASTRNN_OK] > 0 && all[1].counts[FASTRNN_OK] > 0);
        CHECK(all[0].counts[FASTRNN_ERROR_BUSY] + all[1].counts[FASTRNN_ERROR_BUSY] > 0);
    }
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_session_destroy(clone) == FASTRNN_OK);
}

/* Sessions end and come while others step them. */
static void ended_while_stepping(int steppers, int detect)
{
    struct stepper all[2];
    rows = 4;
    fastrnn_session session = open_with(model, 4, FASTRNN_PRECISION_MODEL, 1, detect);
    long handles = 0;
    __atomic_store_n(&current, session, __ATOMIC_RELAXED);
    start(all, steppers);
    time_t end = time(NULL) + SECONDS;
    for (int round = 0; round < 60 || (handles == 0 && time(NULL) < end); round++) {
        fastrnn_session next = open_with(model, 4, FASTRNN_PRECISION_MODEL, 1, detect);
        CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
        if (round % 8 == 0)
            pause_a_little(); /* steps of what is gone */
        session = next;
        __atomic_store_n(&current, session, __ATOMIC_RELAXED);
        pause_a_little();
        handles = 0;
        for (int i = 0; i < steppers; i++)
            handles += seen(&all[i], FASTRNN_ERROR_HANDLE);
    }
    finish(all, steppers);
    CHECK(handles > 0 && all[0].counts[FASTRNN_OK] > 0);
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    folder = argv[1];
    model = load(folder, "lstm");
    own_sessions();
    one_session_of_two(1, 1, 1);
    one_session_of_two(4, 1, 1);
    one_session_of_two(4, 2, 0); /* threads of its own: always */
    ended_while_stepping(1, 0);
    ended_while_stepping(2, 1);
    CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
    printf("threads get OK, HANDLE or BUSY and nothing else\n");
    return 0;
}
