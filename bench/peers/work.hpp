// What is to be computed: a row of the suite, its weights and data, and the results by name. Shared by the C++ peers.
//
// Layouts, all row-major: x [T, B, I], y [T, B, H], states [B, H] a layer, w [G, H, inputs], r [G, H, H], biases [G, H].
// Order of the gates: LSTM i f g o; GRU z r n with the reset gate applied after the product; Elman one.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace peers {

enum class Cell { lstm, gru, rnn };
enum class Mode { step, infer, forward_train, backward, train };

struct Row {
    Mode mode;
    Cell cell;
    int input, hidden, layers, steps, batch;

    int gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
    int inputs(int layer) const { return layer == 0 ? input : hidden; }
    bool trains() const { return mode != Mode::step && mode != Mode::infer; }
    bool goes_back() const { return mode == Mode::backward || mode == Mode::train; }
    bool has_cell_state() const { return cell == Cell::lstm; }
    size_t state_size() const { return static_cast<size_t>(batch) * hidden; }
    size_t input_size() const { return static_cast<size_t>(steps) * batch * input; }
    size_t output_size() const { return static_cast<size_t>(steps) * batch * hidden; }
    // Multiplications of one forward pass.
    double products() const;
};

using Floats = std::vector<float>;

struct Layer {
    Floats w, r, bw, br;
};

struct Data {
    std::vector<Layer> layers;
    Floats x, dy;
    std::vector<Floats> h, c;  // initial states, a layer each; c is empty but for LSTM
};

// Numbers that are all different, of a size that a trained network has, the same in every process.
Data make_data(const Row &row);

// Results by name: y, h.0, c.0 (last states of a layer), and from the backward pass dx, dh.0, dc.0 (towards the initial states),
// dw.0, dr.0, dbw.0, dbr.0.
template <typename Number>
using Named = std::map<std::string, std::vector<Number>>;

std::string name(const char *what, int layer);

// The plain computation in double precision; `units` passes over x one after the other, each starting from the states that the one before
// has left; y is the last one's. The backward pass is that of a single unit.
Named<double> reference(const Row &row, const Data &data, int units);

}  // namespace peers
