// Many streams, one session: at every tick the inputs of those streams that have one go through the model together, which reads its weights once
// for all. New streams take the place of ended ones.
//     server gru.safetensors [TICKS]
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include <fastrnn.hpp>

constexpr int streams = 64;

int main(int argc, char **argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "usage: server MODEL [TICKS]\n");
        return 1;
    }
    try {
        fastrnn::model model(argv[1]);
        fastrnn::options options;
        options.streams = streams;
        fastrnn::session session(model, options);
        session.warmup();
        auto in = static_cast<std::size_t>(model.shape().input_size), out = static_cast<std::size_t>(model.shape().output_size);
        std::vector<std::int32_t> arrived;
        std::vector<float> x, y(streams * out);
        arrived.reserve(streams);
        x.reserve(streams * in);
        long ticks = argc > 2 ? std::atol(argv[2]) : 1000, steps = 0, began = 0;
        unsigned random = 1;
        double sum = 0;
        for (long tick = 0; tick < ticks; tick++) {
            arrived.clear();
            x.clear();
            for (std::int32_t stream = 0; stream < streams; stream++) {
                random = random * 1664525 + 1013904223; // stands for what comes over the network
                if (random >> 31)
                    continue;
                if (random >> 24 == 1) {
                    session.reset(stream); // somebody new
                    began++;
                }
                arrived.push_back(stream);
                for (std::size_t i = 0; i < in; i++)
                    x.push_back(static_cast<float>(random >> 8 & 255) / 256);
            }
            session.step_streams(arrived.data(), arrived.size(), x.data(), x.size(), y.data(), arrived.size() * out);
            steps += static_cast<long>(arrived.size());
            sum += arrived.empty() ? 0 : y[0];
        }
        std::printf("%ld ticks, %ld steps of %d streams, %ld began anew, mean first output %.6f, finite: %d\n", ticks, steps, streams, began,
                    sum / static_cast<double>(ticks), session.is_finite());
        return 0;
    } catch (const std::exception &e) {
        std::fprintf(stderr, "server: %s\n", e.what());
        return 2;
    }
}
