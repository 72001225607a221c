// Sequences of calls that nobody would write: any function, any handle, any length, right or wrong, from a seed. All memory that the library is given lies
// against a page that nobody may touch, at its end or at its beginning, so that a byte too many ends the test; the sanitizers, with which the host is built,
// look at the host, and at malloc where the library calls it.
//     random_calls MODELS-FOLDER [CALLS [SEED]]
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "fenced.hpp"

namespace {

std::mt19937_64 engine;

std::uint64_t below(std::uint64_t n) { return engine() % n; }

std::vector<fastrnn_model> models;
std::vector<fastrnn_session> sessions;
std::vector<std::uint64_t> gone;
std::vector<std::string> files;
std::vector<std::uint8_t> bytes;

std::uint64_t some_handle()
{
    switch (below(8)) {
    case 0:
        return engine();
    case 1:
        return below(3);
    case 2:
        return gone.empty() ? 0 : gone[below(gone.size())];
    case 3:
        return models[below(models.size())];
    case 4:
        return sessions[below(sessions.size())] ^ (1ull << below(64));
    default:
        return sessions[below(sessions.size())];
    }
}

fastrnn_model some_model() { return below(4) == 0 ? some_handle() : models[below(models.size())]; }
fastrnn_session some_session() { return below(4) == 0 ? some_handle() : sessions[below(sessions.size())]; }

bool at_end() { return below(4) != 0; }

// Where something of the library's is to be written, or nowhere.
template <typename T>
struct room {
    explicit room(std::uint64_t seldom) : memory(1, at_end()), none(below(seldom) == 0) { *memory.data() = T(); }
    T *data() const { return none ? nullptr : memory.data(); }
    T value() const { return *memory.data(); }
    fenced<T> memory;
    bool none;
};

// Floats with as many elements, or none where that is null.
struct floats {
    explicit floats(std::size_t count) : values(count, at_end())
    {
        for (float &value : values)
            value = below(50) == 0 ? NAN : below(50) == 0 ? INFINITY : static_cast<float>(static_cast<int>(below(2001)) - 1000) / 250;
    }
    float *data() { return values.size() == 0 || below(60) == 0 ? nullptr : values.data(); }
    std::size_t size() const { return values.size(); }
    fenced<float> values;
};

struct numbers {
    explicit numbers(std::size_t count) : values(count, at_end())
    {
        for (std::int32_t &value : values)
            value = below(30) == 0 ? static_cast<std::int32_t>(engine()) : static_cast<std::int32_t>(below(6));
    }
    std::int32_t *data() { return values.size() == 0 || below(60) == 0 ? nullptr : values.data(); }
    std::size_t size() const { return values.size(); }
    fenced<std::int32_t> values;
};

// Most often what fits: rows of the session, or a number near it.
std::size_t length(fastrnn_session session, bool in, std::size_t rows)
{
    fastrnn_shape shape{ 1, 1, 0, 0, 0 };
    fastrnn_session_shape(session, &shape, nullptr);
    std::size_t width = static_cast<std::size_t>(in ? shape.takes_tokens ? 1 : shape.input_size : shape.output_size);
    return below(6) == 0 ? below(40) : rows * width;
}

std::size_t streams_of(fastrnn_session session)
{
    std::int32_t streams = 1;
    fastrnn_session_shape(session, nullptr, &streams);
    return static_cast<std::size_t>(streams);
}

fastrnn_status computes(fastrnn_session session)
{
    std::size_t streams = streams_of(session), rows = below(3) == 0 ? streams * below(4) : streams, some = below(streams + 2);
    floats x(length(session, true, rows)), y(length(session, false, rows)), sx(length(session, true, some)), sy(length(session, false, some));
    numbers tokens(below(6) == 0 ? below(9) : rows), stoken(some), list(some);
    switch (below(8)) {
    case 0:
        return fastrnn_step(session, x.data(), x.size(), y.data(), y.size());
    case 1:
        return fastrnn_step_token(session, static_cast<std::int32_t>(below(20)) - 2, y.data(), y.size());
    case 2:
        return fastrnn_process(session, x.data(), x.size(), y.data(), y.size());
    case 3:
        return fastrnn_process_tokens(session, tokens.data(), tokens.size(), y.data(), y.size());
    case 4:
        return fastrnn_step_batch(session, x.data(), x.size(), y.data(), y.size());
    case 5:
        return fastrnn_step_batch_tokens(session, tokens.data(), tokens.size(), y.data(), y.size());
    case 6:
        return fastrnn_step_streams(session, list.data(), list.size(), sx.data(), sx.size(), sy.data(), sy.size());
    default:
        return fastrnn_step_streams_tokens(session, list.data(), list.size(), stoken.data(), sy.data(), sy.size());
    }
}

fastrnn_status states(fastrnn_session session)
{
    static std::vector<std::uint8_t> kept;
    switch (below(6)) {
    case 0:
        return fastrnn_reset(session);
    case 1:
        return fastrnn_reset_stream(session, static_cast<std::int32_t>(below(6)) - 1);
    case 2:
        return fastrnn_is_finite(session, room<std::int32_t>(30).data());
    case 3: {
        std::size_t size = 0;
        fastrnn_state_size(session, &size);
        fenced<std::uint8_t> state(below(5) == 0 ? below(300) : size, at_end());
        fastrnn_status status = fastrnn_state_save(session, state.data(), state.size());
        if (status == FASTRNN_OK)
            kept.assign(state.begin(), state.end());
        return status;
    }
    case 4: {
        fenced<std::uint8_t> state(below(5) == 0 ? below(kept.size() + 1) : kept.size(), at_end());
        std::copy_n(kept.begin(), state.size(), state.begin());
        if (state.size() > 0 && below(3) == 0)
            state.data()[below(state.size())] ^= static_cast<std::uint8_t>(1 << below(8));
        return fastrnn_state_load(session, state.data(), state.size());
    }
    default:
        return fastrnn_state_size(session, room<std::size_t>(30).data());
    }
}

fastrnn_status loads()
{
    room<fastrnn_model> model(40);
    fastrnn_status status;
    if (below(2)) {
        const std::string &name = files[below(files.size())];
        fenced<char> path(name.size() + 1, at_end());
        std::copy_n(name.c_str(), path.size(), path.begin());
        status = fastrnn_model_load(path.data(), model.data());
    } else {
        fenced<std::uint8_t> data(below(3) == 0 ? below(bytes.size()) : bytes.size(), at_end());
        std::copy_n(bytes.begin(), data.size(), data.begin());
        if (data.size() > 0 && below(2))
            data.data()[below(data.size())] ^= static_cast<std::uint8_t>(1 << below(8));
        status = fastrnn_model_load_memory(data.data(), data.size(), model.data());
    }
    if (status == FASTRNN_OK) {
        std::size_t place = below(models.size());
        CHECK(fastrnn_model_destroy(models[place]) == FASTRNN_OK);
        gone.push_back(models[place]);
        models[place] = model.value();
    }
    return status;
}

void take(fastrnn_status status, fastrnn_session session)
{
    if (status != FASTRNN_OK)
        return;
    std::size_t place = below(sessions.size());
    CHECK(fastrnn_session_destroy(sessions[place]) == FASTRNN_OK);
    gone.push_back(sessions[place]);
    sessions[place] = session;
}

fastrnn_status opens()
{
    fastrnn_session_options options = FASTRNN_SESSION_OPTIONS_INIT;
    options.precision = static_cast<std::int32_t>(below(5));
    options.streams = below(10) == 0 ? static_cast<std::int32_t>(engine()) : static_cast<std::int32_t>(below(5));
    options.streams = options.streams > 1000 ? 7 : options.streams;
    options.threads = static_cast<std::int32_t>(below(10)) == 0 ? 2 : 1;
    options.detect_sharing = static_cast<std::int32_t>(below(2));
    options.memory_limit = below(10) == 0 ? below(4000) : 0;
    options.size = below(20) == 0 ? static_cast<std::uint32_t>(below(64)) : options.size;
    // As much memory as the size says, so that what reads more is seen; of a size that no library knows nothing beyond is read.
    fenced<std::uint8_t> given(std::max(sizeof options.size, std::min<std::size_t>(options.size, sizeof options)), true);
    std::copy_n(reinterpret_cast<const std::uint8_t *>(&options), given.size(), given.begin());
    room<fastrnn_session> session(40);
    fastrnn_status status = fastrnn_session_create(
        some_model(), below(5) == 0 ? nullptr : reinterpret_cast<const fastrnn_session_options *>(given.data()), session.data());
    take(status, session.value());
    return status;
}

fastrnn_status clones()
{
    room<fastrnn_session> session(40);
    fastrnn_status status = fastrnn_session_clone(some_session(), session.data());
    take(status, session.value());
    return status;
}

fastrnn_status call()
{
    switch (below(100)) {
    case 0:
        return opens();
    case 1:
        return below(3) ? FASTRNN_OK : loads();
    case 2:
        return clones();
    case 3:
        return below(2) ? fastrnn_model_shape(some_model(), room<fastrnn_shape>(10).data())
                        : fastrnn_session_shape(some_session(), room<fastrnn_shape>(3).data(), room<std::int32_t>(3).data());
    case 4:
        return below(10) ? FASTRNN_OK : fastrnn_model_replace(some_model(), some_model());
    case 5:
        return below(20) ? FASTRNN_OK : fastrnn_warmup(some_session());
    case 6:
        return gone.empty() ? FASTRNN_OK : fastrnn_session_destroy(gone[below(gone.size())]);
    case 7:
        return gone.empty() ? FASTRNN_OK : fastrnn_model_destroy(gone[below(gone.size())]);
    case 8:
        return fastrnn_set_threads(static_cast<std::int32_t>(below(4)) - 2);
    default:
        return below(4) == 0 ? states(some_session()) : computes(some_session());
    }
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    const char *folder = argv[1];
    long calls = argc > 2 ? std::atol(argv[2]) : 1000000, counts[FASTRNN_ERROR_INTERNAL + 1] = {};
    engine.seed(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
    for (const char *name : { "lstm", "gru", "gru-before", "rnn", "tokens" }) {
        models.push_back(load(folder, name));
        files.emplace_back(in_folder(folder, name, ".safetensors"));
        files.emplace_back(in_folder(folder, name, ".expected"));
        for (int i = 0; i < 3; i++) {
            sessions.emplace_back();
            CHECK(fastrnn_session_create(models.back(), nullptr, &sessions.back()) == FASTRNN_OK);
        }
    }
    FILE *file = std::fopen(files[0].c_str(), "rb");
    CHECK(file != nullptr);
    bytes.resize(1 << 16);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
    for (long i = 0; i < calls; i++) {
        fastrnn_status status = call();
        if (status < 0 || status >= FASTRNN_ERROR_INTERNAL)
            std::fprintf(stderr, "call %ld: ", i);
        CHECK(status >= 0 && status < FASTRNN_ERROR_INTERNAL);
        counts[status]++;
    }
    for (int status = 0; status < FASTRNN_ERROR_INTERNAL; status++)
        std::printf("%8ld %s\n", counts[status], fastrnn_status_name(static_cast<fastrnn_status>(status)));
    CHECK(counts[FASTRNN_OK] > calls / 10 && counts[FASTRNN_ERROR_ARGUMENT] > 0 && counts[FASTRNN_ERROR_HANDLE] > 0 && counts[FASTRNN_ERROR_STATE] > 0);
    return 0;
}
