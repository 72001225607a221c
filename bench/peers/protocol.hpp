// The line protocol that a peer speaks on stdin and stdout; README.md has the words.
#pragma once

#include "work.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace peers {

// Work that a peer cannot do; the text is the reason that it reports.
class Missing : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A row made ready: everything is allocated, packed and compiled, only the work itself is left.
class Work {
public:
    virtual ~Work() = default;
    // One unit of the row's mode. Inference goes on from the states that the unit before has left.
    virtual void unit() = 0;
    // The results of the last unit; after a backward pass complete only when it was the first unit, since gradients may add up.
    virtual Named<float> results() = 0;
    // Which implementation the library has chosen.
    virtual std::string description() const = 0;
};

class Peer {
public:
    virtual ~Peer() = default;
    virtual std::string peer_name() const = 0;
    virtual std::string version() const = 0;
    virtual std::string details() const = 0;
    // Ends with Missing where the peer lacks the row.
    virtual std::unique_ptr<Work> prepare(const Row &row, const Data &data) = 0;
};

// The number after --threads, 1 without it; ends the program on anything else.
int threads_of(int count, char **arguments);

// Serves stdin to its end or `quit`.
int serve(Peer &peer, int threads);

}  // namespace peers
