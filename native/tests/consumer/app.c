/* c_app MODEL LEVEL: a step with the library of that level. */
#include <fastrnn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    fastrnn_model model;
    fastrnn_session session;
    float x = 0.5f, y = 0;
    if (argc != 3)
        return 2;
    if (fastrnn_check_cpu() || fastrnn_model_load(argv[1], &model) || fastrnn_session_create(model, NULL, &session)
        || fastrnn_step(session, &x, 1, &y, 1)) {
        fprintf(stderr, "%s: %s\n", fastrnn_status_name(fastrnn_last_error()), fastrnn_last_error_message());
        return 1;
    }
    printf("level %s, isa %s, y %a\n", fastrnn_level(), fastrnn_isa(), y);
    if (strcmp(argv[2], fastrnn_level())) {
        fprintf(stderr, "expected level %s\n", argv[2]);
        return 1;
    }
    return 0;
}
