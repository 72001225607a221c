// As much of WAV as the example needs: 16-bit PCM, any number of channels.
#ifndef WAV_HPP
#define WAV_HPP

#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

struct wav {
    std::uint16_t channels = 1;
    std::uint32_t rate = 48000;
    std::vector<std::int16_t> samples; // channel after channel of each frame

    static wav read(const std::string &path)
    {
        std::ifstream file(path, std::ios::binary);
        std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
        if (bytes.size() < 12 || std::memcmp(&bytes[0], "RIFF", 4) || std::memcmp(&bytes[8], "WAVE", 4))
            throw std::runtime_error(path + ": not a WAV file");
        wav result;
        bool known = false;
        for (std::size_t at = 12; at + 8 <= bytes.size();) {
            std::uint32_t size = get<std::uint32_t>(bytes, at + 4);
            std::size_t body = at + 8;
            if (size > bytes.size() - body)
                throw std::runtime_error(path + ": is cut short");
            if (!std::memcmp(&bytes[at], "fmt ", 4)) {
                known = size >= 16 && get<std::uint16_t>(bytes, body) == 1 && get<std::uint16_t>(bytes, body + 14) == 16;
                if (known) {
                    result.channels = get<std::uint16_t>(bytes, body + 2);
                    result.rate = get<std::uint32_t>(bytes, body + 4);
                }
            }
            if (!std::memcmp(&bytes[at], "data", 4) && known && result.channels > 0) {
                result.samples.resize(size / (2u * result.channels) * result.channels);
                if (!result.samples.empty())
                    std::memcpy(result.samples.data(), &bytes[body], 2 * result.samples.size());
                return result;
            }
            at = body + size + (size & 1);
        }
        throw std::runtime_error(path + ": no 16-bit PCM in it");
    }

    void write(const std::string &path) const
    {
        std::vector<char> bytes;
        auto data = static_cast<std::uint32_t>(2 * samples.size());
        auto frame = static_cast<std::uint16_t>(2 * channels);
        text(bytes, "RIFF"), put<std::uint32_t>(bytes, 36 + data), text(bytes, "WAVE");
        text(bytes, "fmt "), put<std::uint32_t>(bytes, 16), put<std::uint16_t>(bytes, 1), put(bytes, channels), put(bytes, rate);
        put<std::uint32_t>(bytes, rate * frame), put(bytes, frame), put<std::uint16_t>(bytes, 16);
        text(bytes, "data"), put(bytes, data);
        std::ofstream file(path, std::ios::binary);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        file.write(reinterpret_cast<const char *>(samples.data()), static_cast<std::streamsize>(data));
        if (!file.flush())
            throw std::runtime_error(path + ": cannot be written");
    }

private:
    template <typename T>
    static T get(const std::vector<char> &bytes, std::size_t at)
    {
        T value{};
        if (at + sizeof value <= bytes.size())
            std::memcpy(&value, &bytes[at], sizeof value);
        return value;
    }

    template <typename T>
    static void put(std::vector<char> &bytes, T value)
    {
        bytes.resize(bytes.size() + sizeof value);
        std::memcpy(&bytes[bytes.size() - sizeof value], &value, sizeof value);
    }

    static void text(std::vector<char> &bytes, const char *four) { bytes.insert(bytes.end(), four, four + 4); }
};

#endif
