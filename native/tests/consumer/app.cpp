// cpp_app MODEL: the C++ face.
#include <fastrnn.hpp>

#include <cstdio>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    try {
        fastrnn::model model(argv[1]);
        fastrnn::session session(model), moved(std::move(session));
        moved.warmup();
        float x[2] = { 0.5f, 0.25f }, y[2], again[2];
        moved.process(x, 2, y, 2);
        moved.reset();
        moved.step(&x[0], 1, &again[0], 1);
        fastrnn::session copy = moved.clone();
        auto state = moved.save_state();
        moved.step(&x[1], 1, &again[1], 1);
        if (again[0] != y[0] || again[1] != y[1] || !moved.is_finite())
            return 1;
        copy.step(&x[1], 1, &again[0], 1);
        moved.load_state(state);
        moved.step(&x[1], 1, &again[1], 1);
        if (again[0] != y[1] || again[1] != y[1])
            return 1;
        // Moving in ends what was there.
        fastrnn_session old = copy.get();
        copy = moved.clone();
        if (fastrnn_reset(old) != FASTRNN_ERROR_HANDLE || fastrnn_reset(copy.get()) != FASTRNN_OK)
            return 1;
        try {
            moved.step(x, 2, y, 2);
            return 1;
        } catch (const fastrnn::error &e) {
            std::printf("as it should: %s\n", e.what());
            return e.status() == FASTRNN_ERROR_ARGUMENT ? 0 : 1;
        }
    } catch (const std::exception &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
