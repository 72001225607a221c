// The peers' judge: LSTM, GRU (reset after the product) and Elman layers, forward and backward, in plain double precision.
#include "work.hpp"

#include <algorithm>
#include <cmath>

namespace peers {
namespace {

using Doubles = std::vector<double>;

double sigmoid(double a) { return 1 / (1 + std::exp(-a)); }

// y += factor * x
void add(double *y, double factor, const double *x, int count) {
    for (int i = 0; i < count; i++)
        y[i] += factor * x[i];
}

Doubles widen(const Floats &values) { return Doubles(values.begin(), values.end()); }

Doubles transposed(const Floats &matrix, int rows, int columns) {
    Doubles result(matrix.size());
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            result[static_cast<size_t>(j) * rows + i] = matrix[static_cast<size_t>(i) * columns + j];
    return result;
}

// One layer; keeps of every step and sample what the backward pass reads.
class LayerPass {
public:
    LayerPass(const Row &row, const Layer &layer, int inputs)
        : cell_(row.cell), inputs_(inputs), hidden_(row.hidden), batch_(row.batch), gates_(row.gates() * row.hidden), layer_(layer),
          w_(transposed(layer.w, gates_, inputs)), r_(transposed(layer.r, gates_, hidden_)) {}

    // x [steps * B, inputs] to y [steps * B, H]; h and c [B, H] go from the initial to the last states.
    Doubles forward(const Doubles &x, int steps, Doubles &h, Doubles &c) {
        const size_t rows = static_cast<size_t>(steps) * batch_;
        x_ = x;
        gate_.assign(rows * gates_, 0);
        recurrent_.assign(rows * gates_, 0);
        h_before_.resize(rows * hidden_);
        c_before_.resize(rows * hidden_);
        c_after_.resize(rows * hidden_);
        Doubles y(rows * hidden_);
        for (size_t row = 0; row < rows; row++) {
            const size_t sample = row % batch_ * hidden_;
            std::copy_n(&h[sample], hidden_, &h_before_[row * hidden_]);
            if (cell_ == Cell::lstm)
                std::copy_n(&c[sample], hidden_, &c_before_[row * hidden_]);
            products(row);
            for (int j = 0; j < hidden_; j++)
                y[row * hidden_ + j] = h[sample + j] = activate(row, j);
            if (cell_ == Cell::lstm)
                std::copy_n(&c_after_[row * hidden_], hidden_, &c[sample]);
        }
        return y;
    }

    // dy to dx; dh and dc [B, H] become the gradients towards the initial states; the parameters' gradients go to `results`.
    Doubles backward(const Doubles &dy, int steps, Doubles &dh, Doubles &dc, int index, Named<double> &results) {
        const Doubles w = widen(layer_.w), r = widen(layer_.r);
        Doubles dx(static_cast<size_t>(steps) * batch_ * inputs_), at_w(gates_), at_r(gates_);
        Doubles &dw = results[name("dw", index)], &dr = results[name("dr", index)];
        Doubles &dbw = results[name("dbw", index)], &dbr = results[name("dbr", index)];
        dw.assign(w.size(), 0), dr.assign(r.size(), 0), dbw.assign(gates_, 0), dbr.assign(gates_, 0);
        for (size_t row = static_cast<size_t>(steps) * batch_; row-- > 0;) {
            const size_t sample = row % batch_ * hidden_;
            add(&dh[sample], 1, &dy[row * hidden_], hidden_);
            for (int j = 0; j < hidden_; j++)
                differentiate(row, j, dh[sample + j], &dc[sample + j], at_w, at_r);
            if (cell_ != Cell::gru)  // GRU's z * h' is already there
                std::fill_n(&dh[sample], hidden_, 0);
            for (int g = 0; g < gates_; g++) {
                add(&dw[static_cast<size_t>(g) * inputs_], at_w[g], &x_[row * inputs_], inputs_);
                add(&dr[static_cast<size_t>(g) * hidden_], at_r[g], &h_before_[row * hidden_], hidden_);
                add(&dx[row * inputs_], at_w[g], &w[static_cast<size_t>(g) * inputs_], inputs_);
                add(&dh[sample], at_r[g], &r[static_cast<size_t>(g) * hidden_], hidden_);
            }
            add(dbw.data(), 1, at_w.data(), gates_);
            add(dbr.data(), 1, at_r.data(), gates_);
        }
        return dx;
    }

private:
    // Both products of a row with their biases: the input's to gate_, the state's to recurrent_.
    void products(size_t row) {
        double *a = &gate_[row * gates_], *b = &recurrent_[row * gates_];
        for (int g = 0; g < gates_; g++)
            a[g] = layer_.bw[g], b[g] = layer_.br[g];
        for (int k = 0; k < inputs_; k++)
            add(a, x_[row * inputs_ + k], &w_[static_cast<size_t>(k) * gates_], gates_);
        for (int k = 0; k < hidden_; k++)
            add(b, h_before_[row * hidden_ + k], &r_[static_cast<size_t>(k) * gates_], gates_);
    }

    // The new state of unit j; gate_ then holds the gates' values.
    double activate(size_t row, int j) {
        double *a = &gate_[row * gates_ + j];
        const double *b = &recurrent_[row * gates_ + j];
        const int n = hidden_;
        if (cell_ == Cell::rnn)
            return a[0] = std::tanh(a[0] + b[0]);
        a[0] = sigmoid(a[0] + b[0]);
        a[n] = sigmoid(a[n] + b[n]);
        if (cell_ == Cell::gru) {
            a[2 * n] = std::tanh(a[2 * n] + a[n] * b[2 * n]);
            return (1 - a[0]) * a[2 * n] + a[0] * h_before_[row * n + j];
        }
        a[2 * n] = std::tanh(a[2 * n] + b[2 * n]);
        a[3 * n] = sigmoid(a[3 * n] + b[3 * n]);
        double &c = c_after_[row * n + j];
        c = a[n] * c_before_[row * n + j] + a[0] * a[2 * n];
        return a[3 * n] * std::tanh(c);
    }

    // Gradients at the sums of unit j, of the input's product and of the state's; dc and, for GRU, dh go one step back.
    void differentiate(size_t row, int j, double &dh, double *dc, Doubles &at_w, Doubles &at_r) {
        const double *a = &gate_[row * gates_ + j];
        const int n = hidden_;
        if (cell_ == Cell::rnn) {
            at_w[j] = at_r[j] = dh * (1 - a[0] * a[0]);
        } else if (cell_ == Cell::gru) {
            const double z = a[0], r = a[n], candidate = a[2 * n];
            const double at_candidate = dh * (1 - z) * (1 - candidate * candidate);
            at_w[j] = at_r[j] = dh * (h_before_[row * n + j] - candidate) * z * (1 - z);
            at_w[n + j] = at_r[n + j] = at_candidate * recurrent_[row * gates_ + 2 * n + j] * r * (1 - r);
            at_w[2 * n + j] = at_candidate;
            at_r[2 * n + j] = at_candidate * r;
            dh *= z;
        } else {
            const double i = a[0], f = a[n], g = a[2 * n], o = a[3 * n], t = std::tanh(c_after_[row * n + j]);
            *dc += dh * o * (1 - t * t);
            at_w[j] = at_r[j] = *dc * g * i * (1 - i);
            at_w[n + j] = at_r[n + j] = *dc * c_before_[row * n + j] * f * (1 - f);
            at_w[2 * n + j] = at_r[2 * n + j] = *dc * i * (1 - g * g);
            at_w[3 * n + j] = at_r[3 * n + j] = dh * t * o * (1 - o);
            *dc *= f;
        }
    }

    Cell cell_;
    int inputs_, hidden_, batch_, gates_;
    const Layer &layer_;
    Doubles w_, r_, x_, gate_, recurrent_, h_before_, c_before_, c_after_;
};

}  // namespace

Named<double> reference(const Row &row, const Data &data, int units) {
    Named<double> results;
    std::vector<LayerPass> passes;
    const Doubles x = widen(data.x);
    Doubles y;
    for (int unit = 0; unit < units; unit++)
        y.insert(y.end(), x.begin(), x.end());
    for (int l = 0; l < row.layers; l++) {
        Doubles h = widen(data.h[l]), c = row.has_cell_state() ? widen(data.c[l]) : Doubles();
        passes.emplace_back(row, data.layers[l], row.inputs(l));
        y = passes.back().forward(y, row.steps * units, h, c);
        results[name("h", l)] = h;
        if (row.has_cell_state())
            results[name("c", l)] = c;
    }
    results["y"] = Doubles(y.end() - static_cast<ptrdiff_t>(row.output_size()), y.end());
    if (!row.goes_back())
        return results;
    Doubles dy = widen(data.dy);
    for (int l = row.layers; l-- > 0;) {
        Doubles dh(row.state_size()), dc(row.state_size());
        dy = passes[l].backward(dy, row.steps, dh, dc, l, results);
        results[name("dh", l)] = dh;
        if (row.has_cell_state())
            results[name("dc", l)] = dc;
    }
    results["dx"] = dy;
    return results;
}

}  // namespace peers
