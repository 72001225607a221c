#pragma once

#include "work.hpp"

#include <string>

namespace peers {

// The layers as the bytes of an ONNX model. Inputs: x, h.0 …, c.0 …; outputs: y where the work has more than one step, hn.0 …, cn.0 ….
// A layer hands its output to the next as ONNX chains such nodes; a single step hands on its new state, which has the right shape already.
std::string onnx_model(const Row &row, const Data &data);

}  // namespace peers
