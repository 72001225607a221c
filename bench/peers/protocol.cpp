#include "protocol.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>

namespace peers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kShortUnit = 20e3;   // ns: shorter units are timed in bursts
constexpr double kBurst = 100e3;      // ns a burst lasts; the clock's own ~25 ns then vanish
constexpr size_t kMostTimes = 20000;  // in one answer
constexpr double kTolerance = 2e-4;   // of the largest value of a result: float32 against double, not formula against formula
constexpr double kVerifiedProducts = 4e8;

double since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

// What start.sh has asked of the C library.
const char *pages() {
    const char *tunables = std::getenv("GLIBC_TUNABLES");
    return tunables && std::strstr(tunables, "glibc.malloc.hugetlb=1") ? ", huge pages asked for" : "";
}

struct Entry {
    Row row;
    std::unique_ptr<Work> work;
};

bool parse_mode(const std::string &text, Mode &mode) {
    static const std::map<std::string, Mode> modes = {
        {"step", Mode::step}, {"infer", Mode::infer}, {"forward-train", Mode::forward_train}, {"backward", Mode::backward}, {"train", Mode::train}};
    const auto found = modes.find(text);
    if (found != modes.end())
        mode = found->second;
    return found != modes.end();
}

bool parse_cell(const std::string &text, Cell &cell) {
    static const std::map<std::string, Cell> cells = {{"lstm", Cell::lstm}, {"gru", Cell::gru}, {"rnn", Cell::rnn}};
    const auto found = cells.find(text);
    if (found != cells.end())
        cell = found->second;
    return found != cells.end();
}

// MODE CELL I H LAYERS T B
Row parse_row(std::istream &words) {
    std::string mode, cell;
    Row row{};
    words >> mode >> cell >> row.input >> row.hidden >> row.layers >> row.steps >> row.batch;
    if (!words || std::min({row.input, row.hidden, row.layers, row.steps, row.batch}) < 1)
        throw Missing("expected: prepare ID MODE CELL I H LAYERS T B");
    if (mode == "whole")
        throw Missing("this library has no optimiser");
    if (!parse_mode(mode, row.mode))
        throw Missing("no mode " + mode);
    if (!parse_cell(cell, row.cell))
        throw Missing("no cell " + cell);
    if (row.mode == Mode::step && row.steps != 1)
        throw Missing("mode step has T = 1");
    return row;
}

// The mean time of a unit in each of many bursts, in ns, over about `seconds`.
std::vector<double> measure(Work &work, double seconds) {
    const double budget = seconds * 1e9;
    double unit = HUGE_VAL;
    const auto warm = Clock::now();
    do {  // brings weights and clock back after the other peers had the core
        const auto start = Clock::now();
        work.unit();
        unit = std::min(unit, since(start));
    } while (since(warm) < 0.1 * budget);
    const int burst = unit < kShortUnit ? static_cast<int>(std::ceil(kBurst / unit)) : 1;
    std::vector<double> times;
    const auto begin = Clock::now();
    do {
        const auto start = Clock::now();
        for (int i = 0; i < burst; i++)
            work.unit();
        times.push_back(since(start) / burst);
    } while (times.size() < 3 || (since(begin) < budget && times.size() < kMostTimes));
    return times;
}

// The largest difference of all results, each relative to the largest value of its kind; NaN counts as infinite.
double difference(const Named<double> &expected, const Named<float> &got) {
    double worst = 0;
    for (const auto &[name, values] : expected) {
        const auto found = got.find(name);
        if (found == got.end() || found->second.size() != values.size())
            throw std::runtime_error("result " + name + " is not there or of another size");
        double scale = 0, apart = 0;
        for (size_t i = 0; i < values.size(); i++) {
            const double distance = std::fabs(values[i] - static_cast<double>(found->second[i]));
            scale = std::max(scale, std::fabs(values[i]));
            apart = std::isfinite(distance) ? std::max(apart, distance) : HUGE_VAL;
        }
        if (apart > kTolerance * scale) {
            std::ostringstream text;
            text << "result " << name << " is off by " << apart << ", its largest value is " << scale;
            throw std::runtime_error(text.str());
        }
        worst = std::max(worst, apart / scale);
    }
    return worst;
}

double verify_shape(Peer &peer, const Row &row) {
    const int units = row.trains() ? 1 : 3;  // three: states must come back from unit to unit
    const Data data = make_data(row);
    const std::unique_ptr<Work> work = peer.prepare(row, data);
    for (int i = 0; i < units; i++)
        work->unit();
    return difference(reference(row, data, units), work->results());
}

// Against the double computation: sizes that are all different, then the row's own widths with fewer samples and steps.
double verify(Peer &peer, const Row &row) {
    Row odd = row, own = row;
    odd.input = 7, odd.hidden = 11, odd.batch = 3, odd.steps = row.mode == Mode::step ? 1 : 5;
    while (own.products() > kVerifiedProducts && own.steps > 3)
        own.steps = (own.steps + 1) / 2;
    while (own.products() > kVerifiedProducts && own.batch > 3)
        own.batch = (own.batch + 1) / 2;
    return std::max(verify_shape(peer, odd), verify_shape(peer, own));
}

class Server {
public:
    explicit Server(Peer &peer) : peer_(peer) {}

    std::string answer(const std::string &command, const std::string &id, std::istream &words) {
        try {
            return reply(command, id, words);
        } catch (const std::exception &reason) {
            return "missing " + id + " " + reason.what();
        }
    }

private:
    std::string reply(const std::string &command, const std::string &id, std::istream &words) {
        if (command == "prepare")
            return prepare(id, words);
        const auto found = rows_.find(id);
        if (found == rows_.end())
            return "missing " + id + " it is not prepared";
        if (command == "run")
            return run(id, *found->second.work, words);
        if (command == "describe")
            return "description " + id + " " + found->second.work->description();
        if (command == "verify")
            return verified(id, found->second.row);
        rows_.erase(found);
        return "released " + id;
    }

    std::string prepare(const std::string &id, std::istream &words) {
        Entry entry{parse_row(words), nullptr};
        entry.work = peer_.prepare(entry.row, make_data(entry.row));
        rows_[id] = std::move(entry);
        return "ready " + id;
    }

    static std::string run(const std::string &id, Work &work, std::istream &words) {
        double seconds = 0;
        words >> seconds;
        std::ostringstream text;
        text.precision(1);
        text << std::fixed << "times " << id;
        for (const double time : measure(work, seconds))
            text << ' ' << time;
        return text.str();
    }

    std::string verified(const std::string &id, const Row &row) {
        try {
            std::ostringstream text;
            text << "verified " << id << ' ' << verify(peer_, row);
            return text.str();
        } catch (const std::exception &reason) {
            return "wrong " + id + " " + reason.what();
        }
    }

    Peer &peer_;
    std::map<std::string, Entry> rows_;
};

}  // namespace

int threads_of(int count, char **arguments) {
    if (count == 1)
        return 1;
    const int threads = count == 3 && std::strcmp(arguments[1], "--threads") == 0 ? std::atoi(arguments[2]) : 0;
    if (threads < 1) {
        std::fprintf(stderr, "usage: %s [--threads N]\n", arguments[0]);
        std::exit(2);
    }
    return threads;
}

int serve(Peer &peer, int threads) {
    std::cout << "{\"peer\": \"" << peer.peer_name() << "\", \"version\": \"" << peer.version() << "\", \"threads\": " << threads
              << ", \"details\": \"" << peer.details() << pages() << "\"}" << std::endl;
    Server server(peer);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string command, id;
        words >> command >> id;
        if (command == "quit")
            break;
        const bool known = command == "prepare" || command == "run" || command == "describe" || command == "verify" || command == "release";
        std::cout << (known ? server.answer(command, id, words) : "missing - no command " + command) << std::endl;
    }
    return 0;
}

}  // namespace peers
