/* What the library does to the process, and leaves.   process MODELS-FOLDER default|handled|ignored|unknown-isa */
#include "check.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;
static volatile int caught;

static void note(int number) { caught = number; }

static void leave(int number)
{
    caught = number;
    siglongjmp(back, 1);
}

static int threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    CHECK(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static struct sigaction action_of(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigaction(number, NULL, &action);
    return action;
}

/* The signals of which the header speaks, and no others. */
static int may_be_handled(int number) { return number == SIGSEGV || number == SIGFPE || number == SIGRTMIN; }

static void run(const char *folder)
{
    fastrnn_model model = load(folder, "lstm");
    fastrnn_session session = open_streams(model, 1);
    float x = 0.5f, y;
    CHECK(fastrnn_warmup(session) == FASTRNN_OK && fastrnn_step(session, &x, 1, &y, 1) == FASTRNN_OK);
    CHECK(fastrnn_session_destroy(session) == FASTRNN_OK && fastrnn_model_destroy(model) == FASTRNN_OK);
}

static void unknown_isa(const char *folder)
{
    fastrnn_model model = 9;
    CHECK(!strcmp(fastrnn_isa(), "none"));
    FAILS(FASTRNN_ERROR_CPU, fastrnn_model_load(in_folder(folder, "lstm", ".safetensors"), &model));
    CHECK(strstr(fastrnn_last_error_message(), "FASTRNN_ISA=avx3") != NULL && model == 9);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    const char *how = argv[2];
    if (!strcmp(how, "unknown-isa")) {
        CHECK(setenv("FASTRNN_ISA", "avx3", 1) == 0);
        unknown_isa(argv[1]);
        return 0;
    }
    void (*disposition)(int) = !strcmp(how, "default") ? SIG_DFL : !strcmp(how, "handled") ? note : SIG_IGN;
    CHECK(disposition != SIG_IGN || !strcmp(how, "ignored"));
    struct sigaction before[65];
    signal(SIGPIPE, disposition);
    signal(SIGSEGV, leave);
    for (int number = 1; number <= 64; number++)
        before[number] = action_of(number);
    CHECK(threads() == 1);
    run(argv[1]);
    CHECK(threads() == 2);
    for (int number = 1; number <= 64; number++)
        CHECK(may_be_handled(number) || action_of(number).sa_handler == before[number].sa_handler);
    CHECK(action_of(SIGPIPE).sa_handler == disposition);
    if (disposition == note)
        CHECK(raise(SIGPIPE) == 0 && caught == SIGPIPE);

    /* A fault of the host's own goes to the host's handler. */
    int *volatile nowhere = NULL;
    if (sigsetjmp(back, 1) == 0) {
        *nowhere = 1;
        CHECK(!"it wrote");
    }
    CHECK(caught == SIGSEGV);
    run(argv[1]);
    printf("SIGPIPE %s: as the host had it\n", how);
    return 0;
}
