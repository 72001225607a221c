// An audio effect: a WAV file through a model of one input and one output, in blocks as a plug-in gets them, a session for every channel.
//     audio lstm.safetensors in.wav out.wav
// The block function is what an audio thread runs: it allocates nothing, takes no lock, throws nothing.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <vector>

#include <fastrnn.hpp>

#include "wav.hpp"

constexpr std::size_t block = 64;

static bool process_block(fastrnn::session &session, const float *in, float *out, std::size_t frames) noexcept
{
    return session.try_process(in, frames, out, frames) == FASTRNN_OK;
}

static void run(const wav &input, wav &output, std::vector<fastrnn::session> &sessions)
{
    std::vector<float> in(block), out(block);
    for (std::size_t channel = 0; channel < input.channels; channel++) {
        for (std::size_t at = channel; at < input.samples.size(); at += block * input.channels) {
            std::size_t frames = std::min(block, (input.samples.size() - at + input.channels - 1) / input.channels);
            for (std::size_t i = 0; i < frames; i++)
                in[i] = static_cast<float>(input.samples[at + i * input.channels]) / 32768;
            if (!process_block(sessions[channel], in.data(), out.data(), frames))
                throw std::runtime_error(fastrnn_last_error_message());
            for (std::size_t i = 0; i < frames; i++)
                output.samples[at + i * input.channels] = static_cast<std::int16_t>(std::lround(std::clamp(out[i], -1.f, 1.f) * 32767));
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::fprintf(stderr, "usage: audio MODEL IN.wav OUT.wav\n");
        return 1;
    }
    try {
        fastrnn::model model(argv[1]);
        wav input = wav::read(argv[2]), output = input;
        std::vector<fastrnn::session> sessions;
        for (int channel = 0; channel < input.channels; channel++) {
            sessions.emplace_back(model);
            sessions.back().warmup();
        }
        run(input, output, sessions);
        output.write(argv[3]);
        std::printf("%zu frames, %d channels, %u Hz\n", input.samples.size() / input.channels, input.channels, input.rate);
        return 0;
    } catch (const std::exception &e) {
        std::fprintf(stderr, "audio: %s\n", e.what());
        return 2;
    }
}
