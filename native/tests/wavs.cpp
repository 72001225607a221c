// A quarter of a second of two sines as a WAV file, or whether one is what the audio example makes of it.
//     wavs make OUT.wav          wavs check IN.wav OUT.wav
#include <cmath>
#include <cstdio>
#include <cstring>

#include "../examples/wav.hpp"

int main(int argc, char **argv)
{
    if (argc == 3 && !std::strcmp(argv[1], "make")) {
        wav sound;
        sound.channels = 2;
        for (int frame = 0; frame < 12000; frame++) {
            sound.samples.push_back(static_cast<std::int16_t>(20000 * std::sin(frame * 0.05)));
            sound.samples.push_back(static_cast<std::int16_t>(8000 * std::sin(frame * 0.031)));
        }
        sound.write(argv[2]);
        return 0;
    }
    if (argc != 4)
        return 2;
    wav in = wav::read(argv[2]), out = wav::read(argv[3]);
    long different = 0;
    for (std::size_t i = 0; i < in.samples.size() && i < out.samples.size(); i++)
        different += in.samples[i] != out.samples[i];
    std::printf("%zu samples, %ld changed\n", out.samples.size(), different);
    return in.samples.size() == out.samples.size() && out.channels == 2 && out.rate == 48000 && different > 10000 ? 0 : 1;
}
