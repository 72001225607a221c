#include "work.hpp"

#include <cmath>
#include <cstdint>

namespace peers {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): a generator of one line, so that every peer can have the same numbers.
class Random {
public:
    void fill(Floats &values, size_t count, double scale) {
        values.resize(count);
        for (float &value : values)
            value = static_cast<float>((static_cast<double>(next() >> 11) * 0x1p-52 - 1.0) * scale);
    }

private:
    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

    uint64_t state_ = 1;
};

}  // namespace

double Row::products() const {
    double sum = 0;
    for (int layer = 0; layer < layers; layer++)
        sum += static_cast<double>(gates()) * hidden * (inputs(layer) + hidden);
    return sum * steps * batch;
}

std::string name(const char *what, int layer) { return std::string(what) + "." + std::to_string(layer); }

Data make_data(const Row &row) {
    Random random;
    Data data;
    const size_t gate_rows = static_cast<size_t>(row.gates()) * row.hidden;
    const double scale = 1 / std::sqrt(static_cast<double>(row.hidden));
    data.layers.resize(row.layers);
    data.h.resize(row.layers);
    if (row.has_cell_state())
        data.c.resize(row.layers);
    random.fill(data.x, row.input_size(), 1);
    random.fill(data.dy, row.output_size(), 1);
    for (int l = 0; l < row.layers; l++) {
        Layer &layer = data.layers[l];
        random.fill(layer.w, gate_rows * row.inputs(l), scale);
        random.fill(layer.r, gate_rows * row.hidden, scale);
        random.fill(layer.bw, gate_rows, scale);
        random.fill(layer.br, gate_rows, scale);
        random.fill(data.h[l], row.state_size(), 0.5);
        if (row.has_cell_state())
            random.fill(data.c[l], row.state_size(), 0.5);
    }
    return data;
}

}  // namespace peers
