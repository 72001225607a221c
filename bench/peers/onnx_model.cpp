// ONNX is protobuf: fields of a number, a wire type (0 integer, 2 bytes) and a value; the numbers are those of the published onnx.proto.
#include "onnx_model.hpp"

#include <cstdint>
#include <cstring>

namespace peers {
namespace {

class Message {
public:
    Message &integer(int field, uint64_t value) {
        varint(static_cast<uint64_t>(field) << 3);
        varint(value);
        return *this;
    }

    Message &text(int field, const std::string &value) {
        varint(static_cast<uint64_t>(field) << 3 | 2);
        varint(value.size());
        bytes_ += value;
        return *this;
    }

    Message &message(int field, const Message &value) { return text(field, value.bytes_); }

    const std::string &bytes() const { return bytes_; }

private:
    void varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            bytes_ += static_cast<char>(value | 0x80);
        bytes_ += static_cast<char>(value);
    }

    std::string bytes_;
};

using Shape = std::vector<int64_t>;

constexpr int kFloatType = 1, kInt64Type = 7, kIntegerAttribute = 2;

Message value_info(const std::string &name, const Shape &shape) {
    Message dimensions;
    for (const int64_t size : shape)
        dimensions.message(1, Message().integer(1, size));
    const Message tensor = Message().integer(1, kFloatType).message(2, dimensions);
    return Message().text(1, name).message(2, Message().message(1, tensor));
}

template <typename Number>
Message tensor(const std::string &name, int type, const Shape &shape, const std::vector<Number> &values) {
    Message result;
    for (const int64_t size : shape)
        result.integer(1, size);
    std::string raw(values.size() * sizeof(Number), '\0');
    std::memcpy(raw.data(), values.data(), raw.size());
    return result.integer(2, type).text(8, name).text(9, raw);
}

Message attribute(const char *name, int64_t value) { return Message().text(1, name).integer(3, value).integer(20, kIntegerAttribute); }

// Gates [G, H, columns] in ONNX's order: LSTM i o f g; GRU z r n as here.
void append(const Row &row, const Floats &values, int columns, Floats &to) {
    static const int lstm[] = {0, 3, 1, 2};
    const size_t size = static_cast<size_t>(row.hidden) * columns;
    for (int g = 0; g < row.gates(); g++) {
        const float *const from = &values[size * (row.cell == Cell::lstm ? lstm[g] : g)];
        to.insert(to.end(), from, from + size);
    }
}

const char *operation(Cell cell) { return cell == Cell::lstm ? "LSTM" : cell == Cell::gru ? "GRU" : "RNN"; }

void add_parameters(const Row &row, const Layer &layer, int index, Message &graph) {
    const int64_t gate_rows = static_cast<int64_t>(row.gates()) * row.hidden;
    Floats w, r, b;
    append(row, layer.w, row.inputs(index), w);
    append(row, layer.r, row.hidden, r);
    append(row, layer.bw, 1, b);
    append(row, layer.br, 1, b);
    graph.message(5, tensor(name("w", index), kFloatType, {1, gate_rows, row.inputs(index)}, w));
    graph.message(5, tensor(name("r", index), kFloatType, {1, gate_rows, row.hidden}, r));
    graph.message(5, tensor(name("b", index), kFloatType, {1, 2 * gate_rows}, b));
}

// The recurrent node of a layer; `output` is the name of its Y, empty where nobody reads it.
Message layer_node(const Row &row, int index, const std::string &input, const std::string &output) {
    Message node;
    for (const std::string &text : {input, name("w", index), name("r", index), name("b", index), std::string(), name("h", index)})
        node.text(1, text);
    if (row.has_cell_state())
        node.text(1, name("c", index));
    node.text(2, output).text(2, name("hn", index));
    if (row.has_cell_state())
        node.text(2, name("cn", index));
    node.text(3, name("layer", index)).text(4, operation(row.cell)).message(5, attribute("hidden_size", row.hidden));
    if (row.cell == Cell::gru)
        node.message(5, attribute("linear_before_reset", 1));
    return node;
}

}  // namespace

std::string onnx_model(const Row &row, const Data &data) {
    Message graph;
    const bool one_step = row.steps == 1;
    std::string input = "x";
    for (int l = 0; l < row.layers; l++) {
        // Y is [T, 1, B, H]. Between layers the axis of directions goes; the last Y is bound as it is, since taking the axis out would copy it.
        const bool last = l + 1 == row.layers;
        graph.message(1, layer_node(row, l, input, one_step ? "" : last ? "y" : name("directions", l)));
        if (!one_step && !last)
            graph.message(1, Message().text(1, name("directions", l)).text(1, "axis").text(2, name("y", l)).text(4, "Squeeze"));
        input = one_step ? name("hn", l) : name("y", l);
    }
    graph.text(2, "layers");
    const Shape state = {1, row.batch, row.hidden};
    graph.message(11, value_info("x", {row.steps, row.batch, row.input}));
    if (!one_step)
        graph.message(12, value_info("y", {row.steps, 1, row.batch, row.hidden}));
    if (!one_step && row.layers > 1)
        graph.message(5, tensor("axis", kInt64Type, {1}, std::vector<int64_t>{1}));
    for (int l = 0; l < row.layers; l++) {
        add_parameters(row, data.layers[l], l, graph);
        graph.message(11, value_info(name("h", l), state)).message(12, value_info(name("hn", l), state));
        if (row.has_cell_state())
            graph.message(11, value_info(name("c", l), state)).message(12, value_info(name("cn", l), state));
    }
    constexpr int kIrVersion = 8, kOperatorSet = 17;
    return Message().integer(1, kIrVersion).message(7, graph).message(8, Message().text(1, "").integer(2, kOperatorSet)).bytes();
}

}  // namespace peers
