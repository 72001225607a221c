// oneDNN's recurrent primitives of all three cells, forward and backward, behind one description of what they need.
#pragma once

#include "work.hpp"

#include <dnnl.hpp>

namespace peers {

// Descriptions of the memories of `layers` equal layers: an input of `inputs` columns, states of H.
struct Sizes {
    Row row;
    int inputs, layers;

    int bias_rows() const { return row.cell == Cell::gru ? 4 : row.gates(); }  // GRU: the candidate has one for each product
    dnnl::memory::desc source() const;
    dnnl::memory::desc output() const;
    dnnl::memory::desc state() const;
    dnnl::memory::desc bias() const;
    // Weights in the user's order [layers, 1, inputs, G, H] or, with `any`, in the order that the primitive wants.
    dnnl::memory::desc weights(int columns, dnnl::memory::format_tag tag) const;
};

// A primitive and the orders of memory it has chosen.
struct Plan {
    dnnl::primitive primitive;
    dnnl::memory::desc w, r, workspace, dw, dr;
    std::string implementation;
};

struct Plans {
    Plan forward, backward;  // backward only where it was asked for
};

Plans make_plans(const dnnl::engine &engine, const Sizes &sizes, bool training, bool backward);

}  // namespace peers
