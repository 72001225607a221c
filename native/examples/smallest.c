/* The smallest program: a step of a model with one input and one output.   smallest lstm.safetensors */
#include <fastrnn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    fastrnn_model model;
    fastrnn_session session;
    float x = 0.5f, y;
    if (argc != 2 || fastrnn_model_load(argv[1], &model) || fastrnn_session_create(model, NULL, &session) || fastrnn_step(session, &x, 1, &y, 1)) {
        fprintf(stderr, "%s\n", argc != 2 ? "usage: smallest MODEL" : fastrnn_last_error_message());
        return 1;
    }
    printf("%s: %g -> %g\n", fastrnn_isa(), x, y);
    fastrnn_session_destroy(session);
    fastrnn_model_destroy(model);
    return 0;
}
