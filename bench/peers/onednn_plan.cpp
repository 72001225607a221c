#include "onednn_plan.hpp"

namespace peers {

using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

memory::desc Sizes::source() const { return {{row.steps, row.batch, inputs}, memory::data_type::f32, Tag::tnc}; }
memory::desc Sizes::output() const { return {{row.steps, row.batch, row.hidden}, memory::data_type::f32, Tag::tnc}; }
memory::desc Sizes::state() const { return {{layers, 1, row.batch, row.hidden}, memory::data_type::f32, Tag::ldnc}; }
memory::desc Sizes::bias() const { return {{layers, 1, bias_rows(), row.hidden}, memory::data_type::f32, Tag::ldgo}; }
memory::desc Sizes::weights(int columns, Tag tag) const { return {{layers, 1, columns, row.gates(), row.hidden}, memory::data_type::f32, tag}; }

namespace {

// A primitive's description is made in two steps up to version 2 and in one since; `leading` is the activation of a vanilla cell.
template <typename Primitive, typename... Rest>
typename Primitive::primitive_desc describe(const dnnl::engine &engine, const Rest &...rest) {
#if DNNL_VERSION_MAJOR >= 3
    return typename Primitive::primitive_desc(engine, rest...);
#else
    return typename Primitive::primitive_desc(typename Primitive::desc(rest...), engine);
#endif
}

template <typename Primitive, typename Hint, typename... Rest>
typename Primitive::primitive_desc describe_backward(const dnnl::engine &engine, const Hint &hint, const Rest &...rest) {
#if DNNL_VERSION_MAJOR >= 3
    return typename Primitive::primitive_desc(engine, rest..., hint);
#else
    return typename Primitive::primitive_desc(typename Primitive::desc(rest...), engine, hint);
#endif
}

template <typename Primitive, typename Description>
Plan forward_plan(const Description &chosen) {
    return {Primitive(chosen), chosen.weights_layer_desc(), chosen.weights_iter_desc(), chosen.workspace_desc(), {}, {}, chosen.impl_info_str()};
}

template <typename Primitive, typename Description>
Plan backward_plan(const Description &chosen) {
    return {Primitive(chosen), chosen.weights_layer_desc(), chosen.weights_iter_desc(), chosen.workspace_desc(),
            chosen.diff_weights_layer_desc(), chosen.diff_weights_iter_desc(), chosen.impl_info_str()};
}

constexpr auto kDirection = dnnl::rnn_direction::unidirectional_left2right;

Plans lstm_plans(const dnnl::engine &engine, const Sizes &s, prop_kind kind, bool backward) {
    const memory::desc x = s.source(), y = s.output(), h = s.state(), b = s.bias();
    const memory::desc w = s.weights(s.inputs, Tag::any), r = s.weights(s.row.hidden, Tag::any);
    const auto forward = describe<dnnl::lstm_forward>(engine, kind, kDirection, x, h, h, w, r, b, y, h, h);
    Plans plans{forward_plan<dnnl::lstm_forward>(forward), {}};
    if (backward)
        plans.backward = backward_plan<dnnl::lstm_backward>(describe_backward<dnnl::lstm_backward>(
            engine, forward, prop_kind::backward, kDirection, x, h, h, w, r, b, y, h, h, x, h, h, w, r, b, y, h, h));
    return plans;
}

Plans gru_plans(const dnnl::engine &engine, const Sizes &s, prop_kind kind, bool backward) {
    const memory::desc x = s.source(), y = s.output(), h = s.state(), b = s.bias();
    const memory::desc w = s.weights(s.inputs, Tag::any), r = s.weights(s.row.hidden, Tag::any);
    const auto forward = describe<dnnl::lbr_gru_forward>(engine, kind, kDirection, x, h, w, r, b, y, h);
    Plans plans{forward_plan<dnnl::lbr_gru_forward>(forward), {}};
    if (backward)
        plans.backward = backward_plan<dnnl::lbr_gru_backward>(
            describe_backward<dnnl::lbr_gru_backward>(engine, forward, prop_kind::backward, kDirection, x, h, w, r, b, y, h, x, h, w, r, b, y, h));
    return plans;
}

Plans rnn_plans(const dnnl::engine &engine, const Sizes &s, prop_kind kind, bool backward) {
    const memory::desc x = s.source(), y = s.output(), h = s.state(), b = s.bias();
    const memory::desc w = s.weights(s.inputs, Tag::any), r = s.weights(s.row.hidden, Tag::any);
    constexpr auto tanh = dnnl::algorithm::eltwise_tanh;
    const auto forward = describe<dnnl::vanilla_rnn_forward>(engine, kind, tanh, kDirection, x, h, w, r, b, y, h);
    Plans plans{forward_plan<dnnl::vanilla_rnn_forward>(forward), {}};
    if (backward)
        plans.backward = backward_plan<dnnl::vanilla_rnn_backward>(describe_backward<dnnl::vanilla_rnn_backward>(
            engine, forward, prop_kind::backward, tanh, kDirection, x, h, w, r, b, y, h, x, h, w, r, b, y, h));
    return plans;
}

}  // namespace

Plans make_plans(const dnnl::engine &engine, const Sizes &sizes, bool training, bool backward) {
    const prop_kind kind = training ? prop_kind::forward_training : prop_kind::forward_inference;
    switch (sizes.row.cell) {
    case Cell::lstm:
        return lstm_plans(engine, sizes, kind, backward);
    case Cell::gru:
        return gru_plans(engine, sizes, kind, backward);
    default:
        return rnn_plans(engine, sizes, kind, backward);
    }
}

}  // namespace peers
