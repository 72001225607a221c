/* Models and sessions come and go: memory does not stay.   churn MODELS-FOLDER ROUNDS */
#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    long rounds = atol(argv[2]), first = 0;
    for (long i = 0; i < rounds; i++) {
        fastrnn_model model = load(argv[1], "lstm-32");
        fastrnn_session sessions[4];
        float x[2] = { 0 }, y[2];
        for (int s = 0; s < 4; s++) {
            CHECK((s ? fastrnn_session_clone(sessions[0], &sessions[s]) : fastrnn_session_create(model, NULL, &sessions[0])) == FASTRNN_OK);
            CHECK(fastrnn_step(sessions[s], x, 2, y, 2) == FASTRNN_OK);
        }
        CHECK(fastrnn_model_destroy(model) == FASTRNN_OK);
        for (int s = 0; s < 4; s++)
            CHECK(fastrnn_session_destroy(sessions[s]) == FASTRNN_OK);
        if (i == rounds / 4)
            first = resident() >> 20;
    }
    printf("%ld MiB after a quarter of %ld rounds, %ld MiB at the end\n", first, rounds, resident() >> 20);
    CHECK(resident() >> 20 <= first + first / 2 + 32);
    return 0;
}
