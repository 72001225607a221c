// FastRnn for C++17: fastrnn.h with owners and exceptions. Header only; link with FastRnn::fastrnn.
//
//     fastrnn::model model("lstm.safetensors");
//     fastrnn::session session(model);
//     session.warmup();
//     session.step(&x, 1, &y, 1);
//
// Calls that cannot go on throw fastrnn::error. Every step function has a twin, try_NAME, that returns the status and throws nothing: use those
// where exceptions may not be, as on an audio thread.
#ifndef FASTRNN_HPP
#define FASTRNN_HPP

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fastrnn.h"

namespace fastrnn {

// A call that failed: what() is the library's message.
class error : public std::runtime_error {
public:
    explicit error(fastrnn_status status) : std::runtime_error(text(status)), status_(status) {}
    fastrnn_status status() const noexcept { return status_; }

private:
    static std::string text(fastrnn_status status)
    {
        return std::string(fastrnn_status_name(status)) + ": " + fastrnn_last_error_message();
    }

    fastrnn_status status_;
};

inline void check(fastrnn_status status)
{
    if (status != FASTRNN_OK)
        throw error(status);
}

namespace detail {

// Owns a handle: moved, never copied.
template <typename Handle, fastrnn_status (*Destroy)(Handle)>
class owner {
public:
    owner() noexcept = default;
    explicit owner(Handle handle) noexcept : handle_(handle) {}
    owner(owner &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
    owner &operator=(owner &&other) noexcept // what it owned ends now, not with other
    {
        owner old(std::exchange(handle_, std::exchange(other.handle_, 0)));
        return *this;
    }
    owner(const owner &) = delete;
    owner &operator=(const owner &) = delete;
    ~owner()
    {
        if (handle_ != 0)
            Destroy(handle_);
    }

    Handle get() const noexcept { return handle_; }

private:
    Handle handle_ = 0;
};

} // namespace detail

// A loaded model. May be shared by threads; sessions outlive it.
class model {
public:
    explicit model(const char *path) : handle_(load(path)) {}
    explicit model(const std::string &path) : model(path.c_str()) {}
    model(const void *data, std::size_t size) : handle_(load(data, size)) {}

    fastrnn_model get() const noexcept { return handle_.get(); }

    fastrnn_shape shape() const
    {
        fastrnn_shape shape;
        check(fastrnn_model_shape(get(), &shape));
        return shape;
    }

    // Weights of another model with the same layers, also for sessions that run.
    void replace(const model &source) { check(fastrnn_model_replace(get(), source.get())); }

private:
    static fastrnn_model load(const char *path)
    {
        fastrnn_model handle = 0;
        check(fastrnn_model_load(path, &handle));
        return handle;
    }

    static fastrnn_model load(const void *data, std::size_t size)
    {
        fastrnn_model handle = 0;
        check(fastrnn_model_load_memory(data, size, &handle));
        return handle;
    }

    detail::owner<fastrnn_model, fastrnn_model_destroy> handle_;
};

// How a session computes; see fastrnn_session_options.
struct options : fastrnn_session_options {
    options() noexcept : fastrnn_session_options FASTRNN_SESSION_OPTIONS_INIT {}
};

// One stream through a model, or several. For one thread at a time, its const functions too: but for shape() and streams() they enter the session, and throw
// FASTRNN_ERROR_BUSY where another thread is in it.
class session {
public:
    explicit session(const model &model, const options &options = {})
    {
        fastrnn_session handle = 0;
        check(fastrnn_session_create(model.get(), &options, &handle));
        handle_ = owner(handle);
    }

    fastrnn_session get() const noexcept { return handle_.get(); }

    session clone() const
    {
        fastrnn_session handle = 0;
        check(fastrnn_session_clone(get(), &handle));
        return session(handle);
    }

    fastrnn_shape shape() const
    {
        fastrnn_shape shape;
        check(fastrnn_session_shape(get(), &shape, nullptr));
        return shape;
    }

    int streams() const
    {
        std::int32_t streams;
        check(fastrnn_session_shape(get(), nullptr, &streams));
        return streams;
    }

    void warmup() { check(fastrnn_warmup(get())); }

    fastrnn_status try_step(const float *x, std::size_t x_length, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_step(get(), x, x_length, y, y_length);
    }
    fastrnn_status try_step(std::int32_t token, float *y, std::size_t y_length) noexcept { return fastrnn_step_token(get(), token, y, y_length); }
    fastrnn_status try_process(const float *x, std::size_t x_length, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_process(get(), x, x_length, y, y_length);
    }
    fastrnn_status try_process(const std::int32_t *tokens, std::size_t count, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_process_tokens(get(), tokens, count, y, y_length);
    }
    fastrnn_status try_step_batch(const float *x, std::size_t x_length, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_step_batch(get(), x, x_length, y, y_length);
    }
    fastrnn_status try_step_batch(const std::int32_t *tokens, std::size_t count, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_step_batch_tokens(get(), tokens, count, y, y_length);
    }
    fastrnn_status try_step_streams(
        const std::int32_t *streams, std::size_t count, const float *x, std::size_t x_length, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_step_streams(get(), streams, count, x, x_length, y, y_length);
    }
    fastrnn_status try_step_streams(
        const std::int32_t *streams, std::size_t count, const std::int32_t *tokens, float *y, std::size_t y_length) noexcept
    {
        return fastrnn_step_streams_tokens(get(), streams, count, tokens, y, y_length);
    }
    fastrnn_status try_reset() noexcept { return fastrnn_reset(get()); }
    fastrnn_status try_reset(int stream) noexcept { return fastrnn_reset_stream(get(), stream); }

    void step(const float *x, std::size_t x_length, float *y, std::size_t y_length) { check(try_step(x, x_length, y, y_length)); }
    void step(std::int32_t token, float *y, std::size_t y_length) { check(try_step(token, y, y_length)); }
    void process(const float *x, std::size_t x_length, float *y, std::size_t y_length) { check(try_process(x, x_length, y, y_length)); }
    void process(const std::int32_t *tokens, std::size_t count, float *y, std::size_t y_length) { check(try_process(tokens, count, y, y_length)); }
    void step_batch(const float *x, std::size_t x_length, float *y, std::size_t y_length) { check(try_step_batch(x, x_length, y, y_length)); }
    void step_batch(const std::int32_t *tokens, std::size_t count, float *y, std::size_t y_length)
    {
        check(try_step_batch(tokens, count, y, y_length));
    }
    void step_streams(const std::int32_t *streams, std::size_t count, const float *x, std::size_t x_length, float *y, std::size_t y_length)
    {
        check(try_step_streams(streams, count, x, x_length, y, y_length));
    }
    void step_streams(const std::int32_t *streams, std::size_t count, const std::int32_t *tokens, float *y, std::size_t y_length)
    {
        check(try_step_streams(streams, count, tokens, y, y_length));
    }
    void reset() { check(try_reset()); }
    void reset(int stream) { check(try_reset(stream)); }

    bool is_finite() const
    {
        std::int32_t finite;
        check(fastrnn_is_finite(get(), &finite));
        return finite != 0;
    }

    std::vector<std::uint8_t> save_state() const
    {
        std::size_t size;
        check(fastrnn_state_size(get(), &size));
        std::vector<std::uint8_t> state(size);
        check(fastrnn_state_save(get(), state.data(), size));
        return state;
    }

    void load_state(const std::vector<std::uint8_t> &state) { check(fastrnn_state_load(get(), state.data(), state.size())); }

private:
    using owner = detail::owner<fastrnn_session, fastrnn_session_destroy>;

    explicit session(fastrnn_session handle) noexcept : handle_(handle) {}

    owner handle_;
};

} // namespace fastrnn

#endif
