// oneDNN behind the line protocol: inference, forward training and backward of LSTM, GRU and Elman layers.
//
// Weights are brought into the primitive's own order once, when a row is prepared. Layers of equal width are one primitive; a first layer
// of another input width is a primitive of its own. Parameter gradients add up from unit to unit, as the library has it, nothing is zeroed.
#include "onednn_plan.hpp"
#include "protocol.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <omp.h>
#include <unordered_map>

#ifndef PEER_NAME
#define PEER_NAME "onednn"  // two versions of the library may be installed side by side
#endif

namespace peers {
namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;

// Zeroed memory; the library leaves it unset.
memory make(const memory::desc &description, const dnnl::engine &engine) {
    memory result(description, engine);
    if (description.get_size() > 0)
        std::memset(result.get_data_handle(), 0, description.get_size());
    return result;
}

float *floats(const memory &m) { return static_cast<float *>(m.get_data_handle()); }

Floats values(const memory &m, size_t from, size_t count) { return Floats(floats(m) + from, floats(m) + from + count); }

// Layers that one primitive computes, with all their memories.
class Group {
public:
    Group(const dnnl::engine &engine, const Row &row, const Data &data, int first, int layers, const memory *input)
        : engine_(engine), stream_(engine), sizes_{row, row.inputs(first), layers}, first_(first),
          plans_(make_plans(engine, sizes_, row.trains(), row.goes_back())) {
        x_ = input != nullptr ? *input : make(sizes_.source(), engine);
        if (input == nullptr)
            std::copy(data.x.begin(), data.x.end(), floats(x_));
        y_ = make(sizes_.output(), engine);
        bias_ = make(sizes_.bias(), engine);
        for (int set = 0; set < 2; set++)
            h_[set] = make(sizes_.state(), engine), c_[set] = make(sizes_.state(), engine);
        set_states(data);
        w_ = make(sizes_.weights(sizes_.inputs, memory::format_tag::ldigo), engine);
        r_ = make(sizes_.weights(row.hidden, memory::format_tag::ldigo), engine);
        set_parameters(data);
        forward_weights_ = {ordered(w_, plans_.forward.w), ordered(r_, plans_.forward.r)};
        workspace_ = make(plans_.forward.workspace, engine);
        for (int set = 0; set < 2; set++)
            forward_[set] = forward_arguments(set);
    }

    // Memories of the backward pass; `dy` is the gradient that the next group writes, or null for the last group.
    void prepare_backward(const Data &data, const memory *dy) {
        dx_ = make(sizes_.source(), engine_);
        dy_ = dy != nullptr ? *dy : make(sizes_.output(), engine_);
        if (dy == nullptr)
            std::copy(data.dy.begin(), data.dy.end(), floats(dy_));
        dh_ = make(sizes_.state(), engine_), dc_ = make(sizes_.state(), engine_);
        dw_ = make(plans_.backward.dw, engine_), dr_ = make(plans_.backward.dr, engine_), dbias_ = make(sizes_.bias(), engine_);
        backward_ = backward_arguments();
    }

    void forward(int turn) { plans_.forward.primitive.execute(stream_, forward_[turn]); }
    void backward() { plans_.backward.primitive.execute(stream_, backward_); }

    void collect(Named<float> &results, int turn) {
        const Row &row = sizes_.row;
        const size_t size = row.state_size();
        for (int l = 0; l < sizes_.layers; l++) {
            results[name("h", first_ + l)] = values(h_[turn], l * size, size);
            if (row.has_cell_state())
                results[name("c", first_ + l)] = values(c_[turn], l * size, size);
        }
        if (!row.goes_back())
            return;
        const memory dw = ordered(dw_, w_.get_desc()), dr = ordered(dr_, r_.get_desc());
        for (int l = 0; l < sizes_.layers; l++) {
            results[name("dh", first_ + l)] = values(dh_, l * size, size);
            if (row.has_cell_state())
                results[name("dc", first_ + l)] = values(dc_, l * size, size);
            collect_parameters(results, l, dw, dr);
        }
    }

    const memory &y() const { return y_; }
    const memory &dx() const { return dx_; }
    std::string implementation() const {
        return std::to_string(sizes_.layers) + " layer(s) " + plans_.forward.implementation +
               (sizes_.row.goes_back() ? ", backward " + plans_.backward.implementation : "");
    }

private:
    memory ordered(const memory &from, const memory::desc &description) {
        memory result = make(description, engine_);
        memory source = from;
        dnnl::reorder(source, result).execute(stream_, source, result);
        stream_.wait();
        return result;
    }

    void set_states(const Data &data) {
        const size_t size = sizes_.row.state_size();
        for (int l = 0; l < sizes_.layers; l++) {
            std::copy(data.h[first_ + l].begin(), data.h[first_ + l].end(), floats(h_[0]) + l * size);
            if (sizes_.row.has_cell_state())
                std::copy(data.c[first_ + l].begin(), data.c[first_ + l].end(), floats(c_[0]) + l * size);
        }
    }

    // [G, H, columns] of a layer to [columns, G, H].
    void set_parameters(const Data &data) {
        const int gate_rows = sizes_.row.gates() * sizes_.row.hidden;
        for (int l = 0; l < sizes_.layers; l++) {
            const Layer &layer = data.layers[first_ + l];
            transpose(layer.w.data(), gate_rows, sizes_.inputs, floats(w_) + layer.w.size() * l);
            transpose(layer.r.data(), gate_rows, sizes_.row.hidden, floats(r_) + layer.r.size() * l);
            float *const bias = floats(bias_) + static_cast<size_t>(l) * sizes_.bias_rows() * sizes_.row.hidden;
            const int shared = sizes_.row.cell == Cell::gru ? 2 * sizes_.row.hidden : gate_rows;
            for (int g = 0; g < shared; g++)
                bias[g] = layer.bw[g] + layer.br[g];
            std::copy(layer.bw.begin() + shared, layer.bw.end(), bias + shared);
            std::copy(layer.br.begin() + shared, layer.br.end(), bias + gate_rows);
        }
    }

    static void transpose(const float *from, int rows, int columns, float *to) {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                to[static_cast<size_t>(j) * rows + i] = from[static_cast<size_t>(i) * columns + j];
    }

    void collect_parameters(Named<float> &results, int l, const memory &dw, const memory &dr) {
        const int hidden = sizes_.row.hidden, gate_rows = sizes_.row.gates() * hidden;
        Floats &w = results[name("dw", first_ + l)], &r = results[name("dr", first_ + l)];
        w.resize(static_cast<size_t>(gate_rows) * sizes_.inputs), r.resize(static_cast<size_t>(gate_rows) * hidden);
        transpose(floats(dw) + w.size() * l, sizes_.inputs, gate_rows, w.data());
        transpose(floats(dr) + r.size() * l, hidden, gate_rows, r.data());
        const size_t rows = static_cast<size_t>(sizes_.bias_rows()) * hidden;
        const Floats bias = values(dbias_, rows * l, rows);
        Floats &bw = results[name("dbw", first_ + l)], &br = results[name("dbr", first_ + l)];
        bw.assign(bias.begin(), bias.begin() + gate_rows);
        br = bw;
        if (sizes_.row.cell == Cell::gru)
            std::copy(bias.begin() + gate_rows, bias.end(), br.begin() + 2 * hidden);
    }

    // Reads states `from` and writes the others, so that no state is copied between units.
    Arguments forward_arguments(int from) {
        Arguments a = {{DNNL_ARG_SRC_LAYER, x_}, {DNNL_ARG_SRC_ITER, h_[from]}, {DNNL_ARG_WEIGHTS_LAYER, forward_weights_.first},
                       {DNNL_ARG_WEIGHTS_ITER, forward_weights_.second}, {DNNL_ARG_BIAS, bias_}, {DNNL_ARG_DST_LAYER, y_},
                       {DNNL_ARG_DST_ITER, h_[1 - from]}};
        if (sizes_.row.has_cell_state())
            a.insert({{DNNL_ARG_SRC_ITER_C, c_[from]}, {DNNL_ARG_DST_ITER_C, c_[1 - from]}});
        if (sizes_.row.trains())
            a.insert({DNNL_ARG_WORKSPACE, workspace_});
        return a;
    }

    Arguments backward_arguments() {
        Arguments a = forward_[0];
        a[DNNL_ARG_WEIGHTS_LAYER] = ordered(w_, plans_.backward.w);
        a[DNNL_ARG_WEIGHTS_ITER] = ordered(r_, plans_.backward.r);
        const memory none = make(sizes_.state(), engine_);  // nothing flows in at the last states
        a.insert({{DNNL_ARG_DIFF_SRC_LAYER, dx_}, {DNNL_ARG_DIFF_SRC_ITER, dh_}, {DNNL_ARG_DIFF_WEIGHTS_LAYER, dw_},
                  {DNNL_ARG_DIFF_WEIGHTS_ITER, dr_}, {DNNL_ARG_DIFF_BIAS, dbias_}, {DNNL_ARG_DIFF_DST_LAYER, dy_},
                  {DNNL_ARG_DIFF_DST_ITER, none}});
        if (sizes_.row.has_cell_state())
            a.insert({{DNNL_ARG_DIFF_SRC_ITER_C, dc_}, {DNNL_ARG_DIFF_DST_ITER_C, none}});
        return a;
    }

    dnnl::engine engine_;
    dnnl::stream stream_;
    Sizes sizes_;
    int first_;
    Plans plans_;
    memory x_, y_, bias_, w_, r_, h_[2], c_[2], workspace_, dx_, dy_, dh_, dc_, dw_, dr_, dbias_;
    std::pair<memory, memory> forward_weights_;
    Arguments forward_[2], backward_;
};

class OneDnnWork final : public Work {
public:
    OneDnnWork(const dnnl::engine &engine, const Row &row, const Data &data) : row_(row) {
        groups_.reserve(2);
        const bool apart = row.input != row.hidden && row.layers > 1;
        groups_.emplace_back(engine, row, data, 0, apart ? 1 : row.layers, nullptr);
        if (apart)
            groups_.emplace_back(engine, row, data, 1, row.layers - 1, &groups_[0].y());
        if (!row.goes_back())
            return;
        groups_.back().prepare_backward(data, nullptr);
        if (apart)
            groups_.front().prepare_backward(data, &groups_.back().dx());
        forward();
    }

    void unit() override {
        if (row_.mode != Mode::backward)
            forward();
        if (row_.goes_back())
            for (size_t g = groups_.size(); g-- > 0;)
                groups_[g].backward();
        if (!row_.trains())
            turn_ ^= 1;
    }

    Named<float> results() override {
        Named<float> results;
        for (Group &group : groups_)
            group.collect(results, row_.trains() ? 1 : turn_);
        results["y"] = values(groups_.back().y(), 0, row_.output_size());
        if (row_.goes_back())
            results["dx"] = values(groups_.front().dx(), 0, row_.input_size());
        return results;
    }

    std::string description() const override {
        std::string text;
        for (const Group &group : groups_)
            text += (text.empty() ? "" : "; ") + group.implementation();
        return text;
    }

private:
    void forward() {
        for (Group &group : groups_)
            group.forward(turn_);
    }

    Row row_;
    std::vector<Group> groups_;
    int turn_ = 0;
};

class OneDnnPeer final : public Peer {
public:
    std::string peer_name() const override { return PEER_NAME; }

    std::string version() const override {
        const dnnl::version_t *const v = dnnl::version();
        return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
    }

    std::string details() const override {
        using Isa = dnnl::cpu_isa;
        static const std::map<Isa, const char *> names = {
            {Isa::avx2, "AVX2"}, {Isa::avx2_vnni, "AVX2 with VNNI"}, {Isa::avx512_core, "AVX-512"}, {Isa::avx512_core_vnni, "AVX-512 with VNNI"},
            {Isa::avx512_core_bf16, "AVX-512 with bf16"}, {Isa::avx512_core_amx, "AVX-512 with AMX"},
#if DNNL_VERSION_MAJOR >= 3
            {Isa::avx512_core_fp16, "AVX-512 with fp16"}, {Isa::avx512_core_amx_fp16, "AVX-512 with AMX fp16"},
#endif
        };
        const auto found = names.find(dnnl::get_effective_cpu_isa());
        return std::string("may use ") + (found != names.end() ? found->second : "code " + std::to_string(static_cast<int>(dnnl::get_effective_cpu_isa())));
    }

    std::unique_ptr<Work> prepare(const Row &row, const Data &data) override {
        try {
            return std::make_unique<OneDnnWork>(engine_, row, data);
        } catch (const dnnl::error &reason) {
            throw Missing(std::string("oneDNN: ") + reason.what());
        }
    }

private:
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
};

}  // namespace
}  // namespace peers

int main(int count, char **arguments) {
    const int threads = peers::threads_of(count, arguments);
    omp_set_num_threads(threads);
    peers::OneDnnPeer peer;
    return peers::serve(peer, threads);
}
